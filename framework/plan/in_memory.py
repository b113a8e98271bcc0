"""Memory: what the calls of a job that share a process pass to each other without writing it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from framework.model.plan import Call, File, Job
from framework.pipeline.problems import PlanProblems
from framework.plan.checks import DefinitionPositions


def with_memory(job: Job) -> Job:
    """The job, its files marked that stay in memory: not kept, made in the process, and read there only."""
    inside = [call for call in job.calls if call.in_process]
    if not inside:
        return job
    made = {file.path for call in inside for file in call.outputs if not file.saved and not file.pattern}
    made -= {file.path for call in job.calls if not call.in_process for file in call.inputs}
    return replace(job, calls=tuple(_marked(call, made) for call in job.calls)) if made else job


def check_processes(jobs: Iterable[Job], origins: DefinitionPositions, problems: PlanProblems) -> None:
    """Calls that share a process have one Python and one environment, and no container."""
    for job in jobs:
        inside = [call for call in job.calls if call.in_process]
        for call in inside:
            if call.software.startswith("container "):
                problems.add_error(
                    origins.position(call, ""),
                    f"{call.module} is to run in one process with others, and in a container of its own",
                    hint="give it an environment, or wrappername = generic",
                )
        for call in inside[1:]:
            for what, own, first in _settings(call, inside[0]):
                if own != first:
                    problems.add_error(
                        origins.position(call, ""),
                        f"{call.module} and {inside[0].module} are to run in one process, and differ in {what}",
                        hint=f"{own or 'nothing'} and {first or 'nothing'}",
                    )


def _marked(call: Call, made: set[str]) -> Call:
    def marked(files: tuple[File, ...]) -> tuple[File, ...]:
        return tuple(replace(file, in_memory=True) if file.path in made else file for file in files)

    return replace(call, inputs=marked(call.inputs), outputs=marked(call.outputs)) if call.in_process else call


def _settings(call: Call, first: Call) -> Iterable[tuple[str, str, str]]:
    """What has to be the same in both, as text."""

    def environment(of: Call) -> str:
        return " ".join(f"{name}={value}" for name, value in sorted(of.environment.items()))

    yield "their job_environment", environment(call), environment(first)
    yield "their environment", call.software, first.software
    for step in call.execs:
        yield "their Python", step.argv[0], first.execs[0].argv[0]
