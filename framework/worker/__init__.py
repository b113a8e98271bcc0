"""The worker: what runs a job on its machine. It imports the standard library and wrappers only."""
