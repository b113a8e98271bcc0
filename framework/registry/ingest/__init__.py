"""Ingest of journals: facts into rows of the registry."""
