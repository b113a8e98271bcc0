"""Products: the files that the modules planned so far make and use, found by object or by path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from framework.model.plan import Call, File
from framework.pipeline.problems import error_at, suggest_name
from wcl import SourcePosition, WclError


class FileLine(Struct, frozen=True, kw_only=True, gc=False):
    """Files that belong together, by their nicknames, and the keys by which the line is found."""

    nicks: tuple[str, ...]
    files: tuple[File, ...]
    keys: Mapping[str, str]

    @property
    def first(self) -> File:
        return self.files[0]

    def file(self, nick: str) -> File:
        """The file of a nickname; a line of one file answers to any."""
        return self.files[self.nicks.index(nick) if nick in self.nicks else 0]

    def value(self, key: str) -> str | None:
        """What is known of the line, or of the first of its files that knows it."""
        if key in self.keys:
            return self.keys[key]
        return next((file.metadata[key] for file in self.files if key in file.metadata), None)

    def known(self) -> set[str]:
        """The keys of which something is known."""
        return {*self.keys, *(key for file in self.files for key in file.metadata)}


class Products:
    """What earlier modules make and read; grows as modules are planned in their order."""

    def __init__(self) -> None:
        #: Calls up to this number have run: their files are there.
        self._ended = 0
        #: By the names of modules, in lower case.
        self._calls: dict[str, list[Call]] = defaultdict(list)
        self._lines: dict[str, list[FileLine]] = {}
        self._by_path: dict[str, Call] = {}
        self._broken: set[str] = set()
        #: Files that an earlier call makes too.
        self.doubles: list[tuple[Call, File]] = []

    def add(self, calls: Iterable[Call]) -> None:
        for call in calls:
            self._calls[call.module.lower()].append(call)
            for made in (*call.outputs, call.log):
                if made.path in self._by_path:
                    self.doubles.append((call, made))
                else:
                    self._by_path[made.path] = call

    def mark_all_as_run(self) -> None:
        """All calls so far have run; what follows is planned now."""
        self._ended = max((call.number for calls in self._calls.values() for call in calls), default=0)

    def add_lines(self, module: str, label: str, lines: Iterable[FileLine]) -> None:
        """What a module reads can be depended on as well: ``module.file.x``, ``module.list.x``."""
        name = f"{module.lower()}.{label}"
        if not self._of(name):
            self._lines[name] = list(lines)

    def mark_unplannable(self, module: str) -> None:
        """The module could not be planned, so nobody can say what it makes."""
        self._broken.add(module.lower())

    def lines(self, name: str, position: SourcePosition) -> list[FileLine]:
        """The lines of ``module.file.label`` or ``module.list.label``, or of one nickname of them."""
        name = name.lower()
        if name.partition(".")[0] in self._broken:
            raise WclError  # what is wrong with that module is reported already
        whole, _, nick = name.rpartition(".")
        if self._is_unknown(name) or self._is_unknown(whole):
            hint = "put the module that wants them into a later block, with plan = late"
            raise error_at(position, f"which files '{name}' is will be known when its module has run", hint)
        found = self._of(name)
        if found is not None:
            return found
        found = self._of(whole)
        if found is not None:
            return [FileLine(nicks=(nick,), files=(line.file(nick),), keys=line.keys) for line in found]
        raise error_at(position, f"no earlier module makes '{name}'", hint=suggest_name(name, self._names()))

    def _of(self, name: str) -> list[FileLine] | None:
        """Lines are made of calls when they are asked for: most files go nowhere."""
        if name in self._lines:
            return self._lines[name]
        module, _, label = name.partition(".")
        nicks = (_nick(label),)
        found = [
            FileLine(nicks=nicks, files=(made,), keys=call.keys)
            for call in self._calls.get(module, ())
            for made in call.outputs
            if made.label == label
        ]
        return found or None

    def _is_unknown(self, name: str) -> bool:
        """Whether an object is files of which nobody knows yet how many there will be."""
        module, _, label = name.partition(".")
        first = self._calls.get(module, ())[:1]
        return any(made.pattern and made.label == label for call in first for made in call.outputs)

    def read_lines(self, name: str) -> list[FileLine]:
        """The lines of an object that a module reads; none where there is no such object."""
        return self._lines.get(name, [])

    def _names(self) -> list[str]:
        made = {f"{name}.{file.label}" for name, calls in self._calls.items() for file in calls[0].outputs}
        return [*self._lines, *sorted(made)]

    def paths(self) -> list[str]:
        """What the calls make that are planned now."""
        if not self._ended:
            return list(self._by_path)
        return [path for path, call in self._by_path.items() if call.number > self._ended]

    def wildcards(self) -> list[File]:
        """The files of all calls, where one of those that are planned now has files with wildcards; else none."""
        calls = [call for calls in self._calls.values() for call in calls]
        if not any(made.pattern for call in calls if call.number > self._ended for made in call.outputs):
            return []
        return [made for call in calls for made in (*call.outputs, call.log)]

    def at(self, path: str) -> tuple[Call, File] | None:
        """A file that is made, and the call that makes it."""
        call = self._by_path.get(path)
        return (call, next(made for made in (*call.outputs, call.log) if made.path == path)) if call else None

    def maker(self, path: str) -> int | None:
        """The number of the call that makes the file."""
        call = self._by_path.get(path)
        return call.number if call else None


class Sublists:
    """Lines divided by the values of some keys."""

    def __init__(self, lines: Iterable[FileLine], keys: Sequence[str], position: SourcePosition, what: str) -> None:
        self._keys = tuple(keys)
        self._position = position
        self._what = what
        self._divided: dict[tuple[str, ...], list[FileLine]] = defaultdict(list)
        for line in lines:
            self._divided[self._values(line)].append(line)

    def matching(self, values: Mapping[str, str]) -> Sequence[FileLine]:
        """The lines whose keys have a call's values; none is an error."""
        try:
            wanted = tuple([values[key] for key in self._keys])
        except KeyError as error:
            what = f"{self._what} is divided by '{error.args[0]}', which the call has no value of"
            raise error_at(self._position, what) from None
        found = self._divided.get(wanted)
        if found is None:
            named = ", ".join(f"{key}={value}" for key, value in zip(self._keys, wanted, strict=True))
            raise error_at(self._position, f"no file of {self._what} for {named or 'this call'}")
        return found

    def combinations(self) -> Iterable[tuple[str, ...]]:
        return self._divided

    def _values(self, line: FileLine) -> tuple[str, ...]:
        try:
            return tuple([line.keys[key] for key in self._keys])
        except KeyError:
            values = tuple(line.value(key) for key in self._keys)
        if None in values:
            missing = self._keys[values.index(None)]
            raise error_at(
                self._position,
                f"the files of {self._what} have no key '{missing}'",
                hint=suggest_name(missing, line.known()),
            )
        return values  # type: ignore[return-value]


def _nick(label: str) -> str:
    return label.rpartition(".")[2]
