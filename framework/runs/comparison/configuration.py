"""Differences of configuration: values, with the positions at which they are set."""

from __future__ import annotations

from collections.abc import Iterator

from framework.runs.comparison.differences import ValueDifference
from framework.runs.comparison.side import Side
from wcl import Section

#: They say what the run is called, which is told once for all.
_OWN = frozenset({"unitname", "reqnum", "attnum"})


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
        old_text, old_position = _text_of(old, key)
        new_text, new_position = _text_of(new, key)
        if old_text != new_text or bool(old_position) != bool(new_position):
            path = ".".join(filter(None, [new.path or old.path, key]))
            yield ValueDifference(path, old_text, new_text, old_position, new_position)


def _text_of(section: Section, key: str) -> tuple[str, str]:
    """Return a key's text and its position; empty where the section has no text of this key."""
    value = section.get(key)
    return (value, str(section.position(key))) if isinstance(value, str) else ("", "")
