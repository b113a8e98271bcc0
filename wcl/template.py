"""Text with variables in it, parsed once and filled many times."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Union

from wcl.quoting import Quoted

#: Functions that only the job, or the writer of a list, can answer.
LATE = frozenset({"head", "secret", "fmt", "rnmlst", "loop"})
_MARK = re.compile(r"\$\$|\$(opt|func|head|secret|fmt|rnmlst|loop)?\{|\}", re.IGNORECASE)
#: Braces inside braces; deeper ones are text.
DEEPEST = 40
_WIDTH = re.compile(r"[0-9]{1,4}")

Part = Union[str, "Variable", "Call"]


@dataclass(frozen=True, slots=True)
class Variable:
    """`${name}`, `${name:4}` or `$opt{name}`."""

    #: The name in lower case, or the template that makes it: `rms_${band}`.
    name: "str | Template"
    #: As it was written.
    written: str
    #: Zeros are put before an integer up to this width.
    width: int | None
    optional: bool
    #: Where in the text it stands.
    start: int
    end: int
    #: What is wrong with it; found when it is filled.
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """`$FUNC{name,...}` or a late function."""

    kind: str
    #: `$HEAD{`, as it was written.
    opening: str
    inside: "Template"
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Template:
    """The parts of a text, in order."""

    text: str
    parts: tuple[Part, ...]

    def names(self) -> Iterator[str]:
        """The names of all variables; of a name that is made from others, those others."""
        for part in self.parts:
            if isinstance(part, Call):
                yield from part.inside.names()
            elif isinstance(part, Variable):
                if isinstance(part.name, Template):
                    yield from part.name.names()
                else:
                    yield part.name

    def made_names(self) -> Iterator[str]:
        """Regular expressions for names that are made from other variables: `rms_${band}` gives `rms_.*`."""
        for part in self.parts:
            if isinstance(part, Call):
                yield from part.inside.made_names()
            elif isinstance(part, Variable) and isinstance(part.name, Template):
                if any(isinstance(piece, str) for piece in part.name.parts):
                    yield "".join(re.escape(p.lower()) if isinstance(p, str) else ".*" for p in part.name.parts)
                yield from part.name.made_names()


@lru_cache(maxsize=65536)
def parse_template(text: str) -> Template:
    """The text's parts. What is not closed, or has no name, is text, as it always was."""
    parts: list[Part] = []
    waiting: list[tuple[re.Match[str], list[Part]]] = []
    at = 0
    for mark in _MARK.finditer(text):
        if mark.start() > at:
            parts.append(text[at : mark.start()])
        at = mark.end()
        if mark[0] == "$$":
            parts.append("$")
        elif mark[0] != "}" and len(waiting) < DEEPEST:
            waiting.append((mark, parts))
            parts = []
        elif mark[0] == "}" and waiting and parts:
            opening, outside = waiting.pop()
            outside.append(_reference(text, opening, _joined(parts), mark.end()))
            parts = outside
        elif mark[0] == "}" and waiting:
            opening, parts = waiting.pop()
            parts.append(opening[0] + "}")
        else:
            parts.append(mark[0])
    if at < len(text):
        parts.append(text[at:])
    while waiting:
        opening, outside = waiting.pop()
        parts = [*outside, opening[0], *parts]
    return Template(text, tuple(_joined(parts)))


def names_in(text: str) -> frozenset[str]:
    """The variables that a text refers to, in lower case; a quoted one refers to none."""
    if isinstance(text, Quoted) or "$" not in text:
        return frozenset()
    return frozenset(parse_template(text).names())


def _reference(text: str, opening: re.Match[str], inside: list[Part], end: int) -> Variable | Call:
    kind = (opening[1] or "").lower()
    written = text[opening.end() : end - 1]
    if kind not in ("", "opt"):
        return Call(kind, opening[0], Template(written, tuple(inside)), opening.start(), end)
    width, fault = None, ""
    last = inside[-1]
    if isinstance(last, str) and ":" in last:
        before, _, digits = last.rpartition(":")
        inside[-1:] = [before] if before else []
        written = written.rpartition(":")[0]
        if _WIDTH.fullmatch(digits):
            width = int(digits)
        else:
            fault = f"'{digits}' is not a number of digits"
    plain = all(isinstance(part, str) for part in inside)
    name = written.lower() if plain else Template(written, tuple(inside))
    return Variable(name, written, width, kind == "opt", opening.start(), end, fault)


def _joined(parts: list[Part]) -> list[Part]:
    """The parts with neighbouring texts made one."""
    joined: list[Part] = []
    for is_text, group in groupby(parts, key=lambda part: isinstance(part, str)):
        if is_text:
            joined.append("".join(part for part in group if isinstance(part, str)))
        else:
            joined.extend(group)
    return joined
