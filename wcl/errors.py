"""What is wrong with a configuration, shown at the place where it stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]
#: Longer source lines are cut around the caret.
SHOWN_WIDTH = 160


class Place(NamedTuple):
    """A line of a file; line 0 is a place without lines, such as `--set`."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


#: For values that come from a program's own code.
IN_CODE = Place("<code>", 0)


@dataclass(frozen=True)
class Problem:
    """One thing to put right."""

    place: Place
    message: str
    #: The source line, or the part of it that is known; may be empty.
    text: str = ""
    #: Where in `text` the caret stands, counted from 0, and for how many characters.
    column: int = 0
    width: int = 0
    #: What would be right.
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        kind = "warning: " if self.severity == "warning" else ""
        yield f"{self.place}: {kind}{self.message}"
        if not self.text.strip():
            if self.hint:
                yield f"    {self.hint}"
            return
        indent = len(self.text) - len(self.text.lstrip())
        column = max(self.column - indent, 0)
        shown, column = _window(self.text.strip().replace("\t", " "), column)
        yield f"    {shown}"
        if self.width:
            carets = "^" * max(1, min(self.width, len(shown) - column))
            yield f"    {' ' * column}{carets} {self.hint}".rstrip()
        elif self.hint:
            yield f"    {self.hint}"


def _window(text: str, column: int) -> tuple[str, int]:
    """The part of a long line around the caret, and the caret's column in it."""
    if len(text) <= SHOWN_WIDTH:
        return text, column
    start = max(0, min(column - SHOWN_WIDTH // 3, len(text) - SHOWN_WIDTH))
    shown = text[start : start + SHOWN_WIDTH]
    before = "..." if start else ""
    after = "..." if start + SHOWN_WIDTH < len(text) else ""
    return f"{before}{shown}{after}", column - start + len(before)


class WclError(Exception):
    """A configuration that cannot be used; `str()` is the report, with every problem in it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def fail(place: Place, message: str, hint: str = "") -> WclError:
    """An error with one problem and no source line."""
    return WclError(Problem(place, message, hint=hint))


def raise_errors(problems: Iterable[Problem]) -> None:
    """Raise everything that is an error; warnings alone are let through."""
    problems = tuple(problems)
    if any(problem.severity == "error" for problem in problems):
        raise WclError(*problems)
