"""Runs: from a submission to its end, its restart and its recovery."""
