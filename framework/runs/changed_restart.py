"""Changed restart: plan a run again with another configuration before it is restarted.

A finished call stays finished where the new plan has the same call with the same inputs, arguments and software. Calls
that differ, and all calls downstream of them, run again. The numbers of calls and the names of their outputs stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from framework.engines.history import read_history
from framework.engines.htcondor.site import is_pool
from framework.engines.plan_records import software_records
from framework.engines.program_check import check_programs
from framework.engines.run_directory import RunDirectory
from framework.errors import PlanError
from framework.model.job import Call, Job
from framework.model.plan import Identity, Plan
from framework.model.run import PlannedRun
from framework.pipeline.archives import read_archives
from framework.plan.build import build_plan
from framework.runs.late_block import as_submitted
from framework.runs.planner_answers import ReplanAnswers
from framework.runs.submission import identity_of
from framework.runs.submitted_pipeline import SUBMITTED, TYPED, Submission, read_submission, write_submission
from framework.runs.wrapper_hooks import WrapperHooks, wrapper_files

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry

#: What bears on when and where a call runs, and not on what it makes.
NEUTRAL = ("needs", "max_retries", "max_threads")
#: How many calls are named.
NAMED = 5


@dataclass(frozen=True, kw_only=True)
class ChangedPlan:
    """Effect of a new configuration on a run: the calls that run again."""

    #: In words, for the record.
    what: str
    #: Finished calls that are done again.
    again: tuple[int, ...]


def replan(
    directory: RunDirectory,
    registry: Registry,
    pipeline: Path | None,
    overrides: Mapping[str, str],
    variables: Mapping[str, object],
) -> ChangedPlan:
    """Plan a run again and write the new version of the plan into its directory.

    Without a pipeline, the file of the submission is read again. Raises PlanError where the new plan would be of
    another run.
    """
    with directory.lock():
        run = directory.read_plan()
        if run.planned_late:
            raise PlanError(f"late blocks of {run.run} are planned already, from its old configuration: submit it anew")
        submission = _read_submission(directory, run, pipeline, overrides, variables)
        plan = _plan_again(submission, registry, run)
        old, new = list(directory.read_jobs(run)), list(plan.jobs)
        _refuse_other_run(run, plan, old, new)
        if not is_pool(plan.site):
            check_programs(plan.programs, software_records(plan))
        start, finished = _read_history(directory, run)
        differing = _differing_calls(run, plan, old, new)
        write_submission(submission, directory, run.version + 1)
        directory.write_changed_plan(plan, run, {**run.since, **dict.fromkeys(differing, start)})
        return ChangedPlan(
            what=_describe_change(directory, run, pipeline, overrides),
            again=tuple(sorted(finished & set(differing))),
        )


def _read_submission(
    directory: RunDirectory,
    run: PlannedRun,
    pipeline: Path | None,
    overrides: Mapping[str, str],
    variables: Mapping[str, object],
) -> Submission:
    if pipeline is not None:
        return read_submission(pipeline, overrides, variables)
    values = as_submitted(directory, run)
    for key, value in overrides.items():
        values = values.with_path(key, value)
    typed = directory.submitted_file(TYPED, run.version)
    return Submission(typed, values, typed.read_text(encoding="utf-8"))


def _plan_again(submission: Submission, registry: Registry, run: PlannedRun) -> Plan:
    identity = Identity(**run.identity)
    # Whoever goes on with it, it is the run of the one who submitted it.
    asked = replace(identity_of(submission, identity.attnum), operator=identity.operator)
    for key, value in asdict(asked).items():
        if value != run.identity[key]:
            raise PlanError(
                f"{key} of {run.run} is {run.identity[key]} and cannot become {value}: submit that as a new run"
            )
    sources = read_archives(submission.pipeline).sources
    return build_plan(
        submission.pipeline,
        identity,
        ReplanAnswers(registry, run.archive, run.submit_directory, sources, own=run.archive_path),
        submit_directory=run.submit_directory,
        wrappers=wrapper_files(),
        hooks=WrapperHooks(),
    )


def _refuse_other_run(run: PlannedRun, plan: Plan, old: list[Job], new: list[Job]) -> None:
    """Raise PlanError unless both plans have the same directories, calls, jobs and output names."""
    _refuse_other_places(run, plan)
    before, now = dict(_call_identities(old)), dict(_call_identities(new))
    others = sorted(number for number in before.keys() | now.keys() if before.get(number) != now.get(number))
    if others or [block.number for block in plan.late] != [block.number for block in run.late]:
        shown = ", ".join(map(str, others[:NAMED])) + (f" and {len(others) - NAMED} more" if others[NAMED:] else "")
        raise PlanError(
            f"the new configuration makes another run of {run.run}: its calls, their jobs, or the names of what they "
            f"make are others (calls {shown or 'of late blocks'}): submit that as a new run"
        )


def _refuse_other_places(run: PlannedRun, plan: Plan) -> None:
    for key in ("target_site", "archive", "archive_root", "archive_path"):
        if (before := getattr(run, key)) != (now := getattr(plan, key)):
            raise PlanError(f"{key} of {run.run} is {before} and cannot become {now}: submit that as a new run")


def _call_identities(jobs: list[Job]) -> Iterator[tuple[int, object]]:
    """Yield each call's number with its identity: block, job, module, keys and the names of its files."""
    for job in jobs:
        for call in job.calls:
            yield (
                call.number,
                (job.block, job.number, call.module, dict(call.keys), [file.path for file in call.outputs]),
            )


def _read_history(directory: RunDirectory, run: PlannedRun) -> tuple[int, set[int]]:
    """Return the number of the next start, and the numbers of the finished calls."""
    history = read_history(directory.journal, run)
    return history.start, set(history.finished)


def _differing_calls(run: PlannedRun, plan: Plan, old: list[Job], new: list[Job]) -> list[int]:
    """Return the numbers of the calls that differ and of all calls downstream of them, in order."""
    software = software_records(plan)
    before = {call.number: _output_fields(call, run.software) for job in old for call in job.calls}
    differing: list[int] = []
    suspect: set[str] = set()
    for job in new:
        for call in job.calls:
            changed = _output_fields(call, software) != before[call.number]
            if changed or suspect.intersection(file.path for file in call.inputs):
                differing.append(call.number)
                suspect.update(file.path for file in call.outputs)
    return differing


def _output_fields(call: Call, software: Mapping[str, object]) -> object:
    """Return those parts of a call that can change its outputs."""
    plain = {name: value for name, value in msgspec.structs.asdict(call).items() if name not in NEUTRAL}
    # What another archive had may have come by now, and is the same file.
    inputs = [msgspec.structs.replace(file, staged_from="") for file in call.inputs]
    return {**plain, "inputs": inputs}, software.get(call.software)


def _describe_change(
    directory: RunDirectory, run: PlannedRun, pipeline: Path | None, overrides: Mapping[str, str]
) -> str:
    """Return the options of the restart as text, with the checksum of the configuration that they lead to."""
    full = directory.submitted_file(SUBMITTED, run.version + 1)
    digest = hashlib.sha256(full.read_bytes()).hexdigest()
    given = ([str(pipeline)] if pipeline else []) + [f"{key}={value}" for key, value in overrides.items()]
    return f"with {', '.join(given)} ({full.name}, sha256 {digest})"
