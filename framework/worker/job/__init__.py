"""A job on the worker: its calls, their inputs and outputs."""
