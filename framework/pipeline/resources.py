"""Needs: what a call asks of the machine and of the engine, read once for a module and filled in for each call."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from framework.model.plan import Needs
from framework.pipeline.definition import ModuleDefinition
from framework.pipeline.numbers import a_number, numbers, rising
from framework.pipeline.problems import error_at
from wcl import Scope, SourcePosition, expand
from wcl.partial import expand_partially

#: What a call may ask for in numbers.
NUMBERS = (
    "request_memory", "request_disk", "request_cpus", "request_gpus", "max_walltime", "max_retries", "max_fwthreads",
    "memory_statuses",
)  # fmt: skip
#: What is passed on to the queue of a site, as one word each.
QUEUE = ("partition", "account")
WORD = re.compile(r"[\w.,@+:/-]*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class CallLimits:
    """What a call may use, and how often it is tried again."""

    needs: Needs
    max_retries: int
    max_fwthreads: int | None


class ModuleLimits:
    """The texts of a module's limits, with all but the loop's values filled in."""

    def __init__(self, module: ModuleDefinition, scope: Scope) -> None:
        self._module = module
        self._scope = scope
        self._texts = {key: (self._settled(key), self._position(key)) for key in (*NUMBERS, *QUEUE)}
        self._vary = any("$" in (text or "") for text, _ in self._texts.values())
        self._of_all: CallLimits | None = None

    def of(self, values: Mapping[str, str]) -> CallLimits:
        """The limits of the call with these loop values; read once where they are the same for all."""
        if self._vary or self._of_all is None:
            self._of_all = self._within(self._scope.child(values))
        return self._of_all

    def _within(self, scope: Scope) -> CallLimits:
        disk = self._number("request_disk", scope)
        needs = Needs(
            memory_steps_mb=tuple(map(int, self._numbers("request_memory", scope, rising))),
            disk_mb=int(disk) if disk is not None else None,
            cpus=int(self._number("request_cpus", scope) or 1),
            gpus=int(self._number("request_gpus", scope) or 0),
            walltime_steps_minutes=self._numbers("max_walltime", scope, rising),
            memory_statuses=tuple(map(int, self._numbers("memory_statuses", scope, numbers))),
            partition=self._word("partition", scope),
            account=self._word("account", scope),
        )
        return CallLimits(
            needs=needs,
            max_retries=int(self._number("max_retries", scope) or 0),
            max_fwthreads=int(self._number("max_fwthreads", scope) or 0) or None,
        )

    def _number(self, key: str, scope: Scope) -> float | None:
        text, position = self._texts[key]
        return None if text is None else a_number(key, expand(text, scope), position)

    def _numbers(
        self, key: str, scope: Scope, read: Callable[[str, str, SourcePosition], tuple[float, ...]]
    ) -> tuple[float, ...]:
        text, position = self._texts[key]
        return () if text is None else read(key, expand(text, scope), position)

    def _word(self, key: str, scope: Scope) -> str:
        text, position = self._texts[key]
        if text is None:
            return ""
        word = expand(text, scope, position).strip()
        if not WORD.fullmatch(word):
            raise error_at(position, f"{key} = {word} is not one word", hint="letters, digits and _ . , @ + : / -")
        return word

    def _settled(self, key: str) -> str | None:
        text = self._scope.look_up(key)
        return None if text is None else expand_partially(text, self._scope, self._module.loop.__contains__)

    def _position(self, key: str) -> SourcePosition:
        return self._module.section.position(key) if key in self._module.section else self._module.position
