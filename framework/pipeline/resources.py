"""Resources that a call asks for: read once for a module, and filled in for each call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from framework.model.job import Needs
from framework.pipeline.definition import QUEUE_KEYS, ModuleDefinition
from framework.pipeline.numbers import parse_number, parse_numbers, parse_rising_numbers
from framework.pipeline.problems import error_at
from wcl import Scope, SourcePosition, expand, expand_partially, split_list

#: Keys of what a call may ask for in numbers.
NUMBER_KEYS = (
    "request_memory", "request_disk", "request_cpus", "request_gpus", "max_walltime", "max_retries", "max_fwthreads",
    "memory_statuses",
)  # fmt: skip
WORD = re.compile(r"[\w.,@+:/-]*", re.ASCII)
#: A concurrency limit of the pool, with how much of it a job takes.
CONCURRENCY_LIMIT = re.compile(r"[A-Za-z]\w*(\.\w+)?(:\d+)?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class CallLimits:
    """Needs of a call, its retries and its threads."""

    needs: Needs
    max_retries: int
    max_threads: int | None


class ModuleLimits:
    """Limits of a module's calls, with all but the values of the loop filled in."""

    def __init__(self, module: ModuleDefinition, scope: Scope) -> None:
        self._module = module
        self._scope = scope
        self._texts = {key: (self._fill_shared(key), module.position_of(key)) for key in (*NUMBER_KEYS, *QUEUE_KEYS)}
        self._differ = any("$" in (text or "") for text, _ in self._texts.values())
        self._shared: CallLimits | None = None

    def fill(self, values: Mapping[str, str]) -> CallLimits:
        """Return the limits of the call with these loop values; they are read once if all calls share them."""
        if self._differ or self._shared is None:
            self._shared = self._read(self._scope.child(values))
        return self._shared

    def _read(self, scope: Scope) -> CallLimits:
        disk = self._number("request_disk", scope)
        needs = Needs(
            memory_steps_mb=tuple(map(int, self._numbers("request_memory", scope, parse_rising_numbers))),
            disk_mb=int(disk) if disk is not None else None,
            cpus=int(self._number("request_cpus", scope) or 1),
            gpus=int(self._number("request_gpus", scope) or 0),
            walltime_steps_minutes=self._numbers("max_walltime", scope, parse_rising_numbers),
            memory_statuses=tuple(map(int, self._numbers("memory_statuses", scope, parse_numbers))),
            partition=self._word("partition", scope),
            account=self._word("account", scope),
        )
        return CallLimits(
            needs=needs,
            max_retries=int(self._number("max_retries", scope) or 0),
            max_threads=int(self._number("max_fwthreads", scope) or 0) or None,
        )

    def _number(self, key: str, scope: Scope) -> float | None:
        text, position = self._texts[key]
        return None if text is None else parse_number(key, expand(text, scope), position)

    def _numbers(
        self, key: str, scope: Scope, parse: Callable[[str, str, SourcePosition], tuple[float, ...]]
    ) -> tuple[float, ...]:
        text, position = self._texts[key]
        return () if text is None else parse(key, expand(text, scope), position)

    def _word(self, key: str, scope: Scope) -> str:
        text, position = self._texts[key]
        if text is None:
            return ""
        word = expand(text, scope, position).strip()
        if not WORD.fullmatch(word):
            raise error_at(position, f"{key} = {word} is not one word", hint="letters, digits and _ . , @ + : / -")
        return word

    def _fill_shared(self, key: str) -> str | None:
        text = self._scope.look_up(key)
        return None if text is None else expand_partially(text, self._scope, self._module.loop.__contains__)


def read_concurrency_limits(module: ModuleDefinition, scope: Scope) -> tuple[str, ...]:
    """Return the concurrency limits that a module names."""
    text = scope.look_up("concurrency_limits")
    position = scope.position("concurrency_limits") or module.position
    names = tuple(name for name in split_list(expand(text, scope, position)) if name) if text else ()
    for name in names:
        if not CONCURRENCY_LIMIT.fullmatch(name):
            hint = "a name, or name:weight, such as archive:2"
            raise error_at(position, f"'{name}' is not a concurrency limit", hint)
    return names
