"""Products: the files that the modules planned so far make and use, found by object or by path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from framework.plan.findings import near, wrong
from framework.plan.model import Call, File
from wcl import Place, WclError


@dataclass(frozen=True)
class Line:
    """Files that belong together, by their nicknames, and the keys by which the line is found."""

    files: Mapping[str, File]
    keys: Mapping[str, str]

    @property
    def first(self) -> File:
        return next(iter(self.files.values()))

    def file(self, nick: str) -> File:
        """The file of a nickname; a line of one file answers to any."""
        return self.files.get(nick) or self.first

    def value(self, key: str) -> str | None:
        """What is known of the line, or of the first of its files that knows it."""
        for known in (self.keys, *(file.keys for file in self.files.values())):
            if key in known:
                return known[key]
        return next((file.metadata[key] for file in self.files.values() if key in file.metadata), None)


class Products:
    """What earlier modules make and read; grows as modules are planned in their order."""

    def __init__(self) -> None:
        self._lines: dict[str, list[Line]] = defaultdict(list)
        self._by_path: dict[str, tuple[File, int]] = {}
        self._broken: set[str] = set()

    def add(self, call: Call) -> None:
        for made in call.outputs:
            self._lines[f"{call.module.lower()}.{made.label}"].append(Line({_nick(made.label): made}, made.keys))
            self._by_path.setdefault(made.path, (made, call.number))

    def add_lines(self, module: str, label: str, lines: Iterable[Line]) -> None:
        """What a module reads can be depended on as well: ``module.file.x``, ``module.list.x``."""
        known = self._lines.setdefault(f"{module.lower()}.{label}", [])
        if not known:
            known += lines

    def is_broken(self, module: str) -> None:
        """The module could not be planned, so nobody can say what it makes."""
        self._broken.add(module.lower())

    def lines(self, name: str, place: Place) -> list[Line]:
        """The lines of ``module.file.label`` or ``module.list.label``, or of one nickname of them."""
        name = name.lower()
        if name.partition(".")[0] in self._broken:
            raise WclError  # what is wrong with that module is reported already
        if name in self._lines:
            return self._lines[name]
        whole, _, nick = name.rpartition(".")
        if whole in self._lines:
            return [Line({nick: line.file(nick)}, line.keys) for line in self._lines[whole]]
        raise wrong(place, f"no earlier module makes '{name}'", hint=near(name, self._lines))

    def at(self, path: str) -> File | None:
        found = self._by_path.get(path)
        return found[0] if found else None

    def maker(self, path: str) -> int | None:
        """The number of the call that makes the file."""
        found = self._by_path.get(path)
        return found[1] if found else None


class Sublists:
    """Lines divided by the values of some keys."""

    def __init__(self, lines: Iterable[Line], keys: Sequence[str], place: Place, what: str) -> None:
        self._keys = tuple(keys)
        self._place = place
        self._what = what
        self._divided: dict[tuple[str, ...], list[Line]] = defaultdict(list)
        for line in lines:
            self._divided[self._values(line)].append(line)

    def matching(self, values: Mapping[str, str]) -> Sequence[Line]:
        """The lines whose keys have a call's values; none is an error."""
        missing = [key for key in self._keys if key not in values]
        if missing:
            raise wrong(self._place, f"{self._what} is divided by '{missing[0]}', which the call has no value of")
        wanted = tuple(values[key] for key in self._keys)
        if wanted not in self._divided:
            named = ", ".join(f"{key}={value}" for key, value in zip(self._keys, wanted, strict=True))
            raise wrong(self._place, f"no file of {self._what} for {named or 'this call'}")
        return self._divided[wanted]

    def combinations(self) -> Iterable[tuple[str, ...]]:
        return self._divided

    def _values(self, line: Line) -> tuple[str, ...]:
        values = tuple(line.value(key) for key in self._keys)
        if None in values:
            missing = self._keys[values.index(None)]
            known = {key for file in line.files.values() for key in (*file.keys, *file.metadata)} | set(line.keys)
            raise wrong(self._place, f"the files of {self._what} have no key '{missing}'", hint=near(missing, known))
        return values  # type: ignore[return-value]


def _nick(label: str) -> str:
    return label.rpartition(".")[2]
