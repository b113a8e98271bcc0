"""Products: the files that the modules planned so far make and read, found by object or by path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from framework.model.job import Call, File
from framework.pipeline.problems import error_at, suggest_name
from wcl import SourcePosition, WclError


class FileLine(Struct, frozen=True, kw_only=True, gc=False):
    """Files that belong together, by their nicknames, and the keys by which the line is found."""

    nicks: tuple[str, ...]
    files: tuple[File, ...]
    keys: Mapping[str, str]

    @property
    def first(self) -> File:
        """First file of the line."""
        return self.files[0]

    def file(self, nick: str) -> File:
        """Return the file of a nickname; a line of one file answers to any."""
        return self.files[self.nicks.index(nick) if nick in self.nicks else 0]

    def value(self, key: str) -> str | None:
        """Return the value of a key of the line, or of the first of its files that has it in its metadata."""
        if key in self.keys:
            return self.keys[key]
        return next((file.metadata[key] for file in self.files if key in file.metadata), None)

    def known_keys(self) -> set[str]:
        """Return the keys of the line and of its files' metadata."""
        return {*self.keys, *(key for file in self.files for key in file.metadata)}


class Products:
    """Files that earlier modules make and read; grows as modules are planned in their order."""

    def __init__(self) -> None:
        #: Number of the last call that has run: the files of calls up to it are there.
        self._last_run = 0
        #: Calls by the names of their modules, in lower case.
        self._calls: dict[str, list[Call]] = defaultdict(list)
        self._lines: dict[str, list[FileLine]] = {}
        self._by_path: dict[str, Call] = {}
        self._unplannable: set[str] = set()
        #: Files that an earlier call makes too.
        self.duplicates: list[tuple[Call, File]] = []

    def add(self, calls: Iterable[Call]) -> None:
        """Add the outputs and logs of calls."""
        for call in calls:
            self._calls[call.module.lower()].append(call)
            for made in (*call.outputs, call.log):
                if made.path in self._by_path:
                    self.duplicates.append((call, made))
                else:
                    self._by_path[made.path] = call

    def mark_all_as_run(self) -> None:
        """Note that all calls so far have run; calls added later are planned now."""
        self._last_run = max((call.number for calls in self._calls.values() for call in calls), default=0)

    def mark_unplannable(self, module: str) -> None:
        """Note that a module could not be planned, so that its products are unknown."""
        self._unplannable.add(module.lower())

    def add_lines(self, module: str, label: str, lines: Iterable[FileLine]) -> None:
        """Add the lines of an object that a module reads: later modules may depend on them too."""
        name = f"{module.lower()}.{label}"
        if not self._find_lines(name):
            self._lines[name] = list(lines)

    def lines(self, name: str, position: SourcePosition) -> list[FileLine]:
        """Return the lines of ``module.file.label`` or ``module.list.label``, or of one nickname of them."""
        name = name.lower()
        if name.partition(".")[0] in self._unplannable:
            raise WclError  # the problems of that module are reported already
        whole, _, nick = name.rpartition(".")
        if self._has_wildcards(name) or self._has_wildcards(whole):
            hint = "put the module that reads them into a later block, with plan = late"
            raise error_at(position, f"which files '{name}' is will be known when its module has run", hint)
        found = self._find_lines(name)
        if found is not None:
            return found
        found = self._find_lines(whole)
        if found is not None:
            return [FileLine(nicks=(nick,), files=(line.file(nick),), keys=line.keys) for line in found]
        raise error_at(position, f"no earlier module makes '{name}'", hint=suggest_name(name, self._names()))

    def read_lines(self, name: str) -> list[FileLine]:
        """Return the lines of an object that a module reads; none if there is no such object."""
        return self._lines.get(name, [])

    def paths(self) -> list[str]:
        """Return the paths of all files that calls planned now make."""
        if not self._last_run:
            return list(self._by_path)
        return [path for path, call in self._by_path.items() if call.number > self._last_run]

    def wildcards(self) -> list[File]:
        """Return the files of all calls if one that is planned now has files with wildcards; else none."""
        calls = [call for calls in self._calls.values() for call in calls]
        if not any(made.pattern for call in calls if call.number > self._last_run for made in call.outputs):
            return []
        return [made for call in calls for made in (*call.outputs, call.log)]

    def find_file(self, path: str) -> tuple[Call, File] | None:
        """Return the file at a path, and the call that makes it; None if no call does."""
        call = self._by_path.get(path)
        return (call, next(made for made in (*call.outputs, call.log) if made.path == path)) if call else None

    def maker(self, path: str) -> int | None:
        """Return the number of the call that makes the file at a path; None if no call does."""
        call = self._by_path.get(path)
        return call.number if call else None

    def _find_lines(self, name: str) -> list[FileLine] | None:
        # Lines are made of calls when they are asked for, since most files go nowhere.
        if name in self._lines:
            return self._lines[name]
        module, _, label = name.partition(".")
        nicks = (label.rpartition(".")[2],)
        found = [
            FileLine(nicks=nicks, files=(made,), keys=call.keys)
            for call in self._calls.get(module, ())
            for made in call.outputs
            if made.label == label
        ]
        return found or None

    def _has_wildcards(self, name: str) -> bool:
        """Return whether an object is files with wildcards, whose number is still unknown."""
        module, _, label = name.partition(".")
        first = self._calls.get(module, ())[:1]
        return any(made.pattern and made.label == label for call in first for made in call.outputs)

    def _names(self) -> list[str]:
        made = {f"{name}.{file.label}" for name, calls in self._calls.items() for file in calls[0].outputs}
        return [*self._lines, *sorted(made)]


class Sublists:
    """Lines divided by the values of some keys."""

    def __init__(self, lines: Iterable[FileLine], keys: Sequence[str], position: SourcePosition, label: str) -> None:
        self._keys = tuple(keys)
        self._position = position
        self._label = label
        self._lines: dict[tuple[str, ...], list[FileLine]] = defaultdict(list)
        for line in lines:
            self._lines[self._values(line)].append(line)

    def matching(self, values: Mapping[str, str]) -> Sequence[FileLine]:
        """Return the lines whose keys have a call's values; raise WclError if there are none."""
        try:
            key_values = tuple([values[key] for key in self._keys])
        except KeyError as error:
            message = f"{self._label} is divided by '{error.args[0]}', which the call has no value of"
            raise error_at(self._position, message) from None
        found = self._lines.get(key_values)
        if found is None:
            text = ", ".join(f"{key}={value}" for key, value in zip(self._keys, key_values, strict=True))
            raise error_at(self._position, f"no file of {self._label} for {text or 'this call'}")
        return found

    def combinations(self) -> Iterable[tuple[str, ...]]:
        """Return the combinations of values that the keys have."""
        return self._lines

    def _values(self, line: FileLine) -> tuple[str, ...]:
        try:
            return tuple([line.keys[key] for key in self._keys])
        except KeyError:
            values = tuple(line.value(key) for key in self._keys)
        if None in values:
            missing = self._keys[values.index(None)]
            hint = suggest_name(missing, line.known_keys())
            raise error_at(self._position, f"the files of {self._label} have no key '{missing}'", hint)
        return values  # type: ignore[return-value]
