"""Tree of sections while it is being read, from one file or several."""

from collections.abc import Callable, Sequence

from wcl.errors import Problem, SourcePosition
from wcl.section import Section
from wcl.sources import Sources


class Tree:
    """A tree that files are read into: its top section, sources and problems."""

    def __init__(self) -> None:
        self.sources = Sources()
        self.root = Section(sources=self.sources)
        self.problems: list[Problem] = []
        #: Called for an include line with its target and position; set by the reader of files.
        self.include: Callable[[str, SourcePosition], None] = lambda target, position: None
        #: Called for a function line with its name, argument names and position; set by the reader of files.
        self.call: Callable[[str, list[str], SourcePosition], None] = lambda name, arguments, position: None

    def add_file(self, file: str, count: int, lines: Sequence[SourcePosition] | None) -> int:
        """Add a file with a number of lines, and return the number of its first line."""
        start = self.sources.add_file(file, count, lines)
        if not self.root.positions:
            self.root.opened_at = start
        return start

    def open_section(self, outside: Section, name: str, position: int | SourcePosition) -> Section:
        """Return the section of a name inside another, made if there is none; it replaces a plain value."""
        section = outside.values_.get(name)
        if not isinstance(section, Section):
            path = f"{outside.path}.{name}" if outside.path else name
            section = Section(path, name, position, self.sources)
            outside.put(name, section, position)
        return section

    def merge_values(self, made: Section) -> None:
        """Merge the values of a section into the top of the tree."""
        self._merge_values(self.root, made)

    def _merge_values(self, section: Section, made: Section) -> None:
        for key, value in made.items():
            if isinstance(value, Section):
                self._merge_values(self.open_section(section, key, made.position(key)), value)
            else:
                section.put(key, value, made.position(key))
