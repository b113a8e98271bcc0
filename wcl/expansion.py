"""Texts with variables filled in: one text, or one for each combination of lists."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from math import prod

from wcl.errors import Place, Problem, WclError
from wcl.filling import NOWHERE, Filling, Several
from wcl.lists import is_list, list_values
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.source_lines import source_line
from wcl.template import Template, Variable, parse_template

#: Longer texts take the slow and careful way.
MOST_PLAIN_PARTS = 20
#: And so do longer numbers.
MOST_DIGITS = 100
#: The largest product of lists that `expand_all` makes unless told otherwise.
MOST_VALUES = 1_000_000


def expand(text: str, scope: Scope, place: Place | None = None) -> str:
    """The text with its variables filled in; late functions stay. Quoted where it is, or a quoted value went in."""
    if "$" not in text or isinstance(text, Quoted):
        return text
    template = parse_template(text)
    quick = _plain_text(template, scope)
    if quick is not None:
        return quick
    filling = Filling(scope)
    filled = filling.fill(template)
    if filling.faults:
        raise filling.error(text, place)
    return Quoted(filled) if filling.quoted else filled


def _plain_text(template: Template, scope: Scope, depth: int = 0, *, lists: bool = True) -> str | None:
    """The quick way where every variable is plain and has a plain value; None where it is not so, or too much.

    Without ``lists`` a value that is one is not plain.
    """
    if len(template.parts) > MOST_PLAIN_PARTS:
        return None
    pieces = []
    quoted = False
    for part in template.parts:
        if part.__class__ is str:
            pieces.append(part)
            continue
        if part.__class__ is not Variable or part.fault or part.name.__class__ is not str:
            return None
        value = scope.look_up(part.name)
        if value.__class__ is not str and value.__class__ is not Quoted:
            return None
        if not lists and is_list(value):
            return None
        if "$" in value and value.__class__ is str:
            value = _plain_text(parse_template(value), scope, depth + 1, lists=lists) if depth < 2 else None
            if value is None:
                return None
        quoted = quoted or value.__class__ is Quoted
        if part.width is not None:
            if not value.isdecimal() or len(value) > MOST_DIGITS:
                return None
            value = value.zfill(part.width) if value[0] != "0" else f"{int(value):0{part.width}}"
        pieces.append(value)
    filled = "".join(pieces)
    return Quoted(filled) if quoted else filled


def expand_all(text: str, scope: Scope, place: Place | None = None, *, most: int = MOST_VALUES) -> list[str]:
    """One text for each combination of the values of list variables, the last variable counting fastest."""
    if "$" not in text or isinstance(text, Quoted):
        return [text]
    axes = _plain_axes(parse_template(text), scope)
    if axes is not None:
        if prod(map(len, axes)) > most:
            raise _too_many(text, place, most)
        results = map("".join, product(*axes))
        return list(map(Quoted, results)) if any(isinstance(axis[0], Quoted) for axis in axes) else list(results)
    return [filled.text for filled in fill_all(text, scope, place, most=most)]


@dataclass(frozen=True)
class Filled:
    """One result of a text with list variables."""

    text: str
    #: The values that went in, as they were found and without padding.
    used: dict[str, str]


def fill_all(text: str, scope: Scope, place: Place | None = None, *, most: int = MOST_VALUES) -> list[Filled]:
    """As `expand_all`, with the values that each result was made from."""
    if isinstance(text, Quoted):
        return [Filled(text, {})]
    template = parse_template(text)
    results = list(islice(_branches(template, scope, {}, place), most + 1))
    if len(results) > most:
        raise _too_many(text, place, most)
    return results


def _branches(template: Template, scope: Scope, bound: dict[str, str], place: Place | None) -> Iterator[Filled]:
    """Fill with one value of each list; when another list turns up, once for each of its values."""
    filling = Filling(scope, bound)
    try:
        text = filling.fill(template)
    except Several as several:
        for value in several.values:
            yield from _branches(template, scope, {**bound, several.name: value}, place)
        return
    if filling.faults:
        raise filling.error(template.text, place)
    yield Filled(Quoted(text) if filling.quoted else text, filling.used)


def _plain_axes(template: Template, scope: Scope) -> list[list[str]] | None:
    """The values at each part, where all are plain text and no variable stands twice; None where it is not so."""
    axes: list[list[str]] = []
    seen: set[str] = set()
    for part in template.parts:
        if isinstance(part, str):
            axes.append([part])
            continue
        if not isinstance(part, Variable) or isinstance(part.name, Template) or part.fault or part.name in seen:
            return None
        seen.add(part.name)
        values = _plain_values(scope.look_up(part.name), part.width, scope)
        if not values:
            return None
        axes.append(values)
    return axes


def _plain_values(value: str | None, width: int | None, scope: Scope) -> list[str] | None:
    if value is None:
        return None
    if is_list(value):
        try:
            return None if "$" in value or '"' in value else _padded(list_values(value), width)
        except WclError:
            return None
    if isinstance(value, Quoted):
        return _padded([value], width)
    filled = _plain_text(parse_template(value), scope, 1, lists=False) if "$" in value else value
    return None if filled is None else _padded([filled], width)


def _padded(values: list[str], width: int | None) -> list[str] | None:
    if width is None:
        return values
    if not all(v.isdecimal() and len(v) <= MOST_DIGITS for v in values):
        return None
    return [v.__class__(f"{int(v):0{width}}") for v in values]


def _too_many(text: str, place: Place | None, most: int) -> WclError:
    line, offset = source_line(place, text)
    message = f"the lists in this text have more than {most:,} combinations"
    return WclError(
        Problem(place or NOWHERE, message, line, offset, len(text), "make the lists shorter, or the bound larger")
    )
