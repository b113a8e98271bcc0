"""Functions that are answered in the job: `$HEAD{file,KEY,...}`, `$SECRET{name}`."""

import re
from collections.abc import Callable, Mapping

_CALL = re.compile(r"(\$?)\$(head|secret|fmt)\{([^{}]*)\}", re.IGNORECASE)

#: Takes the arguments between the braces and gives the text to put in.
Answer = Callable[[list[str]], str]


def late_calls(text: str) -> list[tuple[str, list[str]]]:
    """The late functions that a text still holds, with their arguments; innermost ones only."""
    return [(match[2].lower(), _arguments(match[3])) for match in _CALL.finditer(text) if not match[1]]


def resolve_late(text: str, answers: Mapping[str, Answer]) -> str:
    """Put the answers in; a function without an answer stays, and `$$HEAD{...}` becomes the text `$HEAD{...}`."""

    def answered(match: re.Match[str]) -> str:
        answer = answers.get(match[2].lower())
        if match[1] or answer is None:
            return match[0][len(match[1]) :]
        return answer(_arguments(match[3]))

    return _CALL.sub(answered, text) if "$" in text else text


def protect_late(text: str) -> str:
    """The text such that `resolve_late` gives it back as it is."""
    return _CALL.sub(lambda match: "$" + match[0], text) if "$" in text else text


def _arguments(inside: str) -> list[str]:
    return [argument.strip() for argument in inside.split(",")]
