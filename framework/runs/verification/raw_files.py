"""Comparison of files of any kind by byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from framework.pipeline.comparison_rules import Rules
from framework.runs.verification.compare import CHUNK, DIFFERENT, Difference


def differences(old: Path, new: Path, rules: Rules) -> Iterator[Difference]:
    """Yield the first byte that differs."""
    sizes = old.stat().st_size, new.stat().st_size
    at = _first(old, new)
    if at == min(sizes):
        yield Difference(DIFFERENT, f"it has {sizes[1]} bytes, was {sizes[0]}, the same up to the shorter one's end")
    else:
        yield Difference(DIFFERENT, f"the first byte that differs is number {at + 1} of {sizes[1]}")


def _first(old: Path, new: Path) -> int:
    done = 0
    with old.open("rb") as first, new.open("rb") as second:
        while True:
            was, now = first.read(CHUNK), second.read(CHUNK)
            if was != now or not was:
                same = next((at for at, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), None)
                return done + (min(len(was), len(now)) if same is None else same)
            done += len(was)
