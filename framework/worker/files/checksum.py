"""Checksums of files that a job reads and makes."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Digest(Protocol):
        """Hash object of hashlib or of its parts."""

        def update(self, data: bytes, /) -> None: ...
        def hexdigest(self) -> str: ...


#: Bytes from which OpenSSL, four times as fast, is worth the three milliseconds that it takes to load.
WORTH_LOADING = 1 << 20


def sha256(first: bytes) -> Digest:
    """Return a sha256 hash object of some bytes; if they are few, more are not expected."""
    if len(first) < WORTH_LOADING and "_sha2" in sys.stdlib_module_names:
        # Python's own, since 3.12; hashlib would load OpenSSL as well.
        digest: Digest = import_module("_sha2").sha256(first)
        return digest
    import hashlib  # loads OpenSSL

    return hashlib.sha256(first)
