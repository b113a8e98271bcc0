"""Pause of Python's garbage collection, for work that makes many values without cycles."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Turn garbage collection off inside the context.

    Useful where many values are made that stay, or have no cycles: the collector's passes over them can take as long as
    the work itself.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
