"""Problems of a pipeline: errors and warnings, collected so that they are reported together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from wcl import Problem, SourcePosition, WclError, did_you_mean, source_line

if TYPE_CHECKING:
    from collections.abc import Iterable


def suggest_name(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown name: the known one that was probably meant, or else a list of those known."""
    names = sorted(set(known))
    return did_you_mean(name, names) or (f"there is: {', '.join(names[:12])}" if names else "there is none")


def problem_at(
    position: SourcePosition, message: str, hint: str = "", severity: Literal["error", "warning"] = "error"
) -> Problem:
    """Return a problem that shows the line at its position, with carets under the value."""
    line, _ = source_line(position, "")
    column = len(line) - len(line.lstrip())
    if "=" in line:
        value = line.partition("=")[2]
        column = len(line) - len(value.lstrip())
    return Problem(position, message, line, column, len(line.rstrip()) - column, hint, severity)


def error_at(position: SourcePosition, message: str, hint: str = "") -> WclError:
    """Return an error with one problem."""
    return WclError(problem_at(position, message, hint))


class PlanProblems:
    """Problems that planning has found so far; planning goes on as far as it can, and then raises them at once."""

    def __init__(self) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add problems."""
        for problem in problems:
            self._add(problem)

    def add_error(self, position: SourcePosition, message: str, hint: str = "") -> None:
        """Add an error."""
        self._add(problem_at(position, message, hint))

    def add_warning(self, position: SourcePosition, message: str, hint: str = "") -> None:
        """Add a warning."""
        self._add(problem_at(position, message, hint, "warning"))

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Collect the problems of a WclError that is raised inside, and continue after the block."""
        try:
            yield
        except WclError as error:
            self.extend(error.problems)

    def raise_errors(self) -> None:
        """Raise all errors as one WclError, in the order of their positions; return if there are none."""
        if self.errors:
            raise WclError(*sorted(self.errors, key=lambda problem: problem.position))

    def _add(self, problem: Problem) -> None:
        # A template that every call fills in goes wrong the same way in each: one report is enough.
        found = self.warnings if problem.severity == "warning" else self.errors
        if problem not in found:
            found.append(problem)
