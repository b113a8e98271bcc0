"""Partial expansion of a text: fill in the variables that stay the same, and leave the others open.

Planning expands the texts of a module so far once, before it makes the module's calls: see the bars on planning 100,000
calls (benchmarks/plan.py). tests/wcl/test_partial.py holds the result equal to expanding the whole text for each call.
"""

from collections.abc import Callable

from wcl.lists import is_list
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.template import Variable, parse_template

#: Depth of variables in the values of variables.
DEEPEST = 20


def expand_partially(text: str, scope: Scope, is_open: Callable[[str], bool]) -> str:
    """Return a text in which only the open names are still variables.

    It means the same as the text in every scope that is made from this one by giving values to the open names. The
    text stays as it is if something in it is not plain: a function, a list, a quoted value, a missing name.
    """
    if "$" not in text or isinstance(text, Quoted):
        return text
    expanded = _expand_closed(text, scope, is_open, 0)
    return text if expanded is None else expanded


def _expand_closed(text: str, scope: Scope, is_open: Callable[[str], bool], depth: int) -> str | None:
    """Return the text with all names but the open ones filled in; None if something is not plain."""
    pieces = []
    for part in parse_template(text).parts:
        if isinstance(part, str):
            pieces.append(part.replace("$", "$$"))
            continue
        if not isinstance(part, Variable) or part.fault or not isinstance(part.name, str):
            return None
        piece = text[part.start : part.end] if is_open(part.name) else _expand_value(part, scope, is_open, depth)
        if piece is None:
            return None
        pieces.append(piece)
    return "".join(pieces)


def _expand_value(part: Variable, scope: Scope, is_open: Callable[[str], bool], depth: int) -> str | None:
    """Return the value of a name that is not open; None if it is not plain."""
    value = scope.look_up(str(part.name))
    if value is None or isinstance(value, Quoted) or is_list(value) or depth > DEEPEST:
        return None
    expanded = _expand_closed(value, scope, is_open, depth + 1) if "$" in value else value
    if expanded is None or part.width is None:
        return expanded
    return expanded.zfill(part.width) if _is_plain_number(expanded) else None


def _is_plain_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and text == str(int(text))
