"""Expansion of texts with variables: to one text, or to one for each combination of the values of lists.

Most texts of a plan hold plain variables with plain values. `_expand_plain` and `_plain_axes` expand these without a
`Filling`, for the bars on planning time; they return None for anything else, which the general way then expands or
refuses. tests/wcl/test_expansion.py holds both ways equal, in
`test_the_quick_way_and_the_general_way_agree_on_any_values`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from math import prod

from wcl.errors import Problem, SourcePosition, WclError
from wcl.filling import NOWHERE, Filling, ListFound
from wcl.lists import is_list, list_values
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.source_lines import source_line
from wcl.template import Template, Variable, parse_template

#: Parts of a text that is expanded the quick way; longer ones go the general way.
MOST_PLAIN_PARTS = 20
#: Digits of a number that is padded the quick way.
MOST_DIGITS = 100
#: Combinations that `expand_all` makes unless another bound is given.
MOST_VALUES = 1_000_000


def expand(text: str, scope: Scope, position: SourcePosition | None = None) -> str:
    """Return the text with its variables filled in; deferred calls stay.

    The result is `Quoted` if the text is, or if a quoted value went in.
    """
    if "$" not in text or isinstance(text, Quoted):
        return text
    template = parse_template(text)
    plain = _expand_plain(template, scope)
    if plain is not None:
        return plain
    filling = Filling(scope)
    filled = filling.fill(template)
    if filling.faults:
        raise filling.error(text, position)
    return Quoted(filled) if filling.quoted else filled


def _expand_plain(template: Template, scope: Scope, depth: int = 0, *, lists: bool = True) -> str | None:
    """Expand a template of plain variables with plain values; return None if it is anything else.

    Without ``lists``, a list is not a plain value.
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
            value = _expand_plain(parse_template(value), scope, depth + 1, lists=lists) if depth < 2 else None
            if value is None:
                return None
        quoted = quoted or value.__class__ is Quoted
        if part.width is not None:
            value = pad_plain(value, part.width)
            if value is None:
                return None
        pieces.append(value)
    filled = "".join(pieces)
    return Quoted(filled) if quoted else filled


def pad_plain(value: str, width: int) -> str | None:
    """Return an integer with zeros in front up to the width; None if it is not plain decimal digits."""
    if not (value.isdecimal() and value.isascii()) or len(value) > MOST_DIGITS:
        return None
    return value.zfill(width) if value[0] != "0" else f"{int(value):0{width}}"


def expand_all(
    text: str, scope: Scope, position: SourcePosition | None = None, *, most: int = MOST_VALUES
) -> list[str]:
    """Return one text for each combination of the values of list variables; the last variable varies fastest."""
    if "$" not in text or isinstance(text, Quoted):
        return [text]
    axes = _plain_axes(parse_template(text), scope)
    if axes is not None:
        if prod(map(len, axes)) > most:
            raise _too_many(text, position, most)
        results = map("".join, product(*axes))
        return list(map(Quoted, results)) if any(isinstance(axis[0], Quoted) for axis in axes) else list(results)
    return [filled.text for filled in expand_with_values(text, scope, position, most=most)]


@dataclass(frozen=True)
class ExpandedText:
    """A text that was expanded with one combination of the values of its list variables."""

    text: str
    #: Values that went in, by the variables as they were written; not padded.
    used: dict[str, str]


def expand_with_values(
    text: str, scope: Scope, position: SourcePosition | None = None, *, most: int = MOST_VALUES
) -> list[ExpandedText]:
    """Expand a text as `expand_all` does, and return each result with the values that went into it."""
    if isinstance(text, Quoted):
        return [ExpandedText(text, {})]
    template = parse_template(text)
    results = list(islice(_branches(template, scope, {}, position), most + 1))
    if len(results) > most:
        raise _too_many(text, position, most)
    return results


def _branches(
    template: Template, scope: Scope, bound: dict[str, str], position: SourcePosition | None
) -> Iterator[ExpandedText]:
    """Fill a template with one value of each list; branch on each list that turns up on the way."""
    filling = Filling(scope, bound)
    try:
        text = filling.fill(template)
    except ListFound as found:
        for value in found.values:
            yield from _branches(template, scope, {**bound, found.name: value}, position)
        return
    if filling.faults:
        raise filling.error(template.text, position)
    yield ExpandedText(Quoted(text) if filling.quoted else text, filling.used)


def _plain_axes(template: Template, scope: Scope) -> list[list[str]] | None:
    """Return the values of each part of a template; None if one is not plain, or a variable stands twice."""
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
            return None if "$" in value or '"' in value else _pad_values(list_values(value), width)
        except WclError:
            return None
    if isinstance(value, Quoted):
        return _pad_values([value], width)
    filled = _expand_plain(parse_template(value), scope, 1, lists=False) if "$" in value else value
    return None if filled is None else _pad_values([filled], width)


def _pad_values(values: list[str], width: int | None) -> list[str] | None:
    if width is None:
        return values
    padded: list[str] = []
    for value in values:
        digits = pad_plain(value, width)
        if digits is None:
            return None
        padded.append(value.__class__(digits))
    return padded


def _too_many(text: str, position: SourcePosition | None, most: int) -> WclError:
    line, offset = source_line(position, text)
    message = f"the lists in this text have more than {most:,} combinations"
    return WclError(
        Problem(position or NOWHERE, message, line, offset, len(text), "make the lists shorter, or the bound larger")
    )
