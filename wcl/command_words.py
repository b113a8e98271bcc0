"""The words of a command line."""

import re
import shlex

from wcl.deferred import protect_late
from wcl.errors import Place, Problem, WclError
from wcl.filling import NOWHERE, Filling
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.source_lines import source_line
from wcl.template import Variable, parse_template

_BLANKS = re.compile(r"[ \t\r\n]+")
#: A dollar that is text before a late function's name is still doubled in a word: `resolve_late` takes it as text.
_KEPT_DOLLAR = re.compile(r"\$\$(?=(?:head|secret|fmt)\{)", re.IGNORECASE)


def words(text: str, scope: Scope, place: Place | None = None) -> list[str]:
    """The text filled in and split as a shell would; the value of a quoted variable stays in one word.

    A word that holds `$HEAD{...}` or `$SECRET{...}` wants `wcl.deferred.resolve_late` in the job.
    """
    if isinstance(text, Quoted):
        return [protect_late(text)]
    whole = _whole_value(text, scope)
    if whole is not None:
        return [str(protect_late(whole))]
    kept: list[str] = []
    filling = Filling(scope, kept=kept)
    filled = filling.fill(parse_template(_KEPT_DOLLAR.sub("$$$$", text))) if "$" in text else text
    if filling.faults:
        raise filling.error(text, place)
    kept[:] = map(protect_late, kept)
    return [filling.restored(word) for word in _shell_words(filled, text, place)]


def _whole_value(text: str, scope: Scope) -> Quoted | None:
    """The value where the text is one plain variable with a quoted value: it is the word."""
    if not text.startswith("${"):
        return None
    parts = parse_template(text).parts
    part = parts[0] if len(parts) == 1 else None
    if not isinstance(part, Variable) or not isinstance(part.name, str) or part.fault or part.width is not None:
        return None
    value = scope.look_up(part.name)
    return value if isinstance(value, Quoted) else None


def _shell_words(filled: str, text: str, place: Place | None) -> list[str]:
    if not any(mark in filled for mark in "'\"\\"):
        return [word for word in _BLANKS.split(filled) if word]
    try:
        return shlex.split(filled)
    except ValueError as error:
        line, offset = source_line(place, text)
        reason = "a quote is not closed" if "quotation" in str(error) else "a backslash stands at the end"
        raise WclError(Problem(place or NOWHERE, f"not a command line: {reason}", line, offset, len(text))) from error
