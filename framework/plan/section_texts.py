"""Values of a section that stands at the top and in modules, filled in for each call."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from framework.pipeline.problems import error_at
from framework.plan.call_values import CallValues
from wcl import Section, deferred_calls, expand

#: Functions whose values exist only inside the job.
DEFERRED = frozenset({"head", "secret"})


class SectionTexts:
    """Plain values of the sections of one name; those of a module replace those of the top."""

    def __init__(
        self,
        name: str,
        parents: Iterable[Section],
        deferred: frozenset[str] = frozenset(),
        spell_key: Callable[[str], str] = str,
    ) -> None:
        """``deferred`` are functions that may be left to the job."""
        self._deferred = deferred
        self._texts = {
            spell_key(key): (value, parent.section(name).position(key))
            for parent in parents
            for key, value in parent.section(name).items()
            if isinstance(value, str)
        }
        is_plain = not any("$" in value for value, _ in self._texts.values())
        self._shared = {key: str(value) for key, (value, _) in self._texts.items()} if is_plain else None

    def fill(self, call: CallValues) -> dict[str, str]:
        """Return the values for a call."""
        if self._shared is not None:
            return self._shared
        values = {}
        for key, (text, position) in self._texts.items():
            values[key] = str(expand(text, call.scope, position))
            if unknown := {name for name, _ in deferred_calls(values[key])} - self._deferred:
                raise error_at(position, f"${unknown.pop().upper()}{{}} cannot be used here")
        return values
