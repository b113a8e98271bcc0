"""Queries of pipelines to the registry, one file each: SQL, or Python if SQL alone is not enough."""
