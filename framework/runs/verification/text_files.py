"""Comparison of text files by line."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from framework.pipeline.comparison_rules import Rules
from framework.runs.verification.compare import DIFFERENT, Difference, UnreadableError, display_value


def differences(old: Path, new: Path, rules: Rules) -> Iterator[Difference]:
    """Yield the first line that differs."""
    try:
        with old.open(encoding="utf-8", newline="") as first, new.open(encoding="utf-8", newline="") as second:
            for number, (was, now) in enumerate(zip_longest(first, second), start=1):
                if "\0" in (was or "") + (now or ""):
                    raise UnreadableError("it is no text")
                if was != now:
                    yield Difference(DIFFERENT, _difference_text(number, was, now))
                    return
    except UnicodeDecodeError as error:
        raise UnreadableError("it is no text") from error


def _difference_text(number: int, was: str | None, now: str | None) -> str:
    if now is None:
        return f"it ends before line {number}, which was {display_value(was)}"
    return f"line {number} is {display_value(now)}, " + (
        "which was not there" if was is None else f"was {display_value(was)}"
    )
