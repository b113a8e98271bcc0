"""Calls: one execution of a module's wrapper for each combination of its loop keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import product

from msgspec.structs import replace

from framework.model.job import Call, Exec, File
from framework.pipeline.definition import ExecDefinition, ModuleDefinition, NamingDefinition
from framework.pipeline.numbers import find_whole_number
from framework.pipeline.problems import error_at
from framework.pipeline.resources import ModuleLimits
from framework.pipeline.software import SoftwareChoice
from framework.pipeline.text_template import ModuleScope
from framework.plan.call_values import CallValues
from framework.plan.command_line import CommandLine
from framework.plan.file_names import FileNaming
from framework.plan.module_files import CallObjects, ModuleFiles
from framework.plan.paths import join_path
from framework.plan.planning_context import PlanningContext
from framework.plan.section_texts import DEFERRED, SectionTexts
from wcl import expand, split_list
from wrappers import WrapperError

#: Most calls of a module, unless the pipeline allows more with max_calls.
MAX_CALLS = 200_000


def make_calls(module: ModuleDefinition, context: PlanningContext, first_number: int) -> list[Call]:
    """Return the calls of one module, numbered from ``first_number``; none if the module only asks and lists."""
    maker = CallMaker(module, context)
    if module.is_noop:
        return []
    return [maker.make(number, values) for number, values in enumerate(maker.combinations(), start=first_number)]


def make_first_call(module: ModuleDefinition, context: PlanningContext) -> Call | None:
    """Return the first call of a module; None if it has none."""
    maker = CallMaker(module, context)
    first = next(iter(maker.combinations()), None)
    return None if first is None or module.is_noop else maker.make(1, first)


class CallMaker:
    """Definitions of a module that its calls share, read once."""

    def __init__(self, module: ModuleDefinition, context: PlanningContext) -> None:
        self._module = module
        self._context = context
        pipeline, wrappers = context.pipeline, context.wrappers
        names = {"modulename": module.name, "blockname": module.block_name}
        self._scope = context.scope.child(module.section, module.block).child(names)
        self._files = ModuleFiles(module, self._scope, context.files, context.sources)
        self._log = self._log_naming()
        self._max_calls = find_whole_number(self._scope, "max_calls", module.position) or MAX_CALLS
        self._command_lines = [CommandLine(step, self._scope, module.loop) for step in module.execs]
        self._limits = ModuleLimits(module, self._scope)
        self._software = SoftwareChoice(module, pipeline.site.section, pipeline.top, context.software)
        self._versions: dict[str, tuple[str, str]] = {}
        # Values of the top level are for the wrappers of all modules.
        self._settings = SectionTexts("wrapper", (pipeline.top, module.section))
        self._environment = SectionTexts("job_environment", (pipeline.top, module.section), DEFERRED, str.upper)
        self._takes_inputs = wrappers.takes_inputs(module.wrapper)
        self._adds_arguments = wrappers.adds_arguments(module.wrapper)
        self._shares_process = wrappers.shares_process(module.wrapper)

    def combinations(self) -> Iterable[dict[str, str]]:
        """Return the values of the loop keys of each call."""
        loop = self._module.loop
        if not loop:
            return [{}]
        if self._module.loop_object:
            found = self._files.loop_values()
            if not found and self._files.may_be_empty:
                return []
        else:
            lists = [self._loop_values(key) for key in loop]
            count = 1
            for values in lists:
                count *= len(values)
            self._check_count(count)
            found = list(product(*lists))
        self._check_count(len(found))
        return [dict(zip(loop, values, strict=True)) for values in found]

    def make(self, number: int, values: dict[str, str]) -> Call:
        """Return the call with these loop values."""
        files = self._files.resolve(values)
        call = CallValues(self._scope, values, (*files.inputs, *files.outputs), files.lists)
        settings = self._settings.fill(call)
        limits = self._limits.fill(values)
        return Call(
            number=number,
            module=self._module.name,
            wrapper=self._module.wrapper,
            keys=values,
            log=self._log.make({**values, "wrapnum": str(number)})[0],
            inputs=(*files.inputs, *self._wrapper_inputs(settings)),
            outputs=tuple(files.outputs),
            lists=tuple(files.lists),
            execs=self._execs(call, settings, files),
            settings=settings,
            environment=self._environment.fill(call),
            needs=limits.needs,
            software=self._software.find_label(self._scope, values),
            max_retries=limits.max_retries,
            max_threads=limits.max_threads,
        )

    def _loop_values(self, key: str) -> list[str]:
        position = self._module.section.position("wrapperloop")
        try:
            text = self._scope.find(key)
        except KeyError:
            hint = "set it, or name the object to loop over with loopobj"
            raise error_at(position, f"the loop key '{key}' has no value", hint=hint) from None
        return [value for value in split_list(expand(text, self._scope, position)) if value]

    def _check_count(self, count: int) -> None:
        """Raise WclError for an empty loop, and for more calls than are allowed."""
        name = self._module.name
        if not count:
            position = self._module.section.position("wrapperloop")
            raise error_at(position, f"the loop of module '{name}' is empty", hint="give its keys some values")
        if count > self._max_calls:
            position = self._module.section.position("wrapperloop")
            message = f"module '{name}' would become {count} calls, more than {self._max_calls}"
            raise error_at(position, message, hint="set max_calls if that is meant")

    def _wrapper_inputs(self, settings: Mapping[str, str]) -> Iterable[File]:
        """Yield the files outside the archives that the wrapper reads."""
        if not self._takes_inputs:
            return
        section = self._module.wrapper_settings
        with self._wrapper_errors():
            locations = self._context.wrappers.inputs(self._module.wrapper, settings)
        for label, location in locations.items():
            if label not in section:
                raise error_at(section.opened_position, f"the wrapper needs '{label}'")
            if "://" not in location and not location.startswith("/"):
                location = f"{self._context.files.submit_directory}/{location}"
            name = location.rsplit("/", 1)[-1] or "input"
            yield File(
                label=f"wrapper.{label}",
                filetype="external",
                path=location,
                job_path=join_path(label, re.sub(r"[^\w.-]", "_", name)),
                external=True,
            )

    def _log_naming(self) -> FileNaming:
        section = self._context.pipeline.log_section
        pattern = {} if self._module.has_log_pattern else self._default_log_pattern()
        definition = NamingDefinition(label="log", section=section, is_output=True)
        scope = ModuleScope(self._scope.child(pattern), (*self._module.loop, "wrapnum"))
        return FileNaming(definition, self._context.files, scope)

    def _default_log_pattern(self) -> dict[str, str]:
        """Return a pattern with the call's number, which tells its log from those of all other calls."""
        loop = "".join(f"_${{{key}}}" for key in self._module.loop)
        run = self._scope.look_up("run")
        run = None if run is None else expand(run, self._scope)
        return {"modnamepat": f"{run}_w${{wrapnum:4}}{loop}_{self._module.name}"}

    def _execs(self, call: CallValues, settings: Mapping[str, str], files: CallObjects) -> tuple[Exec, ...]:
        lines = zip(self._module.execs, self._command_lines, strict=True)
        execs = [self._exec(step, *line.fill(call)) for step, line in lines]
        if self._adds_arguments:
            with self._wrapper_errors():
                members = files.list_members(call.values)
                more = self._context.wrappers.arguments(self._module.wrapper, settings, members)
            execs[0] = replace(execs[0], argv=(*execs[0].argv, *more))
        return tuple(execs)

    def _exec(self, step: ExecDefinition, argv: tuple[str, ...], deferred: tuple[int, ...]) -> Exec:
        program = argv[0].rsplit("/", 1)[-1]
        if "/" in argv[0] and not argv[0].startswith("/"):
            # The job runs in a directory of its own: the program lies where the pipeline was submitted.
            argv = (f"{self._context.files.submit_directory}/{argv[0].removeprefix('./')}", *argv[1:])
        version_flag, version_pattern = self._program_version(program.lower())
        wrappers = self._context.wrappers
        return Exec(
            number=step.number,
            program=program,
            argv=argv,
            deferred=deferred,
            used=step.used,
            made=step.made,
            derived=step.derived,
            version_flag=version_flag,
            version_pattern=version_pattern,
            step=wrappers.step(argv, step.section.position("execname")) if self._shares_process else "",
        )

    def _program_version(self, program: str) -> tuple[str, str]:
        if program not in self._versions:
            self._versions[program] = self._context.pipeline.program_version(program)
        return self._versions[program]

    @contextmanager
    def _wrapper_errors(self) -> Iterator[None]:
        """Report errors of the wrapper at its section."""
        try:
            yield
        except WrapperError as error:
            position = self._module.wrapper_settings.opened_position
            raise error_at(position, f"wrapper '{self._module.wrapper}': {error}") from error
