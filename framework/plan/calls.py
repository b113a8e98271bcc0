"""Calls: one execution of a module's wrapper for each combination of its loop keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from framework.plan.cmdline import LATE, command_line
from framework.plan.definition import ExecDefinition, FileDefinition, ListDefinition, ModuleDefinition
from framework.plan.findings import near, wrong
from framework.plan.lists import in_order, list_lines
from framework.plan.model import Call, Exec, File, ListFile, Needs
from framework.plan.naming import Naming, is_placed
from framework.plan.products import Lines, Products
from wcl import Quoted, Scope, Section, boolean, expand, split
from wcl.late import late_calls

#: What a module may become at most, unless the pipeline allows more with max_calls.
MAX_CALLS = 200_000


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What planning a module needs to know besides the module."""

    pipeline: Section
    scope: Scope
    submit_directory: str
    products: Products
    #: Inputs that the wrapper of a module adds to those of its sections: label to location.
    wrapper_inputs: Callable[[str, Mapping[str, str]], Mapping[str, str]]


def make_calls(module: ModuleDefinition, around: Surroundings, first_number: int) -> list[Call]:
    """The calls of one module, numbered from ``first_number``."""
    if _flag(module.section, "noop"):
        return []
    maker = CallMaker(module, around)
    calls = []
    for number, values in enumerate(maker.combinations(), start=first_number):
        calls.append(maker.make(number, values))
    return calls


class CallMaker:
    """Everything about a module that its calls share, read once."""

    def __init__(self, module: ModuleDefinition, around: Surroundings) -> None:
        self._module = module
        self._around = around
        named = {"modulename": module.name, "blockname": module.block.path.rsplit(".", 1)[-1]}
        self._scope = around.scope.child(module.section, module.block).child(named)
        self._namings = {
            label: Naming(f"file.{label}", part.section, self._scope, around.pipeline, around.submit_directory)
            for label, part in module.files.items()
            if f"file.{label}" in module.made or not part.depends
            if not _flag(part.section, "listonly")
        }
        self._lines = {label: self._file_lines(part) for label, part in module.files.items() if part.depends}
        self._lists = {label: self._list_lines(part) for label, part in module.lists.items()}
        self._log = self._log_naming()
        self._max_calls = int(self._find("max_calls") or MAX_CALLS)

    def combinations(self) -> Iterable[dict[str, str]]:
        """The values of the loop keys of each call."""
        loop = self._module.loop
        if not loop:
            return [{}]
        if self._module.loop_object:
            found = sorted(set(self._loop_lines().combinations()), key=_natural)
        else:
            lists = [self._loop_values(key) for key in loop]
            count = 1
            for values in lists:
                count *= len(values)
            self._refuse_too_many(count)
            found = list(product(*lists))
        self._refuse_too_many(len(found))
        return [dict(zip(loop, values, strict=True)) for values in found]

    def make(self, number: int, values: dict[str, str]) -> Call:
        module = self._module
        scope = self._scope.child(values)
        outputs = [file for label in self._made_labels() for file in self._namings[label].make(values)]
        lists, members = self._call_lists(values, scope)
        inputs = [*self._call_inputs(values), *members, *self._wrapper_inputs(scope)]
        full = scope.child(_full_names(inputs, outputs, lists))
        return Call(
            number=number,
            module=module.name,
            wrapper=module.wrapper,
            keys=values,
            log=self._log.make(values)[0],
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            lists=tuple(lists),
            execs=tuple(self._exec(step, full) for step in module.execs),
            settings=_expanded(module.section.section("wrapper"), full),
            environment=self._environment(full),
            needs=self._needs(),
            max_retries=int(self._number("max_retries") or 0),
            max_fwthreads=int(self._number("max_fwthreads") or 0) or None,
        )

    # ---- loops

    def _loop_lines(self) -> Lines:
        kind, _, label = self._module.loop_object.partition(".")
        place = self._module.section.place("loopobj")
        if kind == "list" and label in self._module.lists:
            return Lines(self._members(self._module.lists[label]), self._module.loop, place, self._module.loop_object)
        if kind == "file" and label in self._module.files:
            part = self._module.files[label]
            return Lines(self._depended(part.depends, part.section), self._module.loop, place, self._module.loop_object)
        known = [f"file.{name}" for name in self._module.files] + [f"list.{name}" for name in self._module.lists]
        raise wrong(place, f"unknown object '{self._module.loop_object}'", hint=near(self._module.loop_object, known))

    def _loop_values(self, key: str) -> list[str]:
        place = self._module.section.place("wrapperloop")
        try:
            text = self._scope.find(key)
        except KeyError:
            hint = "set it, or name the object to loop over with loopobj"
            raise wrong(place, f"the loop key '{key}' has no value", hint=hint) from None
        return [value for value in split(expand(text, self._scope, place)) if value]

    def _refuse_too_many(self, count: int) -> None:
        if count > self._max_calls:
            place = self._module.section.place("wrapperloop")
            message = f"module '{self._module.name}' would become {count} calls, more than {self._max_calls}"
            raise wrong(place, message, hint="set max_calls if that is meant")

    # ---- files

    def _made_labels(self) -> list[str]:
        return [label for label in self._module.files if f"file.{label}" in self._module.made]

    def _call_inputs(self, values: Mapping[str, str]) -> Iterable[File]:
        for label, part in self._module.files.items():
            if f"file.{label}" not in self._module.used or _flag(part.section, "listonly"):
                continue
            if label in self._lines:
                yield from self._matched(part, values)
            else:
                for file in self._namings[label].make(values):
                    made = self._around.products.at(file.path)
                    yield replace(made, label=file.label, job_directory=file.job_directory) if made else file

    def _matched(self, part: FileDefinition, values: Mapping[str, str]) -> Sequence[File]:
        found = self._lines[part.label].matching(values)
        if len(found) > 1 and not _flag(part.section, "ignore_multiple_error"):
            message = f"{len(found)} files to choose from for file.{part.label}, such as {found[0].path}"
            raise wrong(part.place, message, hint="give it match = keys, or make it a list")
        return [self._placed(file, f"file.{part.label}", part.section, values) for file in found]

    def _placed(self, file: File, label: str, section: Section, values: Mapping[str, str]) -> File:
        """A file of another module, under this module's name, and where this module wants it."""
        if not is_placed(section):
            return replace(file, label=label)
        whole = {**file.metadata, **file.keys, **values}
        return replace(file, label=label, job_directory=self._placing(section).job_directory(whole))

    def _placing(self, section: Section) -> Naming:
        return Naming(section.path, section, self._scope, self._around.pipeline, self._around.submit_directory)

    def _file_lines(self, part: FileDefinition) -> Lines:
        files = self._depended(part.depends, part.section)
        if part.match is not None:
            keys = part.match
        else:
            # A file's own keys tell it from its siblings: what the loop shares with them finds the right one.
            keys = tuple(key for key in self._module.loop if all(key in file.keys for file in files))
        return Lines(files, keys, part.place, f"file.{part.label}")

    def _depended(self, names: Sequence[str], section: Section) -> list[File]:
        return [file for name in names for file in self._around.products.of(name, section.place("depends"))]

    def _wrapper_inputs(self, scope: Scope) -> Iterable[File]:
        settings = _expanded(self._module.section.section("wrapper"), scope)
        for label, location in self._around.wrapper_inputs(self._module.wrapper, settings).items():
            section = self._module.section.section("wrapper")
            if "://" not in location and not location.startswith("/"):
                location = f"{self._around.submit_directory}/{location}"
            if label not in section:
                raise wrong(section.opened, f"the wrapper needs '{label}'")
            name = location.rsplit("/", 1)[-1] or "input"
            yield File(
                label=f"wrapper.{label}",
                filetype="external",
                name=re.sub(r"[^\w.-]", "_", name),
                directory="",
                job_directory=label,
                outside=location,
            )

    # ---- lists

    def _members(self, part: ListDefinition) -> list[File]:
        if not part.depends:
            raise wrong(part.place, f"nothing says which files list.{part.label} holds", hint="give it depends")
        return self._depended(part.depends, part.section)

    def _list_lines(self, part: ListDefinition) -> Lines:
        return Lines(self._members(part), part.divide_by, part.place, f"list.{part.label}")

    def _call_lists(self, values: Mapping[str, str], scope: Scope) -> tuple[list[ListFile], list[File]]:
        lists, members = [], []
        for label, part in self._module.lists.items():
            if not any(name.split(".")[:2] == ["list", label] for name in self._module.used):
                continue
            files = [self._member(part, file, values) for file in self._lists[label].matching(values)]
            files = in_order(files, part)
            naming = _list_naming(part, self._scope, self._around)
            target = naming.make(values)[0]
            lines = list_lines(part, files, values)
            lists.append(ListFile(label=f"list.{label}", job_path=target.job_path, lines=lines))
            members.extend(files)
        return lists, members

    def _member(self, part: ListDefinition, file: File, values: Mapping[str, str]) -> File:
        nick = part.depends[0].rsplit(".", 1)[-1]
        label = f"list.{part.label}.{nick}"
        definition = self._module.files.get(nick)
        return (
            replace(file, label=label) if definition is None else self._placed(file, label, definition.section, values)
        )

    # ---- the rest of a call

    def _log_naming(self) -> Naming:
        section = self._around.pipeline.section("framework_file").section("log")
        pattern = {} if "modnamepat" in self._module.section else self._default_pattern()
        return Naming("log", section, self._scope.child(pattern), self._around.pipeline, "")

    def _default_pattern(self) -> dict[str, str]:
        loop = "".join(f"_${{{key}}}" for key in self._module.loop)
        return {"modnamepat": f"{self._find('run')}{loop}_{self._module.name}"}

    def _exec(self, step: ExecDefinition, scope: Scope) -> Exec:
        argv, late = command_line(step, scope)
        definition = self._around.pipeline.section("exec_def").section(argv[0].rsplit("/", 1)[-1].lower())
        return Exec(
            number=step.number,
            program=argv[0].rsplit("/", 1)[-1],
            argv=argv,
            late=late,
            used=step.used,
            made=step.made,
            derived=step.derived,
            version_flag=str(definition.get("version_flag", "")),
            version_pattern=str(definition.get("version_pattern", "")),
        )

    def _environment(self, scope: Scope) -> Mapping[str, str]:
        values = _expanded(self._around.pipeline.section("job_environment"), scope, LATE)
        values |= _expanded(self._module.section.section("job_environment"), scope, LATE)
        return {key.upper(): value for key, value in values.items()}

    def _needs(self) -> Needs:
        memory, disk = self._number("request_memory"), self._number("request_disk")
        return Needs(
            memory_mb=int(memory) if memory is not None else None,
            disk_mb=int(disk) if disk is not None else None,
            cpus=int(self._number("request_cpus") or 1),
            walltime_minutes=self._number("max_walltime"),
        )

    def _find(self, key: str) -> str | None:
        try:
            return expand(self._scope.find(key), self._scope)
        except KeyError:
            return None

    def _number(self, key: str) -> float | None:
        text = self._find(key)
        if text is None:
            return None
        try:
            return float(text)
        except ValueError:
            place = self._module.section.place(key) if key in self._module.section else self._module.place
            raise wrong(place, f"{key} = {text} is not a number") from None


def _flag(section: Section, key: str) -> bool:
    value = section.get(key)
    return isinstance(value, str) and boolean(value, section.place(key))


def _expanded(section: Section, scope: Scope, late: frozenset[str] = frozenset()) -> dict[str, str]:
    """The values of a section, in which only some functions may be left to the job."""
    found = {}
    for key, value in section.items():
        if not isinstance(value, str):
            continue
        found[key] = str(expand(value, scope, section.place(key)))
        if unknown := {name for name, _ in late_calls(found[key])} - late:
            raise wrong(section.place(key), f"${unknown.pop().upper()}{{}} cannot be used here")
    return found


def _full_names(inputs: Iterable[File], outputs: Iterable[File], lists: Iterable[ListFile]) -> dict[str, Quoted]:
    """``file.raw.fullname`` and its like: where things lie in the job, several joined by commas."""
    paths: dict[str, list[str]] = {}
    for file in [*inputs, *outputs]:
        paths.setdefault(file.label, []).append(file.job_path)
    for made in lists:
        paths[made.label] = [made.job_path]
    return {f"{label}.fullname".lower(): Quoted(",".join(found)) for label, found in paths.items()}


def _list_naming(part: ListDefinition, scope: Scope, around: Surroundings) -> Naming:
    return Naming(f"list.{part.label}", part.section, scope, around.pipeline, around.submit_directory)


def _natural(values: tuple[str, ...]) -> tuple[tuple[int, int, str], ...]:
    """Numbers by value and before words, so that ccd 2 comes before ccd 10."""
    return tuple((0, int(value), value) if value.isdecimal() else (1, 0, value) for value in values)
