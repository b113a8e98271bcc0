"""Settling a text: filling in what will not change, so that filling in the rest is quick."""

from collections.abc import Callable

from wcl.lists import is_list
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.template import Variable, parse_template

#: Variables in the values of variables, further than anybody goes.
DEEPEST = 20


def settled(text: str, scope: Scope, is_open: Callable[[str], bool]) -> str:
    """A text that means the same in any scope made from this one by giving the open names values.

    Where something in the text is not plain (a function, a list, a quoted value, a width, a missing name), it is left
    as it was.
    """
    if "$" not in text or isinstance(text, Quoted):
        return text
    found = _settled(text, scope, is_open, 0)
    return text if found is None else found


def _settled(text: str, scope: Scope, is_open: Callable[[str], bool], depth: int) -> str | None:
    pieces = []
    for part in parse_template(text).parts:
        if isinstance(part, str):
            pieces.append(part.replace("$", "$$"))
            continue
        if not isinstance(part, Variable) or part.fault or not isinstance(part.name, str):
            return None
        piece = text[part.start : part.end] if is_open(part.name) else _value(part, scope, is_open, depth)
        if piece is None:
            return None
        pieces.append(piece)
    return "".join(pieces)


def _value(part: Variable, scope: Scope, is_open: Callable[[str], bool], depth: int) -> str | None:
    """The settled value of a name that is not open; None where it is not plain."""
    value = scope.look_up(str(part.name))
    if value is None or isinstance(value, Quoted) or is_list(value) or depth > DEEPEST:
        return None
    found = _settled(value, scope, is_open, depth + 1) if "$" in value else value
    if found is None or part.width is None:
        return found
    return found.zfill(part.width) if found.isascii() and found.isdecimal() and found == str(int(found)) else None
