"""Verification of a run: its calls repeated and the files compared."""
