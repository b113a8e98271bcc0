"""A tree while it is being read, from one file or several."""

from collections.abc import Callable, Sequence

from wcl.errors import Place, Problem
from wcl.section import Section
from wcl.sources import Sources


class Tree:
    """What the files of one reading have in common."""

    def __init__(self) -> None:
        self.sources = Sources()
        self.root = Section(sources=self.sources)
        self.problems: list[Problem] = []
        #: What an include line does; set by the reader of files.
        self.include: Callable[[str, Place], None] = lambda target, place: None
        #: What a function line does: name, argument names, place.
        self.call: Callable[[str, list[str], Place], None] = lambda name, arguments, place: None

    def begin(self, file: str, count: int, lines: Sequence[Place] | None) -> int:
        """Announce a file with a number of lines, and get the position of its first."""
        start = self.sources.add(file, count, lines)
        if not self.root.positions:
            self.root.opened_at = start
        return start

    def inside(self, outside: Section, name: str, position: int | Place) -> Section:
        """The section of a name inside another; a plain value of that name gives way."""
        section = outside.values_.get(name)
        if not isinstance(section, Section):
            path = f"{outside.path}.{name}" if outside.path else name
            section = Section(path, name, position, self.sources)
            outside.put(name, section, position)
        return section

    def absorb(self, made: Section) -> None:
        """Put the values of a section made in code at the top."""
        self._absorb(self.root, made)

    def _absorb(self, section: Section, made: Section) -> None:
        for key, value in made.items():
            if isinstance(value, Section):
                self._absorb(self.inside(section, key, made.place(key)), value)
            else:
                section.put(key, value, made.place(key))
