"""Sources of a tree: the files that were read into it, with one numbering for all their lines."""

from bisect import bisect_right
from collections.abc import Sequence

from wcl.errors import SourcePosition


class Sources:
    """The files that were read into a tree; numbers their lines, and finds the position of a line number.

    For each value the parser keeps only its line number, one integer, to be quick.
    """

    __slots__ = ("_files", "_lines", "_next", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._files: list[str] = []
        self._lines: list[Sequence[SourcePosition] | None] = []
        self._next = 1

    def add_file(self, file: str, count: int, lines: Sequence[SourcePosition] | None = None) -> int:
        """Add a file of `count` lines and return the number of its first line.

        `lines` are the positions of its lines in the templates that wrote them.
        """
        start = self._next
        self._starts.append(start)
        self._files.append(file)
        self._lines.append(lines)
        self._next += count + 1
        return start

    def position(self, number: int) -> SourcePosition:
        """Return the position of a line by its number."""
        index = bisect_right(self._starts, number) - 1
        line = number - self._starts[index]
        lines = self._lines[index]
        if lines:
            return lines[min(line, len(lines) - 1)]
        return SourcePosition(self._files[index], line + 1)
