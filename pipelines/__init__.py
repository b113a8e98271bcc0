"""Pipelines to submit, and the programs of each family."""
