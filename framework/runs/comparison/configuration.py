"""Differences of configuration: values, with the positions at which they are set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from framework.runs.comparison.side import Side
from wcl import Section

#: They say what the run is called, which is told once for all.
_OWN = frozenset({"unitname", "reqnum", "attnum"})


@dataclass(frozen=True)
class ValueDifference:
    """A configuration value that differs; empty on the side that has none."""

    #: Dotted path.
    key: str
    old: str
    new: str
    #: Where it stands, as file and line.
    old_place: str
    new_place: str


def compare_values(old: Side, new: Side) -> tuple[ValueDifference, ...]:
    """Return the values of the whole configuration that differ, in its order."""
    found = _differences(old.pipeline, new.pipeline)
    return tuple(value for value in found if value.key not in _OWN)


def _differences(old: Section, new: Section) -> Iterator[ValueDifference]:
    for key in {**new, **old}:
        was, value = old.get(key), new.get(key)
        if isinstance(was, Section) or isinstance(value, Section):
            inside = [part if isinstance(part, Section) else Section() for part in (was, value)]
            yield from _differences(*inside)
        if isinstance(was, str) or isinstance(value, str):
            texts = [part if isinstance(part, str) else "" for part in (was, value)]
            places = [
                str(side.position(key)) if isinstance(part, str) else "" for side, part in ((old, was), (new, value))
            ]
            path = ".".join(filter(None, [new.path or old.path, key]))
            if texts[0] != texts[1] or bool(places[0]) != bool(places[1]):
                yield ValueDifference(path, *texts, *places)
