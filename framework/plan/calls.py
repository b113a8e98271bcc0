"""Calls: one execution of a module's wrapper for each combination of its loop keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from framework.plan.cmdline import LATE, command_line
from framework.plan.definition import ExecDefinition, ModuleDefinition
from framework.plan.findings import wrong
from framework.plan.lines import Sources
from framework.plan.model import Call, Exec, File, ListFile, Needs
from framework.plan.naming import Naming
from framework.plan.objects import Objects, Resolved, flag
from wcl import Quoted, Scope, Section, expand, split
from wcl.late import late_calls

#: What a module may become at most, unless the pipeline allows more with max_calls.
MAX_CALLS = 200_000


class WrapperHooks(Protocol):
    """What the wrappers add to a plan."""

    def inputs(self, name: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Label to location of files outside the archives."""
        ...

    def arguments(
        self, name: str, settings: Mapping[str, str], members: Mapping[str, list[Mapping[str, str]]]
    ) -> list[str]:
        """Further words of the first program's command line."""
        ...


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What planning a module needs to know besides the module."""

    pipeline: Section
    scope: Scope
    submit_directory: str
    sources: Sources
    wrappers: WrapperHooks


def make_calls(module: ModuleDefinition, around: Surroundings, first_number: int) -> list[Call]:
    """The calls of one module, numbered from ``first_number``; none where the module only asks and lists."""
    maker = CallMaker(module, around)
    if flag(module.section, "noop"):
        return []
    return [maker.make(number, values) for number, values in enumerate(maker.combinations(), start=first_number)]


class CallMaker:
    """Everything about a module that its calls share, read once."""

    def __init__(self, module: ModuleDefinition, around: Surroundings) -> None:
        self._module = module
        self._around = around
        named = {"modulename": module.name, "blockname": module.block.path.rsplit(".", 1)[-1]}
        self._scope = around.scope.child(module.section, module.block).child(named)
        self._objects = Objects(module, self._scope, around.pipeline, around.submit_directory, around.sources)
        self._log = self._log_naming()
        self._max_calls = int(self._find("max_calls", self._scope) or MAX_CALLS)

    def combinations(self) -> Iterable[dict[str, str]]:
        """The values of the loop keys of each call."""
        loop = self._module.loop
        if not loop:
            return [{}]
        if self._module.loop_object:
            found = self._objects.loop_values()
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
        """The call with these loop values."""
        module = self._module
        scope = self._scope.child(values)
        found = self._objects.resolve(values)
        full = scope.child(_full_names(found.inputs, found.outputs, found.lists))
        settings = _expanded(module.section.section("wrapper"), full)
        return Call(
            number=number,
            module=module.name,
            wrapper=module.wrapper,
            keys=values,
            log=self._log.make(values)[0],
            inputs=(*found.inputs, *self._wrapper_inputs(settings)),
            outputs=tuple(found.outputs),
            lists=tuple(found.lists),
            execs=tuple(self._execs(full, settings, found)),
            settings=settings,
            environment=self._environment(full),
            needs=self._needs(scope),
            max_retries=int(self._number("max_retries", scope) or 0),
            max_fwthreads=int(self._number("max_fwthreads", scope) or 0) or None,
        )

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

    def _wrapper_inputs(self, settings: Mapping[str, str]) -> Iterable[File]:
        section = self._module.section.section("wrapper")
        for label, location in self._around.wrappers.inputs(self._module.wrapper, settings).items():
            if label not in section:
                raise wrong(section.opened, f"the wrapper needs '{label}'")
            if "://" not in location and not location.startswith("/"):
                location = f"{self._around.submit_directory}/{location}"
            name = location.rsplit("/", 1)[-1] or "input"
            yield File(
                label=f"wrapper.{label}",
                filetype="external",
                name=re.sub(r"[^\w.-]", "_", name),
                directory="",
                job_directory=label,
                outside=location,
            )

    def _log_naming(self) -> Naming:
        section = self._around.pipeline.section("framework_file").section("log")
        pattern = {} if "modnamepat" in self._module.section else self._default_pattern()
        return Naming("log", section, self._scope.child(pattern), self._around.pipeline, "", made=True)

    def _default_pattern(self) -> dict[str, str]:
        loop = "".join(f"_${{{key}}}" for key in self._module.loop)
        return {"modnamepat": f"{self._find('run', self._scope)}{loop}_{self._module.name}"}

    def _execs(self, scope: Scope, settings: Mapping[str, str], found: Resolved) -> Iterable[Exec]:
        more = self._around.wrappers.arguments(self._module.wrapper, settings, found.members)
        for step in self._module.execs:
            yield self._exec(step, scope, more if step is self._module.execs[0] else [])

    def _exec(self, step: ExecDefinition, scope: Scope, more: list[str]) -> Exec:
        argv, late = command_line(step, scope)
        argv = (*argv, *more)
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

    def _needs(self, scope: Scope) -> Needs:
        memory, disk = self._number("request_memory", scope), self._number("request_disk", scope)
        return Needs(
            memory_mb=int(memory) if memory is not None else None,
            disk_mb=int(disk) if disk is not None else None,
            cpus=int(self._number("request_cpus", scope) or 1),
            walltime_minutes=self._number("max_walltime", scope),
        )

    def _find(self, key: str, scope: Scope) -> str | None:
        try:
            return expand(scope.find(key), scope)
        except KeyError:
            return None

    def _number(self, key: str, scope: Scope) -> float | None:
        text = self._find(key, scope)
        if text is None:
            return None
        try:
            return float(text)
        except ValueError:
            place = self._module.section.place(key) if key in self._module.section else self._module.place
            raise wrong(place, f"{key} = {text} is not a number") from None


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
