"""Comparison of two runs: their plans, their configuration, their software and what came of them."""
