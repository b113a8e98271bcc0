"""Scope of variables: layers of values that are searched in turn."""

from collections.abc import Iterator, Mapping

from wcl.errors import SourcePosition
from wcl.section import KEEPS_CASE, Section, to_text

#: Kinds of sections in the order in which a plain name is looked up.
SEARCH_ORDER = ("file", "list", "exec", "job", "module", "block", "archive", "site")
_NOTHING: Mapping[str, object] = {}


class Scope:
    """A chain of mappings, the first of which that has a name gives its value; no mapping is copied.

    A layer that is neither a dict nor a section must have its names in lower case.
    """

    __slots__ = ("_lookups", "_top", "layers", "root")

    def __init__(self, *layers: Mapping[str, object], root: Section | None = None) -> None:
        self.layers = layers
        self.root = root
        self._lookups = tuple(map(_by_lower_name, layers))
        self._top = root.values_ if root is not None else _NOTHING

    def child(self, *layers: Mapping[str, object]) -> "Scope":
        """Return a scope with new layers in front of this one's."""
        scope = object.__new__(Scope)
        scope.layers = (*layers, *self.layers)
        scope.root = self.root
        scope._lookups = (*map(_by_lower_name, layers), *self._lookups)
        scope._top = self._top
        return scope

    def find(self, name: str) -> str:
        """Return the value of a name, not expanded; raise KeyError if there is none. Sections are not values."""
        value = self.look_up(name.lower())
        if value is None:
            raise KeyError(name)
        return value

    def look_up(self, name: str) -> str | None:
        """Return the value of a name in lower case, not expanded; None if there is none."""
        for layer in self._lookups:
            value = layer.get(name)
            if value is not None:
                if isinstance(value, str):
                    return value
                if not isinstance(value, Mapping):
                    return to_text(value)
        value = self._top.get(name)
        if isinstance(value, str):
            return value
        if "." in name and self.root is not None:
            found = _by_path(self.root, name)
            return found[0][found[1]] if found else None  # type: ignore[return-value]
        return None

    def position(self, name: str) -> SourcePosition | None:
        """Return the position at which the value of a name was set; None if no section has it."""
        name = name.lower()
        for layer, lookup in zip(self.layers, self._lookups, strict=True):
            value = lookup.get(name)
            if value is not None and not isinstance(value, Mapping):
                return layer.position(_written_key(layer, name)) if isinstance(layer, Section) else None
        if self.root is None:
            return None
        if isinstance(self._top.get(name), str):
            return self.root.position(name)
        found = _by_path(self.root, name) if "." in name else None
        return found[0].position(found[1]) if found else None

    def names(self) -> Iterator[str]:
        """Iterate over all names that have a value, those of the first layer first, without dotted paths."""
        known: dict[str, None] = {}
        for layer in (*self._lookups, self._top):
            known.update((name, None) for name, value in layer.items() if not isinstance(value, Mapping))
        return iter(known)

    def names_near(self, name: str) -> list[str]:
        """Return the names to suggest for a misspelt one: all names, or for a path those in its section."""
        first, dot, _ = name.rpartition(".")
        section = self.root
        for part in first.split(".") if dot else ():
            section = section.section(part) if section and isinstance(section.get(part), Section) else None
        if not dot or not section:
            return list(self.names())
        return [f"{first}.{key}" for key, value in section.items() if isinstance(value, str)]


def build_scope(
    root: Section, current: Mapping[str, object] = _NOTHING, searched: Mapping[str, object] = _NOTHING
) -> Scope:
    """Return the scope of a configuration, searched in the order of DESDM.

    The order is: current values, the object at hand (`searched`), the current section of each kind, the top. `current`
    names those sections: `{"curr_module": "coadd"}`; the name is also the value of `modulename`.
    """
    layers: list[Mapping[str, object]] = [current, searched]
    for kind in SEARCH_ORDER:
        name = current.get(f"curr_{kind}")
        if name is not None:
            layers += [root.section(kind).section(str(name).lower()), {f"{kind}name": name}]
    return Scope(*layers, root=root)


def _by_lower_name(layer: Mapping[str, object]) -> Mapping[str, object]:
    """Return a layer by its names in lower case; the layer itself if they are."""
    if isinstance(layer, Section):
        if layer.name not in KEEPS_CASE:
            return layer.values_
        layer = layer.values_
    if type(layer) is not dict:
        return layer
    names = "".join(layer)
    if names.lower() == names:
        return layer
    lowered: dict[str, object] = {}
    for name, value in layer.items():
        lowered.setdefault(name.lower(), value)
    return lowered


def _written_key(section: Section, name: str) -> str:
    return next((key for key in section if key.lower() == name), name)


def _by_path(section: Section, path: str) -> tuple[Section, str] | None:
    """Return the section and the key at the end of a dotted path; names may themselves hold dots."""
    key = _written_key(section, path) if section.name in KEEPS_CASE else path
    if isinstance(section.values_.get(key), str):
        return section, key
    at = path.find(".")
    while at > 0:
        inside = section.values_.get(path[:at])
        if isinstance(inside, Section):
            found = _by_path(inside, path[at + 1 :])
            if found:
                return found
        at = path.find(".", at + 1)
    return None
