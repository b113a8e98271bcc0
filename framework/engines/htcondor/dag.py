"""DAG: a run's jobs as DAGMan reads them, line by line; nothing here touches the disk."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from framework.engines.htcondor.pool import RUN_ATTRIBUTE, quoted
from framework.engines.htcondor.site import POOL, Site
from framework.engines.htcondor.submit_description import (
    JobRequest,
    SubmissionPaths,
    job_description,
    service_description,
)
from framework.model.run import PlannedJob, PlannedRun
from framework.output.text import counted

FOLLOWER, FINAL = "follower", "final"
#: Exit status of the planner of a late block that has no jobs.
NOTHING_TO_DO = 100
#: How many parents or children stand in one line.
LINE = 2000


@dataclass(frozen=True, kw_only=True)
class DagJob:
    """Job of a DAG, with what a submission adds to its plan."""

    job: PlannedJob
    #: MB to ask for: at first, and each time that it was exceeded.
    memory: tuple[int, ...]
    #: File of orders and the byte where the job's begins; empty and -1 for a job that never began.
    orders: str = ""
    orders_at: int = -1
    #: Files to send with it, where no file system is shared.
    inputs: tuple[str, ...] = ()


def dag_lines(
    plan: PlannedRun, jobs: Sequence[DagJob], site: Site, paths: SubmissionPaths, has_other_machines: bool
) -> Iterator[str]:
    """Yield the whole DAG."""
    yield f"# {plan.run}: {counted(len(jobs), 'job')}"
    yield f"CONFIG {paths.directory}/dagman.config"
    yield from _description_lines(FOLLOWER, service_description(paths, "follow"))
    yield from _description_lines(FINAL, service_description(paths, "finish"))
    yield from _job_lines(plan, jobs, site, paths, has_other_machines)
    yield from late_block_lines(plan, [dag_job.job for dag_job in jobs], paths)
    yield f"SERVICE {FOLLOWER} {FOLLOWER}"
    yield f"FINAL {FINAL} {FINAL}"
    yield f'VARS {FINAL} dag_status="$(DAG_STATUS)"'


def sub_dag_lines(
    plan: PlannedRun, jobs: Sequence[DagJob], site: Site, paths: SubmissionPaths, has_other_machines: bool
) -> Iterator[str]:
    """Yield the DAG of a late block, which has been planned."""
    yield f"CONFIG {paths.directory}/dagman.config"
    yield f"SET_JOB_ATTR {RUN_ATTRIBUTE} = {quoted(paths.run_directory)}"
    yield from _job_lines(plan, jobs, site, paths, has_other_machines)


def late_block_lines(plan: PlannedRun, jobs: Sequence[PlannedJob], paths: SubmissionPaths) -> Iterator[str]:
    """Yield a sub-DAG for each late block: it is planned and written when all before it has ended well."""
    before = [f"j{job.number}" for job in jobs]
    for block in plan.late:
        node = f"late{block.number}"
        yield f"SUBDAG EXTERNAL {node} {os.path.join(paths.directory, late_dag_name(block.number))}"
        yield f"SCRIPT PRE {node} {paths.python} {paths.service} plan {paths.directory} {block.number}"
        yield f"PRE_SKIP {node} {NOTHING_TO_DO}"
        if before:
            yield from _edges(before, [node])
        before = [node]


def late_dag_name(block: int) -> str:
    """Return the name of the file of a late block's DAG."""
    return f"late{block}.dag"


def _job_lines(
    plan: PlannedRun, jobs: Sequence[DagJob], site: Site, paths: SubmissionPaths, has_other_machines: bool
) -> Iterator[str]:
    """Yield jobs, their descriptions, and what they wait for."""
    classes: dict[JobRequest, str] = {}
    of_job = [classes.setdefault(_request_of(dag_job, plan, site), f"class{len(classes) + 1}") for dag_job in jobs]
    for request, name in classes.items():
        yield from _description_lines(name, job_description(request, site, paths, has_other_machines))
    send = not site.shared
    for dag_job, name in zip(jobs, of_job, strict=True):
        yield f"JOB j{dag_job.job.number} {name}"
        yield _variables_line(dag_job, send)
    if send:
        receive = f"{paths.python} -SI {paths.directory}/code/receive.py {paths.run_directory} {paths.archive_root}"
        for dag_job in jobs:
            yield f"SCRIPT POST j{dag_job.job.number} {receive} {dag_job.job.number} $RETURN"
    yield from edge_lines(plan, [dag_job.job for dag_job in jobs])
    yield from category_lines(plan, [dag_job.job for dag_job in jobs], site)


def _variables_line(dag_job: DagJob, send: bool) -> str:
    """Return the line with what the worker is told, and with the files that are sent to the job."""
    job = dag_job.job
    arguments = f"{job.shard}{'.gz' if send else ''} {job.offset} {job.number} {job.max_retries}"
    if dag_job.orders_at >= 0:
        arguments += f" {dag_job.orders} {dag_job.orders_at}"
    if not send:
        return f'VARS j{job.number} told="{arguments}"'
    files = _escaped(", ".join(dag_job.inputs))
    return f'VARS j{job.number} told="{arguments}" job="{job.number}" files="{files}"'


def config_lines(site: Site) -> Iterator[str]:
    """Yield the settings of DAGMan."""
    for key, value in site.dagman.items():
        yield f"{key} = {value}"


def edge_lines(plan: PlannedRun, jobs: Sequence[PlannedJob]) -> Iterator[str]:
    """Yield which jobs wait for which: for those whose files they need, and for the block before theirs."""
    children: dict[tuple[int, ...], list[int]] = {}
    roots: dict[int, list[int]] = {}
    for job, parents in zip(jobs, _parents_in_dag(plan, jobs), strict=True):
        if parents:
            children.setdefault(parents, []).append(job.number)
        else:
            roots.setdefault(job.block, []).append(job.number)
    for parents, kids in children.items():
        yield from _edges(_node_names(parents), _node_names(kids))
    if plan.barriers:
        yield from _barriers(jobs, roots)


def _parents_in_dag(plan: PlannedRun, jobs: Sequence[PlannedJob]) -> Iterator[tuple[int, ...]]:
    """Yield, for each job, those parents that it waits for by name."""
    blocks = {job.number: job.block for job in jobs}
    for job in jobs:
        if plan.barriers:  # they stand between blocks
            yield tuple([parent for parent in job.parents if blocks.get(parent) == job.block])
        else:
            yield tuple([parent for parent in job.parents if parent in blocks])


def _node_names(numbers: Iterable[int]) -> list[str]:
    return [f"j{number}" for number in numbers]


def _barriers(jobs: Sequence[PlannedJob], roots: Mapping[int, Sequence[int]]) -> Iterator[str]:
    """Yield the nodes by which a block begins when all jobs of the one before have ended well."""
    members: dict[int, list[str]] = {}
    for job in jobs:
        members.setdefault(job.block, []).append(f"j{job.number}")
    blocks = sorted(members)
    for before, after in itertools.pairwise(blocks):
        yield f"JOB after_block{before} {FINAL} NOOP"
        yield from _edges(members[before], [f"after_block{before}"])
        yield from _edges([f"after_block{before}"], [f"j{number}" for number in roots.get(after, ())])


def _edges(parents: list[str], children: list[str]) -> Iterator[str]:
    """Yield ``PARENT`` lines; DAGMan puts a node between many parents and many children of one line."""
    if len(parents) > LINE and len(children) > 1:
        for child in children:
            yield from _edges(parents, [child])
        return
    for first in range(0, len(parents), LINE):
        for start in range(0, len(children), LINE):
            kids = " ".join(children[start : start + LINE])
            yield f"PARENT {' '.join(parents[first : first + LINE])} CHILD {kids}"


def category_lines(plan: PlannedRun, jobs: Iterable[PlannedJob], site: Site) -> Iterator[str]:
    """Yield limits on jobs in the queue: of modules, and throttles that the pool itself does not keep."""
    limits: dict[str, int] = {}
    for job in jobs:
        categories = _category_limits(plan, job, site)
        if categories:
            # A node has one category: the tightest of those that it could have.
            name, most = min(categories.items(), key=lambda entry: (entry[1], entry[0]))
            limits[name] = most
            yield f"CATEGORY j{job.number} {name}"
    for name, most in sorted(limits.items()):
        yield f"MAXJOBS {name} {most}"


def _category_limits(plan: PlannedRun, job: PlannedJob, site: Site) -> dict[str, int]:
    found: dict[str, int] = {}
    for module in dict.fromkeys(call.module for call in job.calls):
        if module in plan.max_running:
            found[f"module_{module}"] = plan.max_running[module]
        for limit in plan.concurrency_limits.get(module, ()):
            name, _, weight = limit.partition(":")
            if name.lower() in site.limits:
                found[f"limit_{name.lower()}_{weight or 1}"] = max(1, site.limits[name.lower()] // int(weight or 1))
    return found


def _request_of(dag_job: DagJob, plan: PlannedRun, site: Site) -> JobRequest:
    modules = dict.fromkeys(call.module for call in dag_job.job.calls)
    limits = {
        limit: None
        for module in modules
        for limit in plan.concurrency_limits.get(module, ())
        if limit.partition(":")[0].lower() not in site.limits
    }
    return JobRequest(
        memory=dag_job.memory,
        cpus=dag_job.job.cpus,
        disk_mb=dag_job.job.disk_mb,
        gpus=dag_job.job.gpus,
        limits=tuple(limits),
        partition=dag_job.job.partition,
        account=dag_job.job.account,
        # The pool's jobs watch the time by themselves; others have to say how long they may take.
        walltime_minutes=0 if site.grid_type == POOL else dag_job.job.walltime_minutes,
    )


def _description_lines(name: str, lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"SUBMIT-DESCRIPTION {name} {{"
    for key, value in lines:
        yield f"  {key} = {value}"
    yield "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
