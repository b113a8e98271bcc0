"""Checksums of what a job reads and makes."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Digest(Protocol):
        """What a checksum grows in."""

        def update(self, data: bytes, /) -> None: ...
        def hexdigest(self) -> str: ...


#: Bytes from which OpenSSL, four times as quick, is worth the three milliseconds that loading it takes a job.
WORTH_LOADING = 1 << 20


def sha256(first: bytes) -> Digest:
    """The sha256 that begins with some bytes: few of them are thought to be all."""
    if len(first) < WORTH_LOADING and "_sha2" in sys.stdlib_module_names:
        # Python's own, of 3.12 and later; hashlib would load OpenSSL before it offers this one.
        digest: Digest = import_module("_sha2").sha256(first)
        return digest
    import hashlib

    return hashlib.sha256(first)
