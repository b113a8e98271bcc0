"""Programs that need nothing but their command line, files and lists: most of them."""

from __future__ import annotations

from wrappers import Generic


class Wrapper(Generic):
    """The pipeline says it all."""
