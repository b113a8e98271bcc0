"""Submit descriptions: what HTCondor is told of jobs that ask for the same; nothing here touches the disk.

A description is a list of pairs, submit command and value, in the order in which they stand in the DAG.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from framework.engines.htcondor.pool import RUN_ATTRIBUTE, quoted
from framework.engines.htcondor.site import POOL, Site
from framework.worker.journal.statuses import OUT_OF_MEMORY

#: Multiples of its memory that a module without steps of its own may ask for.
DEFAULT_STEPS = (2, 4, 8)
#: How often a job was held for memory, as the queue counts: by its starter, and by its own policy.
TIMES_HELD_FOR_MEMORY = "((NumHoldsByReason.JobOutOfResources ?: 0) + (NumHoldsByReason.JobPolicy ?: 0))"
HELD_FOR_MEMORY = "(HoldReasonCode == 34 || (HoldReasonCode == 3 && HoldReasonSubCode == 34))"
LAST_HELD_FOR_MEMORY = HELD_FOR_MEMORY.replace("HoldReason", "LastHoldReason")
#: MB that the job was given where it ran last.
PROVISIONED_MEMORY = "(MemoryProvisioned ?: 0)"
#: Where the job ran last, and where it might now; what comes before the first @ is the slot.
NOT_WHERE_IT_FAILED = (
    "(isUndefined(LastRemoteHost) || NumHolds > 0 || "
    "splitSlotName(LastRemoteHost)[1] =!= splitSlotName(TARGET.Name)[1])"
)


@dataclass(frozen=True, kw_only=True)
class SubmissionPaths:
    """Paths that a DAG and its descriptions name."""

    #: This submission's own directory.
    directory: str
    run_directory: str
    archive_root: str
    #: Python and environment of the nodes that run on the submitting side.
    python: str
    environment: Mapping[str, str]
    #: Folder of the framework's packages.
    packages: str

    @property
    def settings(self) -> str:
        """File that jobs read their settings from."""
        return os.path.join(self.directory, "settings.json")

    @property
    def service(self) -> str:
        """Script that starts the nodes of the submitting side."""
        return os.path.join(self.directory, "service.py")


@dataclass(frozen=True)
class JobRequest:
    """Resources that jobs with one description ask for."""

    memory: tuple[int, ...]
    cpus: int
    disk_mb: int
    gpus: int
    limits: tuple[str, ...]
    partition: str = ""
    account: str = ""
    walltime_minutes: int = 0


def job_description(
    request: JobRequest, site: Site, paths: SubmissionPaths, has_other_machines: bool
) -> Iterator[tuple[str, str]]:
    """Yield the description of jobs that make one request."""
    if site.grid_type == POOL:
        yield "universe", "vanilla"
    else:
        yield "universe", "grid"
        yield "grid_resource", f"batch {site.grid_type}"
    yield from _transfer_settings(site, paths)
    # Through its starter a job writes into the event log, and asks for what an earlier execution sent back.
    yield "My.WantIOProxy", "True"
    yield "output", "/dev/null"
    yield "error", "/dev/null"
    yield "notification", "never"
    yield f"My.{RUN_ATTRIBUTE}", quoted(paths.run_directory)
    yield "request_cpus", str(request.cpus)
    if request.memory:
        yield from _memory_settings(request.memory, site)
    if request.disk_mb:
        yield "request_disk", f"{request.disk_mb}M"
    yield from _queue_settings(request, site)
    if request.limits:
        yield "concurrency_limits", ",".join(request.limits)
    if site.grid_type == POOL:
        yield from _machine_settings(site, has_other_machines)
    yield from site.submit.items()


def _transfer_settings(site: Site, paths: SubmissionPaths) -> Iterator[tuple[str, str]]:
    if site.shared:
        code = os.path.join(paths.directory, "code", "start.py")
        yield "executable", site.python
        yield "transfer_executable", "False"
        yield "should_transfer_files", "NO"
        yield "initialdir", paths.directory
        yield "arguments", f'"-SI {_quoted_argument(code)} {_quoted_argument(paths.settings)} $(Cluster) $(told)"'
        return
    yield "executable", os.path.join(paths.directory, "job.pyz")
    yield "should_transfer_files", "YES"
    yield "when_to_transfer_output", "ON_EXIT_OR_EVICT"
    yield "preserve_relative_paths", "True"
    yield "initialdir", paths.archive_root
    yield "arguments", '"settings.json $(Cluster) $(told)"'
    yield "transfer_input_files", f"{paths.settings}, $(files)"
    yield "transfer_output_files", "j$(job)"
    yield "transfer_output_remaps", f'"j$(job)={os.path.join(paths.run_directory, "home")}/j$(job)"'


def _queue_settings(request: JobRequest, site: Site) -> Iterator[tuple[str, str]]:
    """Yield what a module asks of the queue, in commands of the pool or of the batch system behind it."""
    if site.grid_type == POOL:
        if request.gpus:
            yield "request_gpus", str(request.gpus)
        if request.account:
            yield "accounting_group", request.account
        return
    if request.partition:
        yield "batch_queue", request.partition
    if request.account:
        yield "batch_project", request.account
    if request.walltime_minutes:
        yield "batch_runtime", str(request.walltime_minutes * 60)
    if request.gpus:
        yield "batch_extra_submit_args", f"--gres=gpu:{request.gpus}"


def _machine_settings(site: Site, has_other_machines: bool) -> Iterator[tuple[str, str]]:
    """Yield which machines of the pool a job may run on, and when it has to run on another."""
    requirements = [text for text in (site.requirements, NOT_WHERE_IT_FAILED if has_other_machines else "") if text]
    if requirements:
        yield "requirements", " && ".join(f"({text})" for text in requirements)
    # Any end that is not the worker's own status, such as a signal, is the machine's doing.
    final = "(ExitBySignal =!= True && (ExitCode == 0 || ExitCode == 1))"
    most = f"NumJobCompletions > {site.infrastructure_retries} + {TIMES_HELD_FOR_MEMORY}"
    yield "on_exit_remove", f"{final} || {most}"


def _memory_settings(steps: tuple[int, ...], site: Site) -> Iterator[tuple[str, str]]:
    """Yield a request for memory that grows each time that it was exceeded."""
    if site.grid_type != POOL:
        yield "request_memory", str(steps[0])
        return
    yield "request_memory", memory_expression(steps)
    yield "on_exit_hold", f"ExitBySignal =!= True && ExitCode == {OUT_OF_MEMORY}"
    yield "on_exit_hold_subcode", "34"
    yield "on_exit_hold_reason", '"a program was ended because memory ran out"'
    if site.hold_over_memory:
        yield "periodic_hold", "JobStatus == 2 && MemoryUsage > MemoryProvisioned"
        yield "periodic_hold_subcode", "34"
    moved = "(HoldReasonCode == 12 || HoldReasonCode == 13) && HoldReasonSubCode != 2"
    again = f"({moved} && NumHolds <= {site.infrastructure_retries} + {TIMES_HELD_FOR_MEMORY})"
    yield "periodic_release", f"({HELD_FOR_MEMORY} && {PROVISIONED_MEMORY} < {steps[-1]}) || {again}"
    yield "periodic_remove", f"JobStatus == 5 && {HELD_FOR_MEMORY} && {PROVISIONED_MEMORY} >= {steps[-1]}"


def memory_expression(steps: Sequence[int]) -> str:
    """Return the request for memory: the first step, the next one after a hold for memory, else the last one again.

    The queue's own counts of holds cannot be used: it counts a hold by the job's policy twice.
    """
    more, same = str(steps[-1]), str(steps[0])
    for step in reversed(steps[:-1]):
        more = f"ifThenElse({PROVISIONED_MEMORY} < {step}, {step}, {more})"
    for step in steps[1:]:
        same = f"ifThenElse({PROVISIONED_MEMORY} >= {step}, {step}, {same})"
    return f"ifThenElse(LastJobStatus =?= 5 && {LAST_HELD_FOR_MEMORY}, {more}, {same})"


def service_description(paths: SubmissionPaths, verb: str) -> Iterator[tuple[str, str]]:
    """Yield the description of a node of the submitting side, which is started again when it is killed."""
    yield "universe", "local"
    yield "executable", paths.python
    status = " $(dag_status)" if verb == "finish" else ""
    yield "arguments", f'"{_quoted_argument(paths.service)} {verb} {_quoted_argument(paths.directory)}{status}"'
    yield "initialdir", paths.directory
    environment = " ".join(f"{key}={_quoted_argument(value)}" for key, value in paths.environment.items())
    yield "environment", f'"{environment}"'
    yield "output", os.path.join(paths.directory, f"{verb}.out")
    yield "error", os.path.join(paths.directory, f"{verb}.err")
    yield "notification", "never"
    yield f"My.{RUN_ATTRIBUTE}", quoted(paths.run_directory)
    yield "on_exit_remove", "ExitBySignal =!= True"


def memory_steps(least: int, declared: Sequence[int], raised: int) -> tuple[int, ...]:
    """Return the MB that a job asks for, step by step: its own memory or what was learned to be needed, then more."""
    if not least:
        return ()
    first = max(least, raised)
    more = [step for step in declared if step > first] if declared else [least * times for times in DEFAULT_STEPS]
    return (first, *(step for step in more if step > first))


def _quoted_argument(text: str) -> str:
    """Return one argument of a line in double quotes, as HTCondor reads it."""
    escaped = str(text).replace("'", "''").replace('"', '""')
    return f"'{escaped}'" if any(letter in " \t'" for letter in str(text)) else escaped
