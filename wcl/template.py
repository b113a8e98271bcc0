"""Templates: texts with variables, parsed once and filled in many times."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Union

from wcl.quoting import Quoted

#: Functions whose values are deferred: only the job, or the writer of a list, knows them.
DEFERRED_FUNCTIONS = frozenset({"head", "secret", "fmt", "rnmlst", "loop"})
_MARK = re.compile(r"\$\$|\$(opt|func|head|secret|fmt|rnmlst|loop)?\{|\}", re.IGNORECASE)
#: Depth of braces inside braces; deeper ones are text.
DEEPEST = 40
_WIDTH = re.compile(r"[0-9]{1,4}")

TemplatePart = Union[str, "Variable", "FunctionCall"]


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable in a text: `${name}`, `${name:4}` or `$opt{name}`."""

    #: Name in lower case, or a template that the name is computed from: `rms_${band}`.
    name: "str | Template"
    #: Name as it was written.
    written: str
    #: Number of digits that an integer is padded to with zeros.
    width: int | None
    #: True for `$opt{name}`, which is empty if the name has no value.
    optional: bool
    #: Start and end in the text.
    start: int
    end: int
    #: Fault in the way it is written, reported when it is filled in; empty for none.
    fault: str = ""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call in a text: of a registered function, `$FUNC{name,...}`, or of a deferred one."""

    #: Word before the brace in lower case, such as `func` or `head`.
    kind: str
    #: Word, dollar and brace as they were written: `$HEAD{`.
    opening: str
    inside: "Template"
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed text: its parts in order."""

    text: str
    parts: tuple[TemplatePart, ...]

    def names(self) -> Iterator[str]:
        """Find the names of all variables; for a computed name, those that it is computed from."""
        for part in self.parts:
            if isinstance(part, FunctionCall):
                yield from part.inside.names()
            elif isinstance(part, Variable):
                if isinstance(part.name, Template):
                    yield from part.name.names()
                else:
                    yield part.name

    def computed_names(self) -> Iterator[str]:
        """Find regular expressions of the names that are computed from variables: `rms_.*` for `rms_${band}`."""
        for part in self.parts:
            if isinstance(part, FunctionCall):
                yield from part.inside.computed_names()
            elif isinstance(part, Variable) and isinstance(part.name, Template):
                if any(isinstance(piece, str) for piece in part.name.parts):
                    yield "".join(re.escape(p.lower()) if isinstance(p, str) else ".*" for p in part.name.parts)
                yield from part.name.computed_names()


@lru_cache(maxsize=65536)
def parse_template(text: str) -> Template:
    """Parse a text into its parts; a variable that is not closed or has no name is plain text, as in DESDM."""
    parts: list[TemplatePart] = []
    #: Opening braces that are not closed yet, with the parts before them.
    unclosed: list[tuple[re.Match[str], list[TemplatePart]]] = []
    at = 0
    for mark in _MARK.finditer(text):
        if mark.start() > at:
            parts.append(text[at : mark.start()])
        at = mark.end()
        if mark[0] == "$$":
            parts.append("$")
        elif mark[0] != "}" and len(unclosed) < DEEPEST:
            unclosed.append((mark, parts))
            parts = []
        elif mark[0] == "}" and unclosed and parts:
            opening, outside = unclosed.pop()
            outside.append(_parse_reference(text, opening, _join_texts(parts), mark.end()))
            parts = outside
        elif mark[0] == "}" and unclosed:
            opening, parts = unclosed.pop()
            parts.append(opening[0] + "}")
        else:
            parts.append(mark[0])
    if at < len(text):
        parts.append(text[at:])
    while unclosed:
        opening, outside = unclosed.pop()
        parts = [*outside, opening[0], *parts]
    return Template(text, tuple(_join_texts(parts)))


def variable_names(text: str) -> frozenset[str]:
    """Return the names of the variables in a text, in lower case; none for a quoted text."""
    if isinstance(text, Quoted) or "$" not in text:
        return frozenset()
    return frozenset(parse_template(text).names())


def _parse_reference(
    text: str, opening: re.Match[str], inside: list[TemplatePart], end: int
) -> Variable | FunctionCall:
    kind = (opening[1] or "").lower()
    written = text[opening.end() : end - 1]
    if kind not in ("", "opt"):
        return FunctionCall(kind, opening[0], Template(written, tuple(inside)), opening.start(), end)
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


def _join_texts(parts: list[TemplatePart]) -> list[TemplatePart]:
    """Join neighbouring texts in a list of parts."""
    joined: list[TemplatePart] = []
    for is_text, group in groupby(parts, key=lambda part: isinstance(part, str)):
        if is_text:
            joined.append("".join(part for part in group if isinstance(part, str)))
        else:
            joined.extend(group)
    return joined
