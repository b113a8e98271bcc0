"""Calibration of one dataset: its programs, reference files, raw files from MAST, exit codes and resource usage."""
