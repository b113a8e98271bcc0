"""Comparison of JSON files by value."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from framework.pipeline.comparison_rules import Rules, Tolerance
from framework.runs.verification.compare import CLOSE, DIFFERENT, VOLATILE, Difference, UnreadableError, display_value


def differences(old: Path, new: Path, rules: Rules) -> Iterator[Difference]:
    """Yield values that differ, in the old file's order; a number is named by the nearest key."""
    try:
        was, now = (json.loads(path.read_bytes()) for path in (old, new))
        yield from _in_value(was, now, "", "", rules)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"it is no JSON: {error}") from error


def _in_value(was: Any, now: Any, place: str, name: str, rules: Rules) -> Iterator[Difference]:
    if isinstance(was, dict) and isinstance(now, dict):
        yield from _in_object(was, now, place, rules)
    elif isinstance(was, list) and isinstance(now, list):
        yield from _in_list(was, now, place, name, rules)
    elif _is_number(was) and _is_number(now):
        yield from _in_number(was, now, place, rules.of(name))
    elif type(was) is not type(now) or was != now:
        yield _different(was, now, place)


def _in_list(was: list[Any], now: list[Any], place: str, name: str, rules: Rules) -> Iterator[Difference]:
    if len(was) != len(now):
        yield Difference(DIFFERENT, f"{place or 'it'} has {len(now)} values, had {len(was)}")
    for number, pair in enumerate(zip(was, now, strict=False)):
        yield from _in_value(*pair, f"{place}[{number}]", name, rules)


def _in_number(was: float, now: float, place: str, limit: Tolerance) -> Iterator[Difference]:
    if was == now or (math.isnan(was) and math.isnan(now)):
        return
    if _is_close(was, now, limit):
        yield Difference(CLOSE, f"{place} is {display_value(now)}, was {display_value(was)}, within its tolerance")
    else:
        yield _different(was, now, place)


def _is_close(was: float, now: float, limit: Tolerance) -> bool:
    """Return whether two numbers are within a tolerance; infinities are not."""
    return not (math.isinf(was) or math.isinf(now)) and abs(now - was) <= limit.absolute + limit.relative * abs(was)


def _in_object(was: dict[str, object], now: dict[str, object], place: str, rules: Rules) -> Iterator[Difference]:
    for key in {**was, **now}:
        at = f"{place}.{key}" if place else key
        if rules.is_volatile(key):
            if was.get(key) != now.get(key):
                yield Difference(VOLATILE, f"{at} differs")
        elif key not in now:
            yield Difference(DIFFERENT, f"{at} is gone, was {display_value(was[key])}")
        elif key not in was:
            yield Difference(DIFFERENT, f"{at} is new: {display_value(now[key])}")
        else:
            yield from _in_value(was[key], now[key], at, key, rules)


def _different(was: Any, now: Any, place: str) -> Difference:
    return Difference(DIFFERENT, f"{place or 'it'} is {display_value(now)}, was {display_value(was)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
