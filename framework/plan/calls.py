"""Calls: one execution of a module's wrapper for each combination of its loop keys."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from msgspec.structs import replace

from framework.model.plan import Call, Exec, File
from framework.pipeline.definition import ExecDefinition, ModuleDefinition
from framework.pipeline.numbers import whole_number
from framework.pipeline.problems import error_at
from framework.pipeline.resources import ModuleLimits
from framework.pipeline.site import site_of
from framework.pipeline.software import SoftwareChoice, SoftwareDefinitions
from framework.plan.call_scope import CallValues
from framework.plan.command_line import LATE, CommandLine
from framework.plan.file_lines import LineSources, flag
from framework.plan.file_names import FileNaming, joined
from framework.plan.file_objects import CallFiles, Objects
from wcl import Scope, Section, SourcePosition, expand, split_list
from wcl.deferred import deferred_calls
from wrappers import WrapperError

#: What a module may become at most, unless the pipeline allows more with max_calls.
MAX_CALLS = 200_000


class WrapperHooks(Protocol):
    """What the wrappers add to a plan."""

    def takes_inputs(self, name: str) -> bool:
        """Whether a wrapper reads files of its own, and ``inputs`` says which."""
        ...

    def adds_arguments(self, name: str) -> bool:
        """Whether a wrapper adds to command lines, and ``arguments`` says what."""
        ...

    def shares_process(self, name: str) -> bool:
        """Whether programs run as functions, in one process with others of their job, and ``step`` says which."""
        ...

    def inputs(self, name: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Label to location of files outside the archives."""
        ...

    def arguments(
        self, name: str, settings: Mapping[str, str], members: Mapping[str, list[Mapping[str, str]]]
    ) -> list[str]:
        """Further words of the first program's command line."""
        ...

    def step(self, argv: Sequence[str], position: SourcePosition) -> str:
        """What does a program's work in a process with others, ``package.module:function``."""
        ...


@dataclass(frozen=True, kw_only=True)
class PlanningContext:
    """What planning a module needs to know besides the module."""

    pipeline: Section
    scope: Scope
    submit_directory: str
    sources: LineSources
    wrappers: WrapperHooks
    software: SoftwareDefinitions


def make_calls(module: ModuleDefinition, around: PlanningContext, first_number: int) -> list[Call]:
    """The calls of one module, numbered from ``first_number``; none where the module only asks and lists."""
    maker = CallMaker(module, around)
    if flag(module.section, "noop"):
        return []
    return [maker.make(number, values) for number, values in enumerate(maker.combinations(), start=first_number)]


class CallMaker:
    """Everything about a module that its calls share, read once."""

    def __init__(self, module: ModuleDefinition, around: PlanningContext) -> None:
        self._module = module
        self._around = around
        named = {"modulename": module.name, "blockname": module.block.path.rsplit(".", 1)[-1]}
        self._scope = around.scope.child(module.section, module.block).child(named)
        self._objects = Objects(module, self._scope, around.pipeline, around.submit_directory, around.sources)
        self._log = self._log_naming()
        self._max_calls = whole_number(self._scope, "max_calls", module.position) or MAX_CALLS
        self._command_lines = [CommandLine(step, self._scope, module.loop) for step in module.execs]
        self._limits = ModuleLimits(module, self._scope)
        self._software = SoftwareChoice(module, site_of(around.pipeline), around.pipeline, around.software)
        self._versions: dict[str, tuple[str, str]] = {}
        # What the top level says goes for the wrappers of all modules.
        self._settings = Values("wrapper", (around.pipeline, module.section))
        self._environment = Values("job_environment", (around.pipeline, module.section), LATE, str.upper)
        self._takes_inputs = around.wrappers.takes_inputs(module.wrapper)
        self._adds_arguments = around.wrappers.adds_arguments(module.wrapper)
        self._shares_process = around.wrappers.shares_process(module.wrapper)

    def combinations(self) -> Iterable[dict[str, str]]:
        """The values of the loop keys of each call."""
        loop = self._module.loop
        if not loop:
            return [{}]
        if self._module.loop_object:
            found = self._objects.loop_values()
            if not found and self._objects.may_be_empty:
                return []
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
        found = self._objects.resolve(values)
        given = CallValues(self._scope, values, (*found.inputs, *found.outputs), found.lists)
        settings = self._settings.fill(given)
        limits = self._limits.of(values)
        return Call(
            number=number,
            module=self._module.name,
            wrapper=self._module.wrapper,
            keys=values,
            log=self._log.make({**values, "wrapnum": str(number)})[0],
            inputs=(*found.inputs, *self._wrapper_inputs(settings)),
            outputs=tuple(found.outputs),
            lists=tuple(found.lists),
            execs=self._execs(given, settings, found),
            settings=settings,
            environment=self._environment.fill(given),
            needs=limits.needs,
            software=self._software.of(self._scope, values),
            max_retries=limits.max_retries,
            max_threads=limits.max_fwthreads,
        )

    def _loop_values(self, key: str) -> list[str]:
        position = self._module.section.position("wrapperloop")
        try:
            text = self._scope.find(key)
        except KeyError:
            hint = "set it, or name the object to loop over with loopobj"
            raise error_at(position, f"the loop key '{key}' has no value", hint=hint) from None
        return [value for value in split_list(expand(text, self._scope, position)) if value]

    def _refuse_too_many(self, count: int) -> None:
        if not count:
            position = self._module.section.position("wrapperloop")
            raise error_at(
                position, f"the loop of module '{self._module.name}' is empty", hint="give its keys some values"
            )
        if count > self._max_calls:
            position = self._module.section.position("wrapperloop")
            message = f"module '{self._module.name}' would become {count} calls, more than {self._max_calls}"
            raise error_at(position, message, hint="set max_calls if that is meant")

    def _wrapper_inputs(self, settings: Mapping[str, str]) -> Iterable[File]:
        if not self._takes_inputs:
            return
        section = self._module.section.section("wrapper")
        with self._blaming_the_settings():
            declared = self._around.wrappers.inputs(self._module.wrapper, settings)
        for label, location in declared.items():
            if label not in section:
                raise error_at(section.opened_position, f"the wrapper needs '{label}'")
            if "://" not in location and not location.startswith("/"):
                location = f"{self._around.submit_directory}/{location}"
            name = location.rsplit("/", 1)[-1] or "input"
            yield File(
                label=f"wrapper.{label}",
                filetype="external",
                path=location,
                job_path=joined(label, re.sub(r"[^\w.-]", "_", name)),
                external=True,
            )

    def _log_naming(self) -> FileNaming:
        section = self._around.pipeline.section("framework_file").section("log")
        pattern = {} if "modnamepat" in self._module.section else self._default_pattern()
        return FileNaming(
            "log",
            section,
            self._scope.child(pattern),
            self._around.pipeline,
            "",
            made=True,
            loop=(*self._module.loop, "wrapnum"),
        )

    def _default_pattern(self) -> dict[str, str]:
        """The call's number tells its files from those of every other call, whatever its keys hold."""
        loop = "".join(f"_${{{key}}}" for key in self._module.loop)
        return {"modnamepat": f"{self._find('run', self._scope)}_w${{wrapnum:4}}{loop}_{self._module.name}"}

    def _execs(self, given: CallValues, settings: Mapping[str, str], found: CallFiles) -> tuple[Exec, ...]:
        lines = zip(self._module.execs, self._command_lines, strict=True)
        execs = [self._exec(step, *line.fill(given)) for step, line in lines]
        if self._adds_arguments:
            with self._blaming_the_settings():
                more = self._around.wrappers.arguments(self._module.wrapper, settings, found.members(given.values))
            execs[0] = replace(execs[0], argv=(*execs[0].argv, *more))
        return tuple(execs)

    @contextmanager
    def _blaming_the_settings(self) -> Iterator[None]:
        """What a wrapper cannot plan with is wrong in its section."""
        try:
            yield
        except WrapperError as error:
            position = self._module.section.section("wrapper").opened_position
            raise error_at(position, f"wrapper '{self._module.wrapper}': {error}") from error

    def _exec(self, step: ExecDefinition, argv: tuple[str, ...], late: tuple[int, ...]) -> Exec:
        program = argv[0].rsplit("/", 1)[-1]
        if "/" in argv[0] and not argv[0].startswith("/"):
            # The job runs in a directory of its own: what is meant lies where the pipeline was submitted.
            argv = (f"{self._around.submit_directory}/{argv[0].removeprefix('./')}", *argv[1:])
        flag, pattern = self._version_of(program.lower())
        return Exec(
            number=step.number,
            program=program,
            argv=argv,
            deferred=late,
            used=step.used,
            made=step.made,
            derived=step.derived,
            version_flag=flag,
            version_pattern=pattern,
            step=self._around.wrappers.step(argv, step.section.position("execname")) if self._shares_process else "",
        )

    def _version_of(self, program: str) -> tuple[str, str]:
        """How a program is asked for its version, and how that is found in its answer; read once a program."""
        if program not in self._versions:
            definition = self._around.pipeline.section("exec_def").section(program)
            _check_version(definition)
            self._versions[program] = definition.text("version_flag", ""), definition.text("version_pattern", "")
        return self._versions[program]

    def _find(self, key: str, scope: Scope) -> str | None:
        try:
            return expand(scope.find(key), scope)
        except KeyError:
            return None


class Values:
    """The plain values of a section at the top and in a module, filled in for each call."""

    def __init__(
        self,
        name: str,
        around: Iterable[Section],
        late: frozenset[str] = frozenset(),
        spelt: Callable[[str], str] = str,
    ) -> None:
        """``late``: the functions that may be left to the job; ``spelt``: how keys are written."""
        self._late = late
        self._texts = {
            spelt(key): (value, section.section(name).position(key))
            for section in around
            for key, value in section.section(name).items()
            if isinstance(value, str)
        }
        plain = not any("$" in value for value, _ in self._texts.values())
        self._fixed = {key: str(value) for key, (value, _) in self._texts.items()} if plain else None

    def fill(self, given: CallValues) -> dict[str, str]:
        if self._fixed is not None:
            return self._fixed
        found = {}
        for key, (value, position) in self._texts.items():
            found[key] = str(expand(value, given.scope, position))
            if unknown := {name for name, _ in deferred_calls(found[key])} - self._late:
                raise error_at(position, f"${unknown.pop().upper()}{{}} cannot be used here")
        return found


def _check_version(definition: Section) -> None:
    for key, check in (("version_pattern", re.compile), ("version_flag", shlex.split)):
        try:
            check(definition.text(key, ""))
        except (re.error, ValueError) as error:
            raise error_at(definition.position(key), f"{key} = {definition.text(key)}: {error}") from error
