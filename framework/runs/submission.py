"""Submission: from a pipeline's file and the registry's answers to a run that is ready to start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from framework.archives.external_filetypes import declarations, groups
from framework.configuration.site_file import operator
from framework.engines.htcondor.site import is_pool
from framework.engines.plan_records import software_records
from framework.engines.program_check import check_programs
from framework.engines.run_directory import RunDirectory, run_directory
from framework.errors import FrameworkError, InfrastructureError, RunError
from framework.model.plan import Identity, Plan
from framework.pipeline.archives import read_archives
from framework.pipeline.numbers import parse_number
from framework.pipeline.pipeline_definition import build_run_scope
from framework.plan.build import build_plan
from framework.registry.questions.attempts import (
    AttemptTaken,
    create_attempt,
    next_attnum,
)
from framework.registry.questions.filetypes import declare
from framework.runs.new_attempt import new_attempt, write_attempt
from framework.runs.planner_answers import RegistryAnswers
from framework.runs.submitted_pipeline import Submission, write_submission
from framework.runs.wrapper_hooks import WrapperHooks, wrapper_files
from wcl import Scope, Section, expand

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry

#: How often planning is done again because somebody else took the attempt's number.
TAKEN_TRIES = 20


def scope_of_key(submission: Submission, key: str, loop: Mapping[str, str]) -> Scope:
    """Return the scope of a variable at a dotted path: loop values, its section, its module or block, the top."""
    pipeline = submission.pipeline
    scope = build_run_scope(pipeline, {"attnum": "1", "operator": operator()})
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

    reqnum = int(parse_number("reqnum", text("reqnum"), pipeline.position("reqnum")))
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


def configured_attnum(submission: Submission) -> int:
    """Return the number of the attempt that the pipeline sets."""
    position = submission.pipeline.position("attnum")
    return int(parse_number("attnum", submission.pipeline.text("attnum"), position))


def plan_attempt(submission: Submission, registry: Registry, attnum: int) -> Plan:
    """Plan one attempt; raises WclError with all problems of the pipeline."""
    places = read_archives(submission.pipeline)
    directory = _working_directory()
    return build_plan(
        submission.pipeline,
        identity_of(submission, attnum),
        RegistryAnswers(registry, places.own, directory, places.sources),
        submit_directory=directory,
        wrappers=wrapper_files(),
        hooks=WrapperHooks(),
    )


def _working_directory() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise FrameworkError("the directory that this was called in is gone: change to another one") from error


def plan_next(submission: Submission, registry: Registry) -> Plan:
    """Plan the next attempt, without recording it."""
    first = identity_of(submission, 1)
    if "attnum" in submission.pipeline:
        return plan_attempt(submission, registry, configured_attnum(submission))
    number = next_attnum(registry, first.reqnum, first.unitname)
    # A run that this registry does not know may have been planned here for another one.
    while run_directory(run := identity_of(submission, number).run).is_planned:
        number += 1
        if identity_of(submission, number).run == run:
            raise RunError(
                f"{run_directory(run).path} holds a run of this name already, and the name has no ${{attnum}} to tell "
                "the next attempt from it: put it into run, or give another name"
            )
    return plan_attempt(submission, registry, number)


def begin_run(submission: Submission, registry: Registry) -> tuple[Plan, RunDirectory]:
    """Plan the next attempt, record it, and write its plan into its directory."""
    for _ in range(TAKEN_TRIES):
        plan = plan_next(submission, registry)
        if not is_pool(plan.site):  # a pool's machines may have what this one lacks
            check_programs(plan.programs, software_records(plan))
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
        write_submission(submission, directory, 1)
        write_attempt(new, directory)
        directory.write_plan(plan, attempt)
        return plan, directory
    raise InfrastructureError("others keep taking the next attempt's number: try again in a moment")


def declare_filetypes(registry: Registry, pipeline: Section) -> None:
    """Declare a pipeline's filetypes in the registry, each with its view."""
    declare(registry, declarations(pipeline), groups(pipeline))
