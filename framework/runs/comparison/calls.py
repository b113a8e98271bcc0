"""Differences of calls: in command lines, inputs, outputs, lists, settings and resources."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from framework.model.job import Call, Exec, File
from framework.runs.comparison.differences import CallDifference, Change
from framework.runs.comparison.matched_calls import MatchedCalls
from framework.runs.comparison.run_names import RunNames
from framework.runs.comparison.side import Facts, Side
from framework.worker.files.transfer import measure

#: More leftover names than this are not compared one by one with all the others.
MOST_LEFT = 200


def compare_calls(pairs: MatchedCalls, old: Side, new: Side, renaming: RunNames) -> Iterator[CallDifference]:
    """Yield the calls that differ: those of the new plan in its order, then those that are gone."""
    outside = _OutsideFiles(old, new)
    found = [_call_difference("added", call, new) for call in pairs.added]
    for before, now in pairs.both:
        if changes := tuple(_CallComparison(renaming, outside).changes(before, now)):
            found.append(_call_difference("changed", now, new, changes))
    yield from sorted(found, key=lambda call: call.number)
    yield from (_call_difference("removed", call, old) for call in pairs.removed)


def _call_difference(kind: str, call: Call, side: Side, changes: tuple[Change, ...] = ()) -> CallDifference:
    return CallDifference(
        kind=kind,
        number=call.number,
        block=side.block_of(call),
        module=call.module,
        keys=call.keys,
        changes=changes,
    )


class _OutsideFiles:
    """Files outside every archive: what the old run recorded, and what the new one did or would find.

    Two runs are compared by their records, whatever lies on the disk now. A plan would read what lies there: each file
    is looked at once.
    """

    def __init__(self, old: Side, new: Side) -> None:
        self._old = old
        self._new = new
        self._known: dict[str, Change | None] = {}

    def change(self, location: str) -> Change | None:
        if location not in self._known:
            self._known[location] = self._look(location)
        return self._known[location]

    def _look(self, location: str) -> Change | None:
        before = self._old.outside(location)
        if before is None:
            return None
        if self._new.is_recorded:
            now = self._new.outside(location)
            return None if now in (None, before) else _content_change(location, before.sha256, now.sha256)
        return self._look_at_the_disk(location, before)

    def _look_at_the_disk(self, location: str, before: Facts) -> Change | None:
        try:
            if not os.path.isfile(location):
                return None
            size = os.stat(location).st_size
            if size != before.size:
                return Change("content", location, (f"{before.size} bytes",), (f"{size} bytes",))
            now = measure(location).sha256
        except OSError:
            return None  # what cannot be read is a matter of the plan's checks
        return None if now == before.sha256 else _content_change(location, before.sha256, now)


def _content_change(path: str, old: str, new: str) -> Change:
    return Change("content", path, (f"sha256 {old}",), (f"sha256 {new}",))


class _CallComparison:
    """Comparison of two calls."""

    def __init__(self, renaming: RunNames, outside: _OutsideFiles) -> None:
        self._renaming = renaming
        self._outside = outside

    def changes(self, old: Call, new: Call) -> Iterator[Change]:
        if old.wrapper != new.wrapper:
            yield Change("wrapper", "", (old.wrapper,), (new.wrapper,))
        yield from self._programs(old.execs, new.execs)
        yield from self._reads(old, new)
        yield from self._makes(old, new)
        yield from self._lists(old, new)
        yield from self._values("setting", old.settings, new.settings)
        yield from self._values("environment", old.environment, new.environment)
        yield from self._values("resource", _resources(old), _resources(new))

    def _programs(self, old: Sequence[Exec], new: Sequence[Exec]) -> Iterator[Change]:
        before, now = {step.number: step for step in old}, {step.number: step for step in new}
        for number in sorted({*before, *now}):
            was, step = before.get(number), now.get(number)
            name = f"exec_{number}" if len({*before, *now}) > 1 else ""
            if was is None or step is None:
                yield Change("command line", name, was.argv if was else (), step.argv if step else ())
                continue
            yield from (Change("command line", name, *words) for words in self._words(was.argv, step.argv))
            yield from self._values("provenance", _provenance(was), _provenance(step), f"{name} ".lstrip())

    def _words(self, old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        """Yield the differing words of two command lines, each with the option before it."""
        there = set(new)
        renamed = [word if word in there else self._renaming(word) for word in old]
        if renamed == list(new):
            return
        for kind, i, i_end, j, j_end in SequenceMatcher(None, renamed, new, autojunk=False).get_opcodes():
            gone, come = renamed[i:i_end], new[j:j_end]
            if kind == "equal" or self._are_same(old[i:i_end], come):
                continue
            option = new[j - 1 : j] if j and new[j - 1].startswith("-") else []
            yield ((*option, *gone) if gone else ()), ((*option, *come) if come else ())

    def _are_same(self, old: Sequence[str], new: Sequence[str]) -> bool:
        """Return whether texts are the same one by one, but for the names of the runs."""
        return len(old) == len(new) and all(map(self._renaming.same, old, new))

    def _reads(self, old: Call, new: Call) -> Iterator[Change]:
        pairs = self._match_files(old.inputs, new.inputs)
        for was, file in pairs:
            if file.external:
                if changed := self._outside.change(file.path):
                    yield changed
            elif was.sha256 and file.sha256 and was.sha256 != file.sha256:
                yield _content_change(file.path, was.sha256, file.sha256)
        yield from self._unmatched_files("reads", old.inputs, new.inputs, pairs)

    def _makes(self, old: Call, new: Call) -> Iterator[Change]:
        pairs = self._match_files(old.outputs, new.outputs)
        yield from self._unmatched_files("makes", old.outputs, new.outputs, pairs)
        for was, file in pairs:
            yield from self._values("makes", _output_properties(was), _output_properties(file), f"{file.path}: ")

    def _unmatched_files(
        self, what: str, old: Sequence[File], new: Sequence[File], pairs: Sequence[tuple[File, File]]
    ) -> Iterator[Change]:
        """Yield the files that only one side has, each beside those of the other side with the same label."""
        gone = _paths_by_label(old, {was.path for was, _ in pairs})
        come = _paths_by_label(new, {file.path for _, file in pairs})
        for label in {**gone, **come}:
            yield Change(what, label, tuple(gone.get(label, ())), tuple(come.get(label, ())))

    def _match_files(self, before: Sequence[File], now: Sequence[File]) -> list[tuple[File, File]]:
        """Return the files that are the same: by path, by renamed path, or but for a number that may be the run's."""
        new = {file.path: file for file in now}
        pairs = [(file, new.pop(file.path)) for file in before if file.path in new]
        same_path = {file.path for file, _ in pairs}
        unclear = []
        for file in before:
            if file.path in same_path:
                continue
            found = new.pop(self._renaming(file.path), None)
            if found is None:
                unclear.append(file)
            else:
                pairs.append((file, found))
        if len(unclear) <= MOST_LEFT and len(new) <= MOST_LEFT:
            pairs += self._match_by_names(unclear, new)
        return pairs

    def _match_by_names(self, files: Sequence[File], free: dict[str, File]) -> Iterator[tuple[File, File]]:
        """Yield each file with the first free one whose name may be the same; that one is free no longer."""
        for file in files:
            path = next((path for path in free if self._renaming.same(file.path, path)), None)
            if path is not None:
                yield file, free.pop(path)

    def _lists(self, old: Call, new: Call) -> Iterator[Change]:
        now = {made.job_path: made.lines for made in new.lists}
        places = (made.job_path if made.job_path in now else self._renaming(made.job_path) for made in old.lists)
        before = {at: made.lines for at, made in zip(places, old.lists, strict=True)}
        for at in {**before, **now}:
            was, lines = before.get(at), now.get(at)
            if was is None or lines is None:
                yield Change("list", at, was or (), lines or ())
            elif not self._are_same(was, lines):
                yield self._list_change(at, was, lines)

    def _list_change(self, at: str, was: Sequence[str], lines: Sequence[str]) -> Change:
        """Return the lines that a list has lost and gained, or that their order differs."""
        renamed = tuple(map(self._renaming, was))
        had, has = {*renamed}, {*lines}
        gone = tuple(line for line in renamed if line not in has)
        come = tuple(line for line in lines if line not in had)
        return Change("list", at, gone, come if gone or come else ("another order",))

    def _values(self, what: str, old: Mapping[str, str], new: Mapping[str, str], before: str = "") -> Iterator[Change]:
        for key in {**old, **new}:
            was, value = old.get(key, ""), new.get(key, "")
            if not self._renaming.same(was, value):
                yield Change(what, f"{before}{key}", (was,) if was else (), (value,) if value else ())


def _paths_by_label(files: Sequence[File], matched: set[str]) -> dict[str, list[str]]:
    """Return the paths of files by label, each once, without those that are matched."""
    labels = {file.path: file.label for file in files if file.path not in matched}
    found: dict[str, list[str]] = {}
    for path, label in labels.items():
        found.setdefault(label, []).append(path)
    return found


def _output_properties(file: File) -> dict[str, str]:
    """Return the other properties of an output."""
    kept = {"filetype": file.filetype, "savefiles": str(file.saved), "optional": str(file.optional)}
    return {**kept, **file.metadata}


def _provenance(step: Exec) -> dict[str, str]:
    pairs = ", ".join(":".join(pair) for pair in step.derived)
    return {"used": ", ".join(step.used), "was_generated_by": ", ".join(step.made), "ancestry": pairs}


def _steps(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.15g}" for value in values)


def _resources(call: Call) -> dict[str, str]:
    """Return the resources that a call requests, under the names that a pipeline gives them."""
    needs = {
        "request_disk": call.needs.disk_mb,
        "request_cpus": call.needs.cpus if call.needs.cpus != 1 else None,
        "request_gpus": call.needs.gpus or None,
        "max_retries": call.max_retries or None,
        "max_fwthreads": call.max_threads,
    }
    words = {
        "request_memory": _steps(call.needs.memory_steps_mb),
        "max_walltime": _steps(call.needs.walltime_steps_minutes),
        "memory_statuses": _steps(call.needs.memory_statuses),
        "partition": call.needs.partition,
        "account": call.needs.account,
        "software": call.software,
    }
    numbers = {key: f"{value:.15g}" for key, value in needs.items() if value is not None}
    return {**numbers, **{key: word for key, word in words.items() if word}}
