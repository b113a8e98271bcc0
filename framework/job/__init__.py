"""What runs on the worker: the standard library only."""
