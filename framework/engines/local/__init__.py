"""Local engine: runs on this machine, with a worker process for each slot."""
