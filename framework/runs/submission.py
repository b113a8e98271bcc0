"""Submission: from a pipeline's file and the registry's answers to a run that is ready to start."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from framework.archives.external_filetypes import declarations, groups
from framework.configuration.site_file import operator, site_values
from framework.engines.htcondor.site import is_pool
from framework.engines.program_check import check_programs
from framework.engines.run_directory import RunDirectory, run_directory, software_of
from framework.errors import FrameworkError, InfrastructureError, RunError
from framework.model.plan import Identity, Plan
from framework.pipeline.archives import read_archives
from framework.pipeline.numbers import a_number
from framework.pipeline.plugins import step_of
from framework.plan.build import build_plan, scope_with
from framework.registry.questions.attempts import (
    AttemptTaken,
    NewAttempt,
    NewBlock,
    NewModule,
    create_attempt,
    next_attnum,
)
from framework.registry.questions.filetypes import declare
from framework.runs.planner_answers import Asker
from framework.runs.software_versions import submitters
from wcl import Scope, Section, SourcePosition, expand, merge, read, write
from wcl.rendering import is_template, render
from wrappers import Generic, load_wrapper

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry

WRAPPERS = Path(__file__).parents[2] / "wrappers"
#: The pipeline as it was typed, rendered and understood, in the run's directory.
TYPED, RENDERED, SUBMITTED = "typed.wcl", "rendered.wcl", "full.wcl"
#: What the registry recorded at submission, in the run's directory.
ATTEMPT = "attempt.json"
#: How often planning is done again because somebody else took the attempt's number.
TAKEN_TRIES = 20


@dataclass(frozen=True)
class Submission:
    """A pipeline as it was submitted, with all values that it was merged with."""

    path: Path
    #: Everything: defaults, the site's values, the pipeline and what --set says.
    pipeline: Section
    #: The file as typed, and as rendered where it is a template.
    typed: str
    rendered: str | None = None


def read_submission(path: Path, overrides: Mapping[str, str], variables: Mapping[str, object]) -> Submission:
    """Read a pipeline's file, and merge it over the values of the site and of the framework."""
    site = site_values()
    pipeline = read(path, overrides=overrides, variables=variables)
    whole = merge(site, pipeline)
    whole.opened_at = pipeline.opened_position  # what is missing is missing in the pipeline
    typed = path.read_text(encoding="utf-8")
    return Submission(path, whole, typed, render(path, variables).text if is_template(typed) else None)


def scope_at(submission: Submission, key: str, loop: Mapping[str, str]) -> Scope:
    """Return the scope of a variable at a dotted path: loop values, its section, its module or block, the top."""
    pipeline = submission.pipeline
    scope = scope_with(pipeline, {"attnum": "1", "operator": operator()})
    section, *path = pipeline, *key.split(".")[:-1]
    named: dict[str, str] = {}
    for depth, name in enumerate(path):
        if not isinstance(section.get(name.lower()), Section):
            break
        section = section.section(name.lower())
        if depth == 1:
            named[f"{path[0].lower()}name"] = name
        if depth >= 1:
            scope = scope.child(section)
    return scope.child({**named, **loop})


def identity_of(submission: Submission, attnum: int) -> Identity:
    """Return the identity of a run: request, unit, attempt and name."""
    pipeline = submission.pipeline
    scope = Scope({"attnum": str(attnum), "operator": operator()}, root=pipeline)

    def text(key: str) -> str:
        return str(expand(pipeline.text(key), scope, pipeline.position(key)))

    reqnum = int(a_number("reqnum", text("reqnum"), pipeline.position("reqnum")))
    return Identity(
        reqnum=reqnum,
        unitname=text("unitname"),
        attnum=attnum,
        run=text("run"),
        project=text("project"),
        campaign=text("campaign"),
        pipeline=text("pipeline"),
        operator=text("operator") if "operator" in pipeline else operator(),
        jira_id=text("jira_id"),
    )


def given_attnum(submission: Submission) -> int:
    """Return the number of the attempt that the pipeline sets."""
    position = submission.pipeline.position("attnum")
    return int(a_number("attnum", submission.pipeline.text("attnum"), position))


def plan_attempt(submission: Submission, registry: Registry, attnum: int) -> Plan:
    """Plan one attempt; raises WclError with all problems of the pipeline."""
    places = read_archives(submission.pipeline)
    directory = _working_directory()
    return build_plan(
        submission.pipeline,
        identity_of(submission, attnum),
        Asker(registry, places.own, directory, places.sources),
        submit_directory=directory,
        wrappers=known_wrappers(),
        hooks=Hooks(),
    )


def known_wrappers() -> Mapping[str, Path]:
    """Return the files of the wrappers by name."""
    return {path.stem: path for path in WRAPPERS.glob("[a-z]*.py")}


def _working_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise FrameworkError("the directory that this was called in is gone: change to another one") from error


def plan_next(submission: Submission, registry: Registry) -> Plan:
    """Plan the next attempt, without recording it."""
    first = identity_of(submission, 1)
    if "attnum" in submission.pipeline:
        return plan_attempt(submission, registry, given_attnum(submission))
    number = next_attnum(registry, first.reqnum, first.unitname)
    # A run that this registry does not know may have been planned here for another one.
    while run_directory(identity_of(submission, number).run).is_planned:
        number += 1
    return plan_attempt(submission, registry, number)


def begin(submission: Submission, registry: Registry) -> tuple[Plan, RunDirectory]:
    """Plan the next attempt, record it, and write its plan into its directory."""
    for _ in range(TAKEN_TRIES):
        plan = plan_next(submission, registry)
        if not is_pool(plan.site):  # a pool's machines may have what this one lacks
            check_programs(plan.programs, software_of(plan))
        directory = run_directory(plan.identity.run)
        if directory.is_planned:
            if "attnum" in submission.pipeline:
                raise RunError(f"{directory.path} holds a run of this name already: remove it, or give another attnum")
            continue  # somebody else has planned it in the meantime
        declare_filetypes(registry, submission.pipeline)
        new = new_attempt(plan, submission)
        try:
            attempt = create_attempt(registry, new)
        except AttemptTaken:
            if "attnum" in submission.pipeline:
                raise
            continue
        # A run with a plan is whole: late blocks are planned from the submission that is kept with it.
        keep_submission(submission, directory, 1)
        keep_attempt(new, directory)
        directory.write(plan, attempt)
        return plan, directory
    raise InfrastructureError("others keep taking the next attempt's number: try again in a moment")


def declare_filetypes(registry: Registry, pipeline: Section) -> None:
    """Declare a pipeline's filetypes in the registry, each with its view."""
    declare(registry, declarations(pipeline), groups(pipeline))


def new_attempt(plan: Plan, submission: Submission) -> NewAttempt:
    """Return the rows of a new attempt, as the registry records them before anything runs."""
    identity = plan.identity
    return NewAttempt(
        reqnum=identity.reqnum,
        unitname=identity.unitname,
        attnum=identity.attnum,
        project=identity.project,
        pipeline=identity.pipeline,
        operator=identity.operator,
        run=identity.run,
        campaign=identity.campaign,
        jira_id=identity.jira_id,
        submitwcl=submission.typed,
        renderedwcl=submission.rendered,
        fullsubmitwcl=write(submission.pipeline),
        submit_host=os.uname().nodename,
        submit_time=time.time(),
        software=submitters(submission.path),
        archive_path=plan.archive_path,
        values={**plan.kept_values, "archive_root": plan.archive_root},
        blocks=tuple(
            NewBlock(
                number=block.number,
                name=block.name,
                target_site=plan.target_site,
                modules=tuple(
                    NewModule(name=part.name, number=part.number, calls=part.calls) for part in block.modules
                ),
                jobs=len(block.jobs),
            )
            for block in plan.blocks
        )
        + tuple(
            NewBlock(
                number=block.number,
                name=block.name,
                target_site=plan.target_site,
                modules=tuple(NewModule(name=part.name, number=part.number, calls=0) for part in block.modules),
            )
            for block in plan.late
        ),
    )


class Hooks:
    """Hooks of the wrappers in the folder ``wrappers``, as the planner calls them."""

    def takes_inputs(self, name: str) -> bool:
        wrapper = _wrapper(name)
        return wrapper is not None and type(wrapper).declared_inputs is not Generic.declared_inputs

    def adds_arguments(self, name: str) -> bool:
        wrapper = _wrapper(name)
        return wrapper is not None and type(wrapper).arguments is not Generic.arguments

    def shares_process(self, name: str) -> bool:
        wrapper = _wrapper(name)
        return wrapper is not None and wrapper.in_process

    def inputs(self, name: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        wrapper = _wrapper(name)
        return wrapper.declared_inputs(settings) if wrapper else {}

    def arguments(
        self, name: str, settings: Mapping[str, str], members: Mapping[str, list[Mapping[str, str]]]
    ) -> list[str]:
        wrapper = _wrapper(name)
        return wrapper.arguments(settings, members) if wrapper else []

    def step(self, argv: Sequence[str], position: SourcePosition) -> str:
        return step_of(argv, position)


@lru_cache
def _wrapper(name: str) -> Generic | None:
    """Return a wrapper to plan with; None for an unknown one, which the planner reports."""
    return load_wrapper(name) if (WRAPPERS / f"{name}.py").is_file() else None


def keep_attempt(new: NewAttempt, directory: RunDirectory) -> None:
    """Write the rows of the new attempt beside the plan: from them and the journals a lost registry is recovered."""
    try:
        directory.plan.mkdir(parents=True, exist_ok=True)
        (directory.plan / ATTEMPT).write_bytes(msgspec.json.encode(new))
    except OSError as error:
        raise InfrastructureError(f"{error.strerror}: {error.filename}") from error


def keep_submission(submission: Submission, directory: RunDirectory, version: int) -> None:
    """Write the pipeline as typed, as rendered and as understood beside the plan."""
    try:
        directory.submitted.mkdir(parents=True, exist_ok=True)
        directory.submitted_as(TYPED, version).write_text(submission.typed, encoding="utf-8")
        if submission.rendered is not None:
            directory.submitted_as(RENDERED, version).write_text(submission.rendered, encoding="utf-8")
        directory.submitted_as(SUBMITTED, version).write_text(write(submission.pipeline), encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(f"{error.strerror}: {error.filename}") from error
