"""Journals on disk: what has been added to them since they were last looked at."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

Fact = dict[str, Any]

#: How much is read at once, and how much is written at once, so that neither memory nor a transaction grows with the
#: journal.
PART_BYTES = 2 * 1024 * 1024
BATCH_BYTES = 4 * PART_BYTES

# NaN and its kin are no JSON, and neither database takes them.
_decode_fast = msgspec.json.Decoder(dict[str, Any]).decode_lines
_decode = json.JSONDecoder(parse_constant=lambda name: None).decode

#: Characters that a database refuses in text, as JSON writes them: NUL, and halves of surrogate pairs.
_REFUSED = re.compile(rb"\\u(0000|[dD][89a-fA-F])")

_LINE = re.compile(rb"[^\n]*\n")


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """A complete line that tells nothing."""

    position: int
    text: str


@dataclass(frozen=True, kw_only=True)
class JournalPart:
    """Whole lines of a journal."""

    journal: str
    #: Where in the file they begin and end.
    start: int
    end: int
    facts: list[Fact]
    bad_lines: list[BadLine]
    #: How far it had been read, where it has been cut off since and goes on at its end.
    cut_from: int = 0


def new_parts(directory: Path, positions: Mapping[str, int]) -> Iterator[JournalPart]:
    """What the journals hold beyond the positions, in parts, journal by journal; a torn last line is left alone."""
    for name, size in _journals(directory):
        position = positions.get(name, 0)
        if size > position:
            yield from _parts(directory / name, position)
        elif size < position:
            yield JournalPart(journal=name, start=size, end=size, facts=[], bad_lines=[], cut_from=position)


def in_batches(parts: Iterable[JournalPart]) -> Iterator[list[JournalPart]]:
    """Parts that are written together."""
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


def first_fact(path: Path) -> Fact:
    """What opened a journal; empty when that line is bad."""
    with path.open("rb") as file:
        facts, _ = _facts(file.readline(), 0)
    return facts[0] if facts else {}


def one_by_one(part: JournalPart, directory: Path) -> Iterator[JournalPart]:
    """The same lines as parts of their own."""
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
    facts = _decoded_at_once(lines)
    return (facts, []) if facts is not None else _decoded_one_by_one(lines, start)


def _decoded_at_once(lines: bytes) -> list[Fact] | None:
    """All lines at once, which takes a fifth of the time; none unless each line is surely one good fact."""
    if _REFUSED.search(lines):
        return None
    try:
        # Stricter than the standard library: what is no JSON is looked at line by line.
        facts = _decode_fast(lines)
    except ValueError:
        return None
    # Between the end of an object and the beginning of another there is no line's end but between two facts.
    return facts if lines.count(b"}\n{") + 1 == lines.count(b"\n") == len(facts) else None


def _decoded_one_by_one(lines: bytes, start: int) -> tuple[list[Fact], list[BadLine]]:
    facts: list[Fact] = []
    bad_lines: list[BadLine] = []
    position = start
    for line in lines.split(b"\n")[:-1]:
        try:
            fact = _decode(line.decode())
            if type(fact) is not dict:
                raise ValueError("not a fact")
            facts.append(_acceptable(fact) if _REFUSED.search(line) else fact)
        except ValueError:
            text = line.decode("utf-8", "backslashreplace").replace("\0", "\\0")
            bad_lines.append(BadLine(position=position, text=text))
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
