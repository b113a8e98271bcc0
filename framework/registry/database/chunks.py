"""Chunks of ids or paths, for statements with a limited number of parameters."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

#: Values in one statement, below the limit of parameters of every SQLite.
CHUNK_SIZE = 500


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield the values in lists of at most :data:`CHUNK_SIZE`, in their order."""
    remaining = iter(values)
    while chunk := list(islice(remaining, CHUNK_SIZE)):
        yield chunk
