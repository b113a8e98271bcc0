"""Comparison of FITS files by HDU: headers card by card, images by pixel, tables by column."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from framework.pipeline.comparison_rules import Rules
from framework.runs.verification.arrays import array_differences
from framework.runs.verification.compare import CLOSE, DIFFERENT, VOLATILE, Difference, UnreadableError, display_value

#: What the writing of a file puts into its headers; the data are compared themselves.
OF_WRITING = frozenset({"DATE", "CHECKSUM", "DATASUM", "ZHECKSUM", "ZDATASUM"})
#: Keyword to the values and comments of its cards.
_Cards = dict[str, list[tuple[Any, str]]]


def differences(old: Path, new: Path, rules: Rules) -> Iterator[Difference]:
    """Yield differences, one header and data unit after another."""
    try:
        from astropy.io import fits  # optional: skyfw[astro]
    except ModuleNotFoundError as error:
        raise UnreadableError("astropy would tell where: pip install 'skyfw[astro]'") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with fits.open(old) as was, fits.open(new) as now:
                yield from _in_files(was, now, rules)
        except (OSError, ValueError, TypeError, IndexError, KeyError, fits.VerifyError) as error:
            raise UnreadableError(f"it is no whole FITS file: {error}") from error


def _in_files(was: Any, now: Any, rules: Rules) -> Iterator[Difference]:
    for number, (before, after) in enumerate(zip_longest(was, now)):
        if before is None or after is None:
            yield Difference(DIFFERENT, f"it has {len(now)} data units, had {len(was)}")
            return
        name = f"HDU {number}" + (f" ({before.name})" if before.name else "")
        yield from _in_header(before.header, after.header, name, rules)
        yield from _in_data(before, after, name, rules)


# ---------------------------------------------------------------- headers


def _in_header(was: Any, now: Any, name: str, rules: Rules) -> Iterator[Difference]:
    before, after = _cards(was), _cards(now)
    compared: list[str] = []
    varying: list[str] = []
    for key in {**before, **after}:
        (varying if key.upper() in OF_WRITING or rules.is_volatile(key) else compared).append(key)
    differing = sorted(key for key in varying if before.get(key) != after.get(key))
    if differing:
        yield Difference(VOLATILE, f"{name}: {', '.join(differing)}")
    yield from _in_cards(before, after, compared, name, rules)
    if _has_other_order(before, after, compared):
        yield Difference(CLOSE, f"{name}: the cards stand in another order")


def _has_other_order(before: _Cards, after: _Cards, keys: list[str]) -> bool:
    """Return whether both headers have the same of some keywords, in another order."""
    was, now = ([key for key in side if key in keys] for side in (before, after))
    return sorted(was) == sorted(now) and was != now


def _in_cards(before: _Cards, after: _Cards, keys: Iterable[str], name: str, rules: Rules) -> Iterator[Difference]:
    """Yield the differences of the cards with some keywords."""
    for key in keys:
        if key not in after:
            yield Difference(DIFFERENT, f"{name}: card {key} is gone, was {display_value(before[key][0][0])}")
        elif key not in before:
            yield Difference(DIFFERENT, f"{name}: card {key} is new: {display_value(after[key][0][0])}")
        elif before[key] != after[key]:
            yield _of_card(before[key], after[key], f"{name}: card {key}", key, rules)


def _cards(header: Any) -> _Cards:
    """Return values and comments by keyword; keywords such as HISTORY may be repeated."""
    found: _Cards = {}
    for card in header.cards:
        found.setdefault(card.keyword, []).append((card.value, card.comment))
    return found


def _of_card(was: list[tuple[Any, str]], now: list[tuple[Any, str]], name: str, key: str, rules: Rules) -> Difference:
    for number, (before, after) in enumerate(zip_longest(was, now), start=1):
        if before == after:
            continue
        which = f"{name} ({number} of {len(now)})" if max(len(was), len(now)) > 1 else name
        if before is None or after is None:
            return Difference(DIFFERENT, f"{name} stands {len(now)} times, was {len(was)} times")
        if before[0] == after[0]:
            return Difference(
                DIFFERENT, f"{which} has comment {display_value(after[1])}, was {display_value(before[1])}"
            )
        words = f"{which} is {display_value(after[0])}, was {display_value(before[0])}"
        limit = rules.of(key)
        numbers = all(isinstance(value, float) for value in (before[0], after[0]))
        if numbers and abs(after[0] - before[0]) <= limit.absolute + limit.relative * abs(before[0]):
            continue
        return Difference(DIFFERENT, words)
    return Difference(CLOSE, f"{name} is within its tolerance")


# ---------------------------------------------------------------- data


def _in_data(was: Any, now: Any, name: str, rules: Rules) -> Iterator[Difference]:
    before, after = was.data, now.data
    if before is None or after is None:
        if (before is None) != (after is None):
            yield Difference(DIFFERENT, f"{name}: the data are {'gone' if after is None else 'new'}")
    elif getattr(before, "columns", None) is not None and getattr(after, "columns", None) is not None:
        yield from _in_table(before, after, name, rules)
    else:
        yield from array_differences(before, after, rules.of(was.name), name, _pixel)


def _pixel(index: tuple[int, ...]) -> str:
    """Return a pixel's position as FITS counts: the fastest axis first, from 1."""
    return f"pixel ({', '.join(str(place + 1) for place in reversed(index))})"


def _row(index: tuple[int, ...]) -> str:
    inside = f"[{', '.join(str(place + 1) for place in reversed(index[1:]))}]" if index[1:] else ""
    return f"row {index[0] + 1}{inside}"


def _in_table(was: Any, now: Any, name: str, rules: Rules) -> Iterator[Difference]:
    if was.columns.names != now.columns.names:
        yield Difference(DIFFERENT, f"{name}: its columns are {now.columns.names}, were {was.columns.names}")
        return
    for column in was.columns.names:
        found = array_differences(
            was.field(column), now.field(column), rules.of(column), f"{name}: column {column}", _row
        )
        if rules.is_volatile(column):
            yield from (Difference(VOLATILE, f"{name}: column {column}") for _ in found)
        else:
            yield from found
