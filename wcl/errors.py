"""Errors and warnings of a configuration, each with its position, its source line and a hint."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

Severity = Literal["error", "warning"]
#: Source lines longer than this are cut around the caret.
SHOWN_WIDTH = 160


class SourcePosition(NamedTuple):
    """A line of a file; line 0 stands for a source without lines, such as `--set`."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


#: Position of values that a program sets itself.
IN_CODE = SourcePosition("<code>", 0)


@dataclass(frozen=True)
class Problem:
    """An error or a warning about one line of a configuration."""

    position: SourcePosition
    message: str
    #: Source line, or the part of it that is known; may be empty.
    text: str = ""
    #: Column of the caret in `text`, counted from 0.
    column: int = 0
    #: Number of carets; 0 for none.
    width: int = 0
    #: Remedy, shown behind the caret.
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        kind = "warning: " if self.severity == "warning" else ""
        yield f"{self.position}: {kind}{self.message}"
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
    """Return the part of a long line around the caret, and the caret's column in it."""
    if len(text) <= SHOWN_WIDTH:
        return text, column
    start = max(0, min(column - SHOWN_WIDTH // 3, len(text) - SHOWN_WIDTH))
    shown = text[start : start + SHOWN_WIDTH]
    before = "..." if start else ""
    after = "..." if start + SHOWN_WIDTH < len(text) else ""
    return f"{before}{shown}{after}", column - start + len(before)


class WclError(Exception):
    """A configuration cannot be used; `str()` is a report of all its problems."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def error_at(position: SourcePosition, message: str, hint: str = "") -> WclError:
    """Return an error with one problem and no source line."""
    return WclError(Problem(position, message, hint=hint))


def raise_errors(problems: Iterable[Problem]) -> None:
    """Raise a WclError with all the problems if one of them is an error and not a warning."""
    problems = tuple(problems)
    if any(problem.severity == "error" for problem in problems):
        raise WclError(*problems)
