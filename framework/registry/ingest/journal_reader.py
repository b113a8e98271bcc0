"""Journals on disk: the facts that were added since the last look."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from framework.model.facts import DECODER, Fact

#: Bytes that are read at once, and written at once, so that neither memory nor a transaction grows with the journal.
PART_BYTES = 2 * 1024 * 1024
BATCH_BYTES = 4 * PART_BYTES

_decode_lines = DECODER.decode_lines
# NaN and the infinities are not JSON, and neither database accepts them.
_decode = json.JSONDecoder(parse_constant=lambda name: None).decode

#: Characters that a database refuses in text, as JSON writes them: NUL, and halves of surrogate pairs.
_REFUSED = re.compile(rb"\\u(0000|[dD][89a-fA-F])")

_LINE = re.compile(rb"[^\n]*\n")


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """A complete line that is not a fact."""

    #: Offset of the line in bytes.
    position: int
    text: str
    #: Why it is not a fact of the journal, if it is a JSON object.
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class JournalPart:
    """Whole lines of a journal."""

    journal: str
    #: Offsets of their begin and end in bytes.
    start: int
    end: int
    facts: list[Fact]
    bad_lines: list[BadLine]
    #: Offset up to which the journal had been read, if it was truncated since; 0 if not.
    cut_from: int = 0


def new_parts(directory: Path, positions: Mapping[str, int]) -> Iterator[JournalPart]:
    """Yield the lines after the given offsets in parts, journal by journal; an incomplete last line is left alone."""
    for name, size in _journals(directory):
        position = positions.get(name, 0)
        if size > position:
            yield from _parts(directory / name, position)
        elif size < position:
            yield JournalPart(journal=name, start=size, end=size, facts=[], bad_lines=[], cut_from=position)


def batches(parts: Iterable[JournalPart]) -> Iterator[list[JournalPart]]:
    """Group parts that are written together."""
    batch: list[JournalPart] = []
    size = 0
    for part in parts:
        batch.append(part)
        size += part.end - part.start
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def first_fact(path: Path) -> Fact | None:
    """Return the fact that opened a journal; None if that line is bad."""
    with path.open("rb") as file:
        facts, _ = _facts(file.readline(), 0)
    return facts[0] if facts else None


def split_part(part: JournalPart, directory: Path) -> Iterator[JournalPart]:
    """Yield each line as a part of its own."""
    with (directory / part.journal).open("rb") as file:
        file.seek(part.start)
        position = part.start
        for line in _LINE.findall(file.read(part.end - part.start)):
            yield _part(part.journal, position, line)
            position += len(line)


def _journals(directory: Path) -> list[tuple[str, int]]:
    try:
        with os.scandir(directory) as entries:
            return sorted((entry.name, entry.stat().st_size) for entry in entries if entry.name.endswith(".jsonl"))
    except FileNotFoundError:
        return []


def _parts(path: Path, position: int) -> Iterator[JournalPart]:
    with path.open("rb") as file:
        file.seek(position)
        # The rest of the last line, so that a line longer than a part is whole too.
        while (read := file.read(PART_BYTES) + file.readline()) and (end := read.rfind(b"\n") + 1):
            yield _part(path.name, position, read[:end])
            position += end
            file.seek(position)


def _part(journal: str, start: int, lines: bytes) -> JournalPart:
    facts, bad_lines = _facts(lines, start)
    return JournalPart(journal=journal, start=start, end=start + len(lines), facts=facts, bad_lines=bad_lines)


def _facts(lines: bytes, start: int) -> tuple[list[Fact], list[BadLine]]:
    facts = _decode_at_once(lines)
    return (facts, []) if facts is not None else _decode_one_by_one(lines, start)


def _decode_at_once(lines: bytes) -> list[Fact] | None:
    """Return the facts of all lines, in a fifth of the time; None unless each line is surely one good fact."""
    if _REFUSED.search(lines):
        return None
    try:
        # An error is looked at line by line.
        facts = _decode_lines(lines)
    except ValueError:
        return None
    # Between the end of an object and the beginning of another there is no line's end but between two facts.
    return facts if lines.count(b"}\n{") + 1 == lines.count(b"\n") == len(facts) else None


def _decode_one_by_one(lines: bytes, start: int) -> tuple[list[Fact], list[BadLine]]:
    facts: list[Fact] = []
    bad_lines: list[BadLine] = []
    position = start
    for line in lines.split(b"\n")[:-1]:
        try:
            value = _decode(line.decode())
            if type(value) is not dict:
                raise ValueError("not a fact")
            facts.append(msgspec.convert(_acceptable(value) if _REFUSED.search(line) else value, Fact))
        except ValueError as error:
            text = line.decode("utf-8", "backslashreplace").replace("\0", "\\0")
            reason = str(error) if isinstance(error, msgspec.ValidationError) else ""
            bad_lines.append(BadLine(position=position, text=text, reason=reason))
        position += len(line) + 1
    return facts, bad_lines


def _acceptable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list):
        return [_acceptable(item) for item in value]
    if isinstance(value, dict):
        return {_acceptable(key): _acceptable(item) for key, item in value.items()}
    return value
