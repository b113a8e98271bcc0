"""Comparison of a file with one that should be the same: by bytes, and where these differ by contents.

Each ``*_files`` module of this folder knows one kind of files. It has ``differences(old, new, rules)``, which yields
the differences from the beginning of the file on, and raises :class:`UnreadableError` for a file of another kind.
"""

from __future__ import annotations

import gzip
import importlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from framework.pipeline.comparison_rules import Rules

#: From the best to the worst: the same bits; the same but for what is declared to vary; equal as numbers, within what
#: is declared; none of these.
IDENTICAL, VOLATILE, CLOSE, DIFFERENT = VERDICTS = ("identical", "volatile", "close", "different")

CHUNK = 1 << 20
#: Which file of this folder knows a kind, by the end of the name.
_KINDS = {
    **dict.fromkeys((".fits", ".fit", ".fts", ".fz"), "fits"),
    **dict.fromkeys((".parquet", ".parq", ".pq"), "parquet"),
    **dict.fromkeys((".csv", ".tsv"), "csv"),
    ".json": "json",
}


class UnreadableError(Exception):
    """A file that is not of the kind that its name says, or whose reader is not installed; the message says which."""


@dataclass(frozen=True)
class Difference:
    """One difference between two files."""

    #: ``volatile``, ``close`` or ``different``.
    kind: str
    words: str


@dataclass(frozen=True)
class Verdict:
    """Result of a comparison of two files."""

    kind: str
    #: The first difference, or what differs and may.
    words: str = ""


def compare_files(old: Path, new: Path, rules: Rules) -> Verdict:
    """Compare a new file with an old one."""
    if _same_bytes(old, new):
        return Verdict(IDENTICAL)
    if old.suffix == ".gz":
        return _compare_unpacked(old, new, rules)
    return _compare_as(_kind(old), old, new, rules)


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        begins = file.read(10)
    if begins.startswith(b"SIMPLE  ="):
        return "fits"
    if begins.startswith(b"PAR1"):
        return "parquet"
    return _KINDS.get(path.suffix.lower(), "text")


def _compare_as(kind: str, old: Path, new: Path, rules: Rules) -> Verdict:
    """Compare by the first reader that can read both files; the error of an earlier one is appended."""
    reader_error = ""
    for reader in dict.fromkeys((kind, "text")):
        try:
            found = _summarize(_reader(reader)(old, new, rules))
        except UnreadableError as error:
            reader_error = reader_error or ("" if reader == "text" else f" ({error})")
        else:
            return Verdict(found.kind, found.words + reader_error)
    return Verdict(DIFFERENT, _summarize(_reader("raw")(old, new, rules)).words + reader_error)


def _reader(kind: str) -> Callable[[Path, Path, Rules], Iterator[Difference]]:
    # What reads FITS or parquet takes a second to import.
    module = importlib.import_module(f"framework.runs.verification.{kind}_files")
    differences: Callable[[Path, Path, Rules], Iterator[Difference]] = module.differences
    return differences


def _summarize(found: Iterator[Difference]) -> Verdict:
    """Return the first difference out of tolerance, or else the worst one within it."""
    allowed: dict[str, list[str]] = {VOLATILE: [], CLOSE: []}
    for difference in found:
        if difference.kind == DIFFERENT:
            return Verdict(DIFFERENT, difference.words)
        allowed[difference.kind].append(difference.words)
    kind = VOLATILE if allowed[VOLATILE] and not allowed[CLOSE] else CLOSE
    words = "; ".join([*allowed[CLOSE], *allowed[VOLATILE]])
    return Verdict(kind, words or "the same values, written otherwise")


def _same_bytes(old: Path, new: Path) -> bool:
    if old.stat().st_size != new.stat().st_size:
        return False
    with old.open("rb") as first, new.open("rb") as second:
        while chunk := first.read(CHUNK):
            if chunk != second.read(CHUNK):
                return False
    return True


def _compare_unpacked(old: Path, new: Path, rules: Rules) -> Verdict:
    """Compare two gzip files by their contents, since the header holds a time."""
    with tempfile.TemporaryDirectory(prefix="fw-unpacked-") as directory:
        unpacked = [Path(directory) / side / old.stem for side in ("old", "new")]
        try:
            for packed, target in zip((old, new), unpacked, strict=True):
                target.parent.mkdir()
                with gzip.open(packed, "rb") as reading, target.open("wb") as writing:
                    shutil.copyfileobj(reading, writing, CHUNK)
        except (OSError, EOFError) as error:
            as_bytes = _summarize(_reader("raw")(old, new, rules))
            return Verdict(DIFFERENT, f"{as_bytes.words} (not packed by gzip: {error})")
        inside = compare_files(unpacked[0], unpacked[1], rules)
    return Verdict(VOLATILE, "packed otherwise, the same inside") if inside.kind == IDENTICAL else inside


def display_value(value: object) -> str:
    """Return a value as a message shows it."""
    text = repr(value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value)
    return text if len(text) <= 80 else f"{text[:77]}..."
