"""Files in memory: outputs that calls sharing a process pass to each other without writing them."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from framework.model.job import Call, File, Job
from framework.pipeline.problems import PlanProblems
from framework.plan.definition_positions import DefinitionPositions


def mark_files_in_memory(job: Job) -> Job:
    """Return the job with the files marked that stay in memory: made and read in the process only, and not kept."""
    inside = [call for call in job.calls if call.in_process]
    if not inside:
        return job
    paths = _temporary_outputs(inside).difference(file.path for call in job.calls for file in _read_outside(call))
    return replace(job, calls=tuple(_mark_files(call, paths) for call in job.calls)) if paths else job


def check_processes(jobs: Iterable[Job], positions: DefinitionPositions, problems: PlanProblems) -> None:
    """Report calls of one process that have a container, or differ in Python or environment."""
    for job in jobs:
        inside = [call for call in job.calls if call.in_process]
        for call in inside:
            if call.software.startswith("container "):
                problems.add_error(
                    positions.find(call, ""),
                    f"{call.module} is to run in one process with others, and in a container of its own",
                    hint="give it an environment, or wrappername = generic",
                )
        for call in inside[1:]:
            _check_settings(call, inside[0], positions, problems)


def _check_settings(call: Call, first: Call, positions: DefinitionPositions, problems: PlanProblems) -> None:
    """Report settings of a call that differ from those of the first call in its process."""
    for name, own, other in _process_settings(call, first):
        if own != other:
            problems.add_error(
                positions.find(call, ""),
                f"{call.module} and {first.module} are to run in one process, and differ in {name}",
                hint=f"{own or 'nothing'} and {other or 'nothing'}",
            )


def _temporary_outputs(calls: Iterable[Call]) -> set[str]:
    """Return the paths of outputs that nobody keeps."""
    return {file.path for call in calls for file in call.outputs if not file.saved and not file.pattern}


def _read_outside(call: Call) -> tuple[File, ...]:
    """Return the files that a call reads in a process of its own."""
    return () if call.in_process else call.inputs


def _mark_files(call: Call, paths: set[str]) -> Call:
    def mark(files: tuple[File, ...]) -> tuple[File, ...]:
        return tuple(replace(file, in_memory=True) if file.path in paths else file for file in files)

    return replace(call, inputs=mark(call.inputs), outputs=mark(call.outputs)) if call.in_process else call


def _process_settings(call: Call, first: Call) -> Iterable[tuple[str, str, str]]:
    """Yield the settings that two calls of one process must share, as texts."""

    def environment(of: Call) -> str:
        return " ".join(f"{name}={value}" for name, value in sorted(of.environment.items()))

    yield "their job_environment", environment(call), environment(first)
    yield "their environment", call.software, first.software
    for step in call.execs:
        yield "their Python", step.argv[0], first.execs[0].argv[0]
