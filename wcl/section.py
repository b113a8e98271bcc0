"""Sections: the tree of a configuration, whose values know their positions."""

from collections.abc import ItemsView, Iterator, Mapping
from typing import Union, overload

from wcl.errors import IN_CODE, SourcePosition, WclError, error_at
from wcl.lists import split_list
from wcl.quoting import Quoted, quote
from wcl.sources import Sources
from wcl.spelling import did_you_mean

#: Sections whose keys keep their case, since they name a program's own options.
KEEPS_CASE = frozenset({"cmdline", "replace"})

Value = Union[str, "Section"]


class Section(Mapping[str, Value]):
    """An ordered mapping of keys to texts and sections, which does not change once it has been read.

    A position is kept as a line number of `sources`, or as itself.
    """

    __slots__ = ("earlier", "name", "opened_at", "path", "positions", "sources", "values_")

    def __init__(
        self, path: str = "", name: str = "", opened: int | SourcePosition = IN_CODE, sources: Sources | None = None
    ) -> None:
        #: Names from the top, joined by dots; empty at the top.
        self.path = path
        self.name = name
        #: Values without the checks below, for the readers and the scope.
        self.values_: dict[str, Value] = {}
        self.positions: dict[str, int | SourcePosition] = {}
        self.opened_at = opened
        self.sources = sources
        #: Values that a later line replaced, oldest first, with their positions.
        self.earlier: dict[str, list[tuple[int | SourcePosition, Value]]] | None = None

    @classmethod
    def of(cls, values: Mapping[str, object], position: SourcePosition = IN_CODE, path: str = "") -> "Section":
        """Make a section from nested mappings; None is left out."""
        section = cls(path, path.rpartition(".")[2], position)
        for key, value in values.items():
            if value is None:
                continue
            key = key.lower() if isinstance(value, Mapping) else section.fold_key(key)
            section.values_[key] = section.to_value(key, value, position)
            section.positions[key] = position
        return section

    def fold_key(self, key: str) -> str:
        """Return a key as this section keeps it: in lower case, unless its keys keep their case."""
        return key if self.name in KEEPS_CASE else key.lower()

    def to_value(self, key: str, value: object, position: SourcePosition) -> Value:
        """Convert a value to what a tree holds: a text, or a section with its path."""
        path = f"{self.path}.{key}" if self.path else key
        if isinstance(value, Section):
            return value if value.path == path else value.at_path(path)
        if isinstance(value, Mapping):
            return Section.of(value, position, path)
        return to_text(value)

    def __getitem__(self, key: str) -> Value:
        try:
            return self.values_[key]
        except KeyError:
            raise self._missing(key) from None

    def _missing(self, key: str) -> WclError:
        where = f"section '{self.path}'" if self.path else "the configuration"
        return error_at(self.opened_position, f"{where} has no '{key}'", did_you_mean(key, self.values_))

    @overload  # type: ignore[override]
    def get(self, key: str) -> Value | None: ...
    @overload
    def get(self, key: str, default: str) -> Value: ...
    @overload
    def get(self, key: str, default: None) -> Value | None: ...
    def get(self, key: str, default: str | None = None) -> Value | None:
        return self.values_.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self.values_

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)

    def items(self) -> ItemsView[str, Value]:
        return self.values_.items()

    def __eq__(self, other: object) -> bool:
        """Equal to a section with the same values, and to a mapping that would make such a section."""
        if isinstance(other, Section):
            return self.values_ == other.values_
        return isinstance(other, Mapping) and self.values_ == Section.of(other, path=self.path).values_

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Section({self.path!r}, {self.values_!r})"

    def text(self, key: str, default: str | None = None) -> str:
        """Return a plain value; raise WclError if it is a section, or missing without a default."""
        value = self[key] if default is None else self.values_.get(key, default)
        if isinstance(value, Section):
            raise error_at(value.opened_position, f"'{value.path}' is a section, and must be a plain value")
        return value

    def section(self, key: str) -> "Section":
        """Return a section inside this one, an empty one if there is none; raise WclError if it is a plain value."""
        value = self.values_.get(key)
        if isinstance(value, Section):
            return value
        path = f"{self.path}.{key}" if self.path else key
        if value is None:
            return Section(path, key, self.opened_position)
        hint = f"write <{key}> ... </{key}>"
        raise error_at(self.position(key), f"'{path}' is a plain value, and must be a section", hint)

    def sections(self) -> Iterator[tuple[str, "Section"]]:
        """Iterate over the names and sections directly inside, in order."""
        for key, value in self.values_.items():
            if isinstance(value, Section):
                yield key, value

    def position(self, key: str) -> SourcePosition:
        """Return the position at which a value was set last, or a section was opened first."""
        if key not in self.positions:
            raise self._missing(key)
        return self.resolve(self.positions[key])

    @property
    def opened_position(self) -> SourcePosition:
        """Position at which this section was opened first."""
        return self.resolve(self.opened_at)

    def resolve(self, position: int | SourcePosition) -> SourcePosition:
        """Convert a line number of the sources to a position."""
        if isinstance(position, SourcePosition):
            return position
        return self.sources.position(position) if self.sources else IN_CODE

    def replaced_values(self, key: str) -> list[tuple[SourcePosition, Value]]:
        """Return the values of a key that a later line replaced, oldest first, with their positions."""
        return [(self.resolve(position), value) for position, value in (self.earlier or {}).get(key, [])]

    def put(self, key: str, value: Value, position: int | SourcePosition) -> None:
        """Set a value while the tree is being made; a value that it replaces is kept in `earlier`."""
        if key in self.values_:
            if self.earlier is None:
                self.earlier = {}
            self.earlier.setdefault(key, []).append((self.positions[key], self.values_[key]))
        self.values_[key] = value
        self.positions[key] = position

    def copy(self) -> "Section":
        """Return a copy of this section; the sections inside are shared."""
        section = Section(self.path, self.name, self.opened_at, self.sources)
        section.values_ = dict(self.values_)
        section.positions = dict(self.positions)
        section.earlier = {key: list(old) for key, old in self.earlier.items()} if self.earlier else None
        return section

    def at_path(self, path: str) -> "Section":
        """Return a copy at another path; its values keep their positions."""
        section = self.copy()
        section.path, section.name = path, path.rpartition(".")[2]
        for key, inside in self.sections():
            section.values_[key] = inside.at_path(f"{path}.{key}" if path else key)
        return section

    def with_value(self, key: str, value: object, position: SourcePosition = IN_CODE) -> "Section":
        """Return a copy with one value added or replaced; a mapping becomes a section."""
        section = self.copy()
        key = key.lower() if isinstance(value, Mapping) else section.fold_key(key)
        section.put(key, section.to_value(key, value, position), position)
        return section

    def with_path(self, path: str, value: object, position: SourcePosition = IN_CODE) -> "Section":
        """Return a copy of this tree with the value at a dotted path set; missing sections are made."""
        first, dot, rest = path.partition(".")
        if not dot:
            return self.with_value(first, value, position)
        first = first.lower()
        return self.with_value(first, self.section(first).with_path(rest, value, position), position)


def to_text(value: object) -> str:
    """Convert any value to a text; a sequence becomes a list with each element as one value."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ",".join(_element(to_text(element)) for element in value)
    return str(value)


def _element(text: str) -> str:
    return quote(text) if isinstance(text, Quoted) or split_list(text) != [text] else text


def merge(base: Section, over: Section) -> Section:
    """Merge two trees: a value of `over` replaces one of `base`, sections merge, positions are kept."""
    merged = base.copy()
    for key, value in over.items():
        position = over.position(key)
        old = merged.values_.get(key)
        if isinstance(old, Section) and isinstance(value, Section):
            merged.values_[key] = merge(old, value)
        else:
            for before, replaced in over.replaced_values(key):
                merged.put(key, replaced, before)
            merged.put(key, value, position)
    return merged
