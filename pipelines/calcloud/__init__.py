"""Hubble calibration jobs: learn from finished ones how much memory and time the next one needs."""
