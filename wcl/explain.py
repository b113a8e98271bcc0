"""Where a value comes from, and how it becomes what it is."""

from collections.abc import Iterator
from dataclasses import dataclass

from wcl.errors import Place, WclError, fail
from wcl.expansion import expand, expand_all
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.section import Section
from wcl.spelling import did_you_mean
from wcl.template import Call, Part, Template, Variable, parse_template

#: A longer story is not read.
MOST_STEPS = 200


@dataclass(frozen=True)
class Step:
    """One variable put in."""

    variable: str
    value: str
    place: Place | None
    #: The text after it.
    text: str


@dataclass(frozen=True)
class Explanation:
    """The story of a value."""

    key: str
    value: str
    place: Place
    #: What it replaced, oldest first.
    replaced: tuple[tuple[Place, str], ...]
    steps: tuple[Step, ...]
    #: The value filled in: several where lists are in it.
    results: tuple[str, ...]
    #: Why it cannot be filled in here; empty where it can.
    problem: str = ""


def explain(section: Section, key: str, scope: Scope | None = None) -> Explanation:
    """The story of a key, given by its dotted path; variables are looked up in `scope`, or else from the top."""
    holder, name = _holder(section, key)
    value = holder.text(name)
    scope = scope or Scope(holder, root=section)
    steps = tuple(_steps(value, scope))
    replaced = tuple((place, _shown(old)) for place, old in holder.replaced(name))
    try:
        results, problem = tuple(expand_all(value, scope, holder.place(name))), ""
    except WclError as error:
        results, problem = (), str(error)
    return Explanation(key, value, holder.place(name), replaced, steps, results, problem)


def _holder(section: Section, key: str) -> tuple[Section, str]:
    """The section and the key at the end of a dotted path."""
    for folded in (key.lower(), key):
        if folded in section:
            return section, folded
    first, dot, rest = key.partition(".")
    if not dot:
        where = f"section '{section.path}'" if section.path else "the configuration"
        raise fail(section.opened, f"{where} has no '{key}'", did_you_mean(key.lower(), section))
    inside = section[first.lower()]
    if isinstance(inside, str):
        raise fail(section.place(first.lower()), f"'{first}' is a plain value, with nothing inside")
    return _holder(inside, rest)


def _shown(value: object) -> str:
    return "a section" if isinstance(value, Section) else str(value)


def _steps(text: str, scope: Scope) -> Iterator[Step]:
    """Put one variable in after the other, the innermost and leftmost first."""
    for _ in range(MOST_STEPS):
        template = parse_template(text)
        variable = None if isinstance(text, Quoted) else next(_ready(template.parts), None)
        value = scope.look_up(variable.name) if variable and isinstance(variable.name, str) else None
        if variable is None or (value is None and not variable.optional):
            return
        put = value or ""
        if isinstance(put, Quoted) or variable.width is not None:
            put = _whole(text[variable.start : variable.end], scope)
        text = text[: variable.start] + put + text[variable.end :]
        yield Step(variable.written, value or "", scope.place(variable.written), text)


def _whole(text: str, scope: Scope) -> str:
    """A padded or quoted variable filled in at once; a dollar in it is text from here on."""
    try:
        return expand(text, scope).replace("$", "$$")
    except WclError:
        return ""


def _ready(parts: tuple[Part, ...]) -> Iterator[Variable]:
    """Variables whose names need nothing more."""
    for part in parts:
        if isinstance(part, Call):
            yield from _ready(part.inside.parts)
        elif isinstance(part, Variable) and isinstance(part.name, Template):
            yield from _ready(part.name.parts)
        elif isinstance(part, Variable):
            yield part
