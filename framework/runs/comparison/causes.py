"""Causes of differences: configuration values that differ and that a differing call depends on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from framework.pipeline.keys import DESDM_KEYS
from framework.runs.comparison.differences import CallDifference, Cause, ValueDifference
from framework.runs.comparison.side import Side
from wcl import Section, variable_names

#: Sections whose values reach every call that does not name its own.
_SHARED = ("directory_pattern", "filename_pattern", "job_environment", "environment", "wrapper", "framework_file")


def find_causes(
    calls: Iterable[CallDifference], values: tuple[ValueDifference, ...], old: Side, new: Side
) -> tuple[CallDifference, ...]:
    """Return the calls with their possible causes: values of their module and block, and what these refer to."""

    @cache
    def causes(block: str, module: str) -> tuple[Cause, ...]:
        reach = _ReferredKeys(new.pipeline, block, module), _ReferredKeys(old.pipeline, block, module)
        return tuple(
            Cause(value.key, value.new_place or value.old_place)
            for value in values
            if any(part.bears(value.key) for part in reach)
        )

    found = tuple(calls)
    follows = _UpstreamCalls(found, old, False), _UpstreamCalls(found, new, True)
    return tuple(
        replace(call, causes=causes(call.block, call.module), follows=follows[call.kind != "removed"].by(call.number))
        for call in found
    )


class _UpstreamCalls:
    """Differing calls of one side whose outputs another differing call reads."""

    def __init__(self, found: Iterable[CallDifference], side: Side, is_new: bool) -> None:
        differing = {call.number for call in found if (call.kind != "removed") == is_new}
        self._calls = {call.number: call for call in side.calls if call.number in differing}
        self._made_by = {file.path: number for number, call in self._calls.items() for file in call.outputs}

    def by(self, number: int) -> tuple[int, ...]:
        makers = {self._made_by[file.path] for file in self._calls[number].inputs if file.path in self._made_by}
        return tuple(sorted(makers))


class _ReferredKeys:
    """Keys that a module in a block refers to, directly or through others."""

    def __init__(self, pipeline: Section, block: str, module: str) -> None:
        self._own = (f"module.{module.lower()}.", f"block.{block.lower()}.")
        self._module = pipeline.section("module").section(module.lower())
        block_section = pipeline.section("block").section(block.lower())
        parts = [self._module, block_section, *map(pipeline.section, _SHARED)]
        self._names = _referred_names(parts, pipeline)
        self._types = {value.lower() for key, value in _items(self._module) if key == "filetype"}
        self._programs = {word for key, text in _items(self._module) if key == "execname" for word in text.split()[:1]}

    def bears(self, key: str) -> bool:
        first, _, rest = key.partition(".")
        if first in ("module", "block"):
            return key.startswith(self._own) and not key.endswith(".modulelist")
        if first == "filetype_metadata":
            return rest.partition(".")[0] in self._types
        if first == "exec_def":
            return rest.partition(".")[0] in {program.rpartition("/")[2].lower() for program in self._programs}
        if rest:
            return first in _SHARED or key in self._names
        return key in self._names or (key in DESDM_KEYS and "module" in DESDM_KEYS[key].sections)


def _referred_names(parts: Sequence[Section], pipeline: Section) -> set[str]:
    """Return the names of variables in the texts of some sections, and in what these stand for, in turn."""
    names: set[str] = set()
    waiting = [text for part in parts for text in _texts(part)] + ["${run}"]
    while waiting:
        for name in variable_names(waiting.pop()) - names:
            names.add(name)
            waiting += (value for part in (*parts, pipeline) if isinstance(value := part.get(name), str))
    return names


def _texts(section: Section) -> Iterator[str]:
    return (text for _, text in _items(section))


def _items(section: Section) -> Iterator[tuple[str, str]]:
    for key, value in section.items():
        if isinstance(value, Section):
            yield from _items(value)
        else:
            yield key, value
