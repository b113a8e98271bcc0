"""Where variables find their values: layers that are asked in turn."""

from collections.abc import Iterator, Mapping

from wcl.errors import Place
from wcl.section import KEEPS_CASE, Section, text_of

#: Kinds of sections in the order in which a plain name is looked up.
SEARCH_ORDER = ("file", "list", "exec", "job", "module", "block", "archive", "site")
_NOTHING: Mapping[str, object] = {}


class Scope:
    """A chain of mappings; the first that has a name wins. Making one costs nothing: no tree is copied.

    A layer that is neither a dict nor a section is asked for names in lower case.
    """

    __slots__ = ("_asked", "_top", "layers", "root")

    def __init__(self, *layers: Mapping[str, object], root: Section | None = None) -> None:
        self.layers = layers
        self.root = root
        self._asked = tuple(map(_by_lower_name, layers))
        self._top = root.values_ if root is not None else _NOTHING

    def child(self, *layers: Mapping[str, object]) -> "Scope":
        """A scope with new layers in front of this one's."""
        scope = object.__new__(Scope)
        scope.layers = (*layers, *self.layers)
        scope.root = self.root
        scope._asked = (*map(_by_lower_name, layers), *self._asked)
        scope._top = self._top
        return scope

    def find(self, name: str) -> str:
        """The text of a name, not expanded; KeyError where there is none. Sections are not values."""
        value = self.look_up(name.lower())
        if value is None:
            raise KeyError(name)
        return value

    def look_up(self, name: str) -> str | None:
        """The text of a name that is in lower case already."""
        for layer in self._asked:
            value = layer.get(name)
            if value is not None:
                if isinstance(value, str):
                    return value
                if not isinstance(value, Mapping):
                    return text_of(value)
        value = self._top.get(name)
        if isinstance(value, str):
            return value
        if "." in name and self.root is not None:
            found = _by_path(self.root, name)
            return found[0][found[1]] if found else None  # type: ignore[return-value]
        return None

    def place(self, name: str) -> Place | None:
        """Where the value of a name was set, if a section has it."""
        name = name.lower()
        for layer, asked in zip(self.layers, self._asked, strict=True):
            value = asked.get(name)
            if value is not None and not isinstance(value, Mapping):
                return layer.place(_own_key(layer, name)) if isinstance(layer, Section) else None
        if self.root is None:
            return None
        if isinstance(self._top.get(name), str):
            return self.root.place(name)
        found = _by_path(self.root, name) if "." in name else None
        return found[0].place(found[1]) if found else None

    def names(self) -> Iterator[str]:
        """All names that have a value here, nearest first; paths are left out."""
        known: dict[str, None] = {}
        for layer in (*self._asked, self._top):
            known.update((name, None) for name, value in layer.items() if not isinstance(value, Mapping))
        return iter(known)

    def beside(self, name: str) -> list[str]:
        """The names that might have been meant: all names, or for a path those in its section."""
        first, dot, _ = name.rpartition(".")
        section = self.root
        for part in first.split(".") if dot else ():
            section = section.section(part) if section and isinstance(section.get(part), Section) else None
        if not dot or not section:
            return list(self.names())
        return [f"{first}.{key}" for key, value in section.items() if isinstance(value, str)]


def chain(root: Section, current: Mapping[str, object] = _NOTHING, searched: Mapping[str, object] = _NOTHING) -> Scope:
    """The whole look-up: current values, the object at hand, then the current section of each kind, then the top.

    `current` names those sections: `{"curr_module": "coadd"}`; each also answers to `modulename`.
    """
    layers: list[Mapping[str, object]] = [current, searched]
    for kind in SEARCH_ORDER:
        name = current.get(f"curr_{kind}")
        if name is not None:
            layers += [root.section(kind).section(str(name).lower()), {f"{kind}name": name}]
    return Scope(*layers, root=root)


def _by_lower_name(layer: Mapping[str, object]) -> Mapping[str, object]:
    """The layer itself where its names are in lower case; only then can it be asked directly."""
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


def _own_key(section: Section, name: str) -> str:
    return next((key for key in section if key.lower() == name), name)


def _by_path(section: Section, path: str) -> tuple[Section, str] | None:
    """The section and the key at the end of a dotted path; names may themselves hold dots."""
    key = _own_key(section, path) if section.name in KEEPS_CASE else path
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
