"""Products: the files that the modules planned so far will make, found by module or by path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from framework.plan.findings import near, wrong
from framework.plan.model import Call, File
from wcl import Place, WclError


class Products:
    """What earlier modules make; grows as modules are planned in their order."""

    def __init__(self) -> None:
        self._by_object: dict[str, list[File]] = defaultdict(list)
        self._by_path: dict[str, tuple[File, int]] = {}
        self._broken: set[str] = set()

    def add(self, call: Call) -> None:
        for made in call.outputs:
            self._by_object[f"{call.module.lower()}.{made.label}"].append(made)
            self._by_path.setdefault(made.path, (made, call.number))

    def is_broken(self, module: str) -> None:
        """The module could not be planned, so nobody can say what it makes."""
        self._broken.add(module.lower())

    def add_inputs(self, module: str, files: Iterable[File]) -> None:
        """Files that a module only reads can be depended on as well."""
        for file in files:
            known = self._by_object[f"{module.lower()}.{file.label}"]
            if file not in known:
                known.append(file)

    def of(self, name: str, place: Place) -> Sequence[File]:
        """The files of ``module.file.label`` (or ``module.list.label.nick``), in the order of their calls."""
        module = name.lower().partition(".")[0]
        if module in self._broken:
            raise WclError  # what is wrong with that module is reported already
        if name.lower() not in self._by_object:
            raise wrong(place, f"no earlier module makes '{name}'", hint=near(name.lower(), self._by_object))
        return self._by_object[name.lower()]

    def at(self, path: str) -> File | None:
        found = self._by_path.get(path)
        return found[0] if found else None

    def maker(self, path: str) -> int | None:
        """The number of the call that makes the file."""
        found = self._by_path.get(path)
        return found[1] if found else None


class Lines:
    """Files divided by the values of some keys."""

    def __init__(self, files: Iterable[File], keys: Sequence[str], place: Place, what: str) -> None:
        self._keys = tuple(keys)
        self._place = place
        self._what = what
        self._divided: dict[tuple[str, ...], list[File]] = defaultdict(list)
        for file in files:
            self._divided[self._values(file)].append(file)

    def matching(self, values: Mapping[str, str]) -> Sequence[File]:
        """The files whose keys have a call's values; none is an error."""
        wanted = tuple(values[key] for key in self._keys)
        if wanted not in self._divided:
            named = ", ".join(f"{key}={value}" for key, value in zip(self._keys, wanted, strict=True))
            raise wrong(self._place, f"no file of {self._what} for {named or 'this call'}")
        return self._divided[wanted]

    def combinations(self) -> Iterable[tuple[str, ...]]:
        return self._divided

    def _values(self, file: File) -> tuple[str, ...]:
        try:
            return tuple(_value(file, key) for key in self._keys)
        except KeyError as error:
            raise wrong(
                self._place,
                f"the files of {self._what} have no key {error}",
                hint=near(str(error.args[0]), {**file.metadata, **file.keys}),
            ) from None


def _value(file: File, key: str) -> str:
    return file.keys[key] if key in file.keys else file.metadata[key]
