"""Run names in texts: names made from a run's unit, request and attempt are equal between two runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from wcl import Section

if TYPE_CHECKING:
    from framework.runs.comparison.side import Names

#: How a pipeline writes them: ``r${reqnum}``, ``p${attnum:2}``, with the letters before, and what follows at once.
_WRITTEN = re.compile(
    r"([A-Za-z]*)\$(?:opt)?\{(unitname|reqnum|attnum)(?::(\d{1,2}))?\}(?=([A-Za-z0-9$])?)", re.IGNORECASE
)


@dataclass(frozen=True)
class OwnName:
    """A name of one run for which the other run has another one."""

    #: ``run``, ``archive_path``, ``unitname``, ``reqnum`` or ``attnum``.
    name: str
    old: str
    new: str


class RunNames:
    """Translation of texts of an old run into those of a new one, by the formats in which pipelines write run names."""

    def __init__(self, old: Names, new: Names, pipelines: Iterable[Section]) -> None:
        before, after = asdict(old), asdict(new)
        self.evened = tuple(OwnName(key, before[key], after[key]) for key in before if before[key] != after[key])
        self._new: dict[str, str] = {}
        clear: list[str] = []
        unclear: list[str] = []
        for whole in ("run", "archive_path"):
            if before[whole] != after[whole] and before[whole]:
                self._new[before[whole]] = after[whole]
                clear.append(re.escape(before[whole]))
        for letters, key, width, following in sorted(set(_forms(pipelines))):
            if before[key] == after[key]:
                continue
            text = letters + before[key].zfill(width)
            self._new[text] = letters + after[key].zfill(width)
            pattern = _bounded_pattern(text, letters, following)
            # A bare number may be any number: it is no name unless the other text has the other number there.
            (clear if letters or key == "unitname" else unclear).append(pattern)
        self._clear = _any_of(clear)
        self._every = _any_of(clear + unclear)
        self.same = lru_cache(100_000)(self._same)

    def __call__(self, text: str) -> str:
        """Return a text of the old run as the new run would write it."""
        return self._clear.sub(lambda found: self._new[found[0]], text) if self._clear else text

    def _same(self, old: str, new: str) -> bool:
        """Return whether two texts are equal once run names are replaced; each name may also be literal."""
        if old == new or self(old) == new:
            return True
        if self._every is None:
            return False
        pieces, end = [], 0
        for found in self._every.finditer(old):
            pieces.append(re.escape(old[end : found.start()]))
            pieces.append(f"(?:{re.escape(self._new[found[0]])}|{re.escape(found[0])})")
            end = found.end()
        return bool(end) and re.fullmatch("".join(pieces) + re.escape(old[end:]), new, re.DOTALL) is not None


def _forms(pipelines: Iterable[Section]) -> Iterator[tuple[str, str, int, str]]:
    """Yield the formats in which a name is written: letters before it, name, width, and the text right after it."""
    yield "", "unitname", 0, ""
    for pipeline in pipelines:
        for text in _texts(pipeline):
            for letters, key, width, after in _WRITTEN.findall(text):
                yield letters, key.lower(), int(width or 0), after


def _texts(section: Section) -> Iterator[str]:
    for value in section.values():
        if isinstance(value, Section):
            yield from _texts(value)
        elif "$" in value:
            yield value


def _bounded_pattern(text: str, letters: str, following: str) -> str:
    """Return a pattern that does not match inside a longer word or number."""
    before = "(?<![A-Za-z])" if letters else "(?<![A-Za-z0-9])"
    if following:
        # After a variable's value nobody knows where the name ends.
        return before + re.escape(text) + ("" if following == "$" else f"(?={following})")
    return before + re.escape(text) + ("(?![0-9])" if text[-1].isdigit() else "(?![A-Za-z0-9])")


def _any_of(patterns: list[str]) -> re.Pattern[str] | None:
    """Return a pattern for any of the names, longest first, so that a run's name is not taken for its unit's."""
    return re.compile("|".join(sorted(patterns, key=len, reverse=True))) if patterns else None
