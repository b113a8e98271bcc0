"""Words of a command line: a text expanded and split as a shell would split it."""

import re
import shlex

from wcl.deferred import escape_deferred
from wcl.errors import Problem, SourcePosition, WclError
from wcl.filling import NOWHERE, Filling
from wcl.quoting import Quoted
from wcl.scope import Scope
from wcl.source_lines import source_line
from wcl.template import Variable, parse_template

_BLANKS = re.compile(r"[ \t\r\n]+")
#: A doubled dollar before a deferred function's name stays doubled in a word, so that `resolve_deferred` leaves it.
_ESCAPED_CALL = re.compile(r"\$\$(?=(?:head|secret|fmt)\{)", re.IGNORECASE)


def split_command(text: str, scope: Scope, position: SourcePosition | None = None) -> list[str]:
    """Expand a text and split it as a shell would; the value of a quoted variable stays in one word.

    A word that holds `$HEAD{...}` or `$SECRET{...}` is completed in the job by `wcl.deferred.resolve_deferred`.
    """
    if isinstance(text, Quoted):
        return [escape_deferred(text)]
    value = _only_quoted_value(text, scope)
    if value is not None:
        return [str(escape_deferred(value))]
    quoted_values: list[str] = []
    filling = Filling(scope, quoted_values=quoted_values)
    filled = filling.fill(parse_template(_ESCAPED_CALL.sub("$$$$", text))) if "$" in text else text
    if filling.faults:
        raise filling.error(text, position)
    quoted_values[:] = map(escape_deferred, quoted_values)
    return [filling.restore(word) for word in _shell_words(filled, text, position)]


def _only_quoted_value(text: str, scope: Scope) -> Quoted | None:
    """Return the quoted value of a text that is one plain variable, or None for any other text."""
    if not text.startswith("${"):
        return None
    parts = parse_template(text).parts
    part = parts[0] if len(parts) == 1 else None
    if not isinstance(part, Variable) or not isinstance(part.name, str) or part.fault or part.width is not None:
        return None
    value = scope.look_up(part.name)
    return value if isinstance(value, Quoted) else None


def _shell_words(filled: str, text: str, position: SourcePosition | None) -> list[str]:
    if not any(mark in filled for mark in "'\"\\"):
        return [word for word in _BLANKS.split(filled) if word]
    try:
        return shlex.split(filled)
    except ValueError as error:
        line, offset = source_line(position, text)
        reason = "a quote is not closed" if "quotation" in str(error) else "a backslash stands at the end"
        raise WclError(
            Problem(position or NOWHERE, f"not a command line: {reason}", line, offset, len(text))
        ) from error
