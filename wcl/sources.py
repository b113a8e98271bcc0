"""The files of one reading, and which line of them a position is."""

from bisect import bisect_right
from collections.abc import Sequence

from wcl.errors import Place


class Sources:
    """The files of one reading: turns a running line number into a place.

    A value's position is one integer, so that keeping it costs the parser next to nothing.
    """

    __slots__ = ("_files", "_lines", "_next", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._files: list[str] = []
        self._lines: list[Sequence[Place] | None] = []
        self._next = 1

    def add(self, file: str, count: int, lines: Sequence[Place] | None = None) -> int:
        """Announce a file of `count` lines and get its first line's position; `lines` where a template wrote them."""
        start = self._next
        self._starts.append(start)
        self._files.append(file)
        self._lines.append(lines)
        self._next += count + 1
        return start

    def place(self, position: int) -> Place:
        number = bisect_right(self._starts, position) - 1
        line = position - self._starts[number]
        lines = self._lines[number]
        if lines:
            return lines[min(line, len(lines) - 1)]
        return Place(self._files[number], line + 1)
