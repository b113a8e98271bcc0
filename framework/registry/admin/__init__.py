"""Administration of the registry: check, copy, describe and compare."""
