"""Deferred values, which only the job can find: `$HEAD{file,KEY,...}`, `$SECRET{name}`."""

import re
from collections.abc import Callable, Mapping

_CALL = re.compile(r"(\$?)\$(head|secret|fmt)\{([^{}]*)\}", re.IGNORECASE)

#: A function that gets the arguments between the braces and returns the text to put in.
Answer = Callable[[list[str]], str]


def deferred_calls(text: str) -> list[tuple[str, list[str]]]:
    """Return the deferred calls in a text, the innermost ones only, each as its function and arguments."""
    return [(match[2].lower(), _arguments(match[3])) for match in _CALL.finditer(text) if not match[1]]


def resolve_deferred(text: str, answers: Mapping[str, Answer]) -> str:
    """Replace deferred calls by their answers, given by function name in lower case.

    A function without an answer stays, and `$$HEAD{...}` becomes the text `$HEAD{...}`.
    """

    def replace(match: re.Match[str]) -> str:
        answer = answers.get(match[2].lower())
        if match[1] or answer is None:
            return match[0][len(match[1]) :]
        return answer(_arguments(match[3]))

    return _CALL.sub(replace, text) if "$" in text else text


def escape_deferred(text: str) -> str:
    """Escape the deferred calls in a text, so that `resolve_deferred` gives back the text itself."""
    return _CALL.sub(lambda match: "$" + match[0], text) if "$" in text else text


def _arguments(inside: str) -> list[str]:
    return [argument.strip() for argument in inside.split(",")]
