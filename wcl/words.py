"""The words of a command line."""

import re
import shlex

from wcl.errors import Place, Problem, WclError
from wcl.expansion import NOWHERE, Filling
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.showing import source_line
from wcl.template import parse_template

_BLANKS = re.compile(r"[ \t\r\n]+")
_KEPT = re.compile("\x00([0-9]+)\x00")


def words(text: str, scope: Scope, place: Place | None = None) -> list[str]:
    """The text filled in and split as a shell would; the value of a quoted variable stays in one word."""
    if isinstance(text, Quoted):
        return [text]
    kept: list[str] = []

    def keep(value: str) -> str:
        kept.append(value)
        return f"\x00{len(kept) - 1}\x00"

    filling = Filling(scope, guard=keep)
    filled = filling.fill(parse_template(text)) if "$" in text else text
    if filling.faults:
        raise filling.error(text, place)
    found = _shell_words(filled, text, place)
    return [_KEPT.sub(lambda mark: kept[int(mark[1])], word) for word in found] if kept else found


def _shell_words(filled: str, text: str, place: Place | None) -> list[str]:
    if not any(mark in filled for mark in "'\"\\"):
        return [word for word in _BLANKS.split(filled) if word]
    try:
        return shlex.split(filled)
    except ValueError as error:
        line, offset = source_line(place, text)
        reason = "a quote is not closed" if "quotation" in str(error) else "a backslash stands at the end"
        raise WclError(Problem(place or NOWHERE, f"not a command line: {reason}", line, offset, len(text))) from error
