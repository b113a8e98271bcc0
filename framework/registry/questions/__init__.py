"""Questions to the registry: runs, calls, files, metadata and provenance."""
