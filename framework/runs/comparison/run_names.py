"""Renaming: two runs' own names, which differ in all their paths, taken for the same where nothing else differs."""

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
    """A name of a run that the other run has otherwise."""

    #: ``run``, ``archive_path``, ``unitname``, ``reqnum`` or ``attnum``.
    name: str
    old: str
    new: str


class Renaming:
    """From the texts of an old run to those of a new one, by the ways in which the pipelines write their names."""

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
            pattern = _bounded(text, letters, following)
            # A bare number may be any number: it is no name unless the other text has the other number there.
            (clear if letters or key == "unitname" else unclear).append(pattern)
        self._clear = _any_of(clear)
        self._every = _any_of(clear + unclear)
        self.same = lru_cache(100_000)(self._same)

    def __call__(self, text: str) -> str:
        """An old text as the new run would write it."""
        return self._clear.sub(lambda found: self._new[found[0]], text) if self._clear else text

    def _same(self, old: str, new: str) -> bool:
        """Whether nothing differs but own names, each of which may also have been meant as it stands."""
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
    """The letters before, the name, its width, and what follows at once."""
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


def _bounded(text: str, letters: str, following: str) -> str:
    """Not inside a longer word or number."""
    before = "(?<![A-Za-z])" if letters else "(?<![A-Za-z0-9])"
    if following:
        # After a variable's value nobody knows where the name ends.
        return before + re.escape(text) + ("" if following == "$" else f"(?={following})")
    return before + re.escape(text) + ("(?![0-9])" if text[-1].isdigit() else "(?![A-Za-z0-9])")


def _any_of(patterns: list[str]) -> re.Pattern[str] | None:
    """The longest first, so that a run's name is not taken for its unit's."""
    return re.compile("|".join(sorted(patterns, key=len, reverse=True))) if patterns else None
