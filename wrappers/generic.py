"""Wrapper of programs that need only their command line, files and lists; the default."""

from __future__ import annotations

from wrappers import Generic


class Wrapper(Generic):
    """A wrapper that runs the programs as the pipeline describes them."""
