"""Explanation of a value: its position, the values it replaced, and each step of its expansion."""

from collections.abc import Iterator
from dataclasses import dataclass

from wcl.errors import SourcePosition, WclError, error_at
from wcl.expansion import expand, expand_all
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.section import Section
from wcl.spelling import did_you_mean
from wcl.template import FunctionCall, Template, TemplatePart, Variable, parse_template

#: Steps of one explanation; the rest is left out.
MOST_STEPS = 200


@dataclass(frozen=True)
class ExpansionStep:
    """A step of an expansion: one variable is replaced by its value."""

    variable: str
    value: str
    position: SourcePosition | None
    #: Text after this step.
    text: str


@dataclass(frozen=True)
class ValueExplanation:
    """The origin of a value, and the steps of its expansion."""

    key: str
    value: str
    position: SourcePosition
    #: Values that it replaced, oldest first.
    replaced: tuple[tuple[SourcePosition, str], ...]
    steps: tuple[ExpansionStep, ...]
    #: Expanded value; several if there are lists in it.
    results: tuple[str, ...]
    #: Report of why it cannot be expanded here; empty if it can.
    problem: str = ""


def explain(section: Section, key: str, scope: Scope | None = None) -> ValueExplanation:
    """Explain the value of a key, given by its dotted path.

    Variables are looked up in `scope`, or else in the key's section and at the top.
    """
    holder, name = _find_key(section, key)
    value = holder.text(name)
    scope = scope or Scope(holder, root=section)
    steps = tuple(_steps(value, scope))
    replaced = tuple((position, _describe(old)) for position, old in holder.replaced_values(name))
    try:
        results, problem = tuple(expand_all(value, scope, holder.position(name))), ""
    except WclError as error:
        results, problem = (), str(error)
    return ValueExplanation(key, value, holder.position(name), replaced, steps, results, problem)


def _find_key(section: Section, key: str) -> tuple[Section, str]:
    """Return the section and the key at the end of a dotted path."""
    for folded in (key.lower(), key):
        if folded in section:
            return section, folded
    first, dot, rest = key.partition(".")
    if not dot:
        where = f"section '{section.path}'" if section.path else "the configuration"
        raise error_at(section.opened_position, f"{where} has no '{key}'", did_you_mean(key.lower(), section))
    inside = section[first.lower()]
    if isinstance(inside, str):
        raise error_at(section.position(first.lower()), f"'{first}' is a plain value, not a section")
    return _find_key(inside, rest)


def _describe(value: object) -> str:
    return "a section" if isinstance(value, Section) else str(value)


def _steps(text: str, scope: Scope) -> Iterator[ExpansionStep]:
    """Replace one variable after the other, the innermost and leftmost first."""
    for _ in range(MOST_STEPS):
        template = parse_template(text)
        variable = None if isinstance(text, Quoted) else next(_plain_variables(template.parts), None)
        value = scope.look_up(variable.name) if variable and isinstance(variable.name, str) else None
        if variable is None or (value is None and not variable.optional):
            return
        replacement = value or ""
        if isinstance(replacement, Quoted) or variable.width is not None:
            replacement = _expand_variable(text[variable.start : variable.end], scope)
        text = text[: variable.start] + replacement + text[variable.end :]
        yield ExpansionStep(variable.written, value or "", scope.position(variable.written), text)


def _expand_variable(text: str, scope: Scope) -> str:
    """Expand a padded or quoted variable in one step; a dollar in its value is text from then on."""
    try:
        return expand(text, scope).replace("$", "$$")
    except WclError:
        return ""


def _plain_variables(parts: tuple[TemplatePart, ...]) -> Iterator[Variable]:
    """Find variables whose names hold no other variables."""
    for part in parts:
        if isinstance(part, FunctionCall):
            yield from _plain_variables(part.inside.parts)
        elif isinstance(part, Variable) and isinstance(part.name, Template):
            yield from _plain_variables(part.name.parts)
        elif isinstance(part, Variable):
            yield part
