"""The DAG: a run's jobs as DAGMan reads them, line by line; nothing here touches the disk."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from framework.engines.htcondor.pool import RUN_ATTRIBUTE, quoted
from framework.engines.htcondor.site import POOL, Site
from framework.model.run import PlannedJob, PlannedRun
from framework.output.text import counted
from framework.worker.journal.statuses import OUT_OF_MEMORY

FOLLOWER, FINAL = "follower", "final"
#: What the planner of a late block ends with that has nothing to do.
NOTHING_TO_DO = 100
#: Without a ladder of its own, a module may ask for so many times its memory.
DEFAULT_LADDER = (2, 4, 8)
#: How many parents or children stand in one line.
LINE = 2000
#: Times that a job was held for memory, as the queue counts: by its starter, and by its own policy.
STEPS = "((NumHoldsByReason.JobOutOfResources ?: 0) + (NumHoldsByReason.JobPolicy ?: 0))"
HELD_FOR_MEMORY = "(HoldReasonCode == 34 || (HoldReasonCode == 3 && HoldReasonSubCode == 34))"
LAST_HELD_FOR_MEMORY = HELD_FOR_MEMORY.replace("HoldReason", "LastHoldReason")
#: MB that the job was given where it ran last.
GIVEN = "(MemoryProvisioned ?: 0)"
#: Where the job ran last, and where it might now; what comes before the first @ is the slot.
NOT_WHERE_IT_FAILED = (
    "(isUndefined(LastRemoteHost) || NumHolds > 0 || "
    "splitSlotName(LastRemoteHost)[1] =!= splitSlotName(TARGET.Name)[1])"
)


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where things lie that the DAG speaks of."""

    #: This submission's own directory.
    directory: str
    run_directory: str
    archive_root: str
    #: The Python and the environment of the nodes that run on the submitting side.
    python: str
    environment: Mapping[str, str]
    #: Where the packages of the framework are.
    packages: str

    @property
    def settings(self) -> str:
        return os.path.join(self.directory, "settings.json")

    @property
    def service(self) -> str:
        """What starts the nodes and scripts of the submitting side."""
        return os.path.join(self.directory, "service.py")


@dataclass(frozen=True, kw_only=True)
class JobOrder:
    """What a submission says of one job besides its plan."""

    job: PlannedJob
    #: MB to ask for, one after another.
    memory: tuple[int, ...]
    #: File of orders and where in it the job's begins; none for a job that nothing is known of.
    orders: str = ""
    orders_at: int = -1
    #: Files to send with it, where no file system is shared.
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobClass:
    """Jobs that ask for the same share a description."""

    memory: tuple[int, ...]
    cpus: int
    disk_mb: int
    gpus: int
    limits: tuple[str, ...]
    partition: str = ""
    account: str = ""
    walltime_minutes: int = 0


def dag_lines(plan: PlannedRun, jobs: Sequence[JobOrder], site: Site, places: Places, elsewhere: bool) -> Iterator[str]:
    """The whole DAG."""
    yield f"# {plan.run}: {counted(len(jobs), 'job')}"
    yield f"CONFIG {places.directory}/dagman.config"
    yield from _description(FOLLOWER, service_description(places, "follow"))
    yield from _description(FINAL, service_description(places, "finish"))
    yield from _job_lines(plan, jobs, site, places, elsewhere)
    yield from late_lines(plan, [order.job for order in jobs], places)
    yield f"SERVICE {FOLLOWER} {FOLLOWER}"
    yield f"FINAL {FINAL} {FINAL}"
    yield f'VARS {FINAL} dag_status="$(DAG_STATUS)"'


def sub_dag_lines(
    plan: PlannedRun, jobs: Sequence[JobOrder], site: Site, places: Places, elsewhere: bool
) -> Iterator[str]:
    """The DAG of a late block, once it is planned."""
    yield f"CONFIG {places.directory}/dagman.config"
    yield f"SET_JOB_ATTR {RUN_ATTRIBUTE} = {quoted(places.run_directory)}"
    yield from _job_lines(plan, jobs, site, places, elsewhere)


def late_lines(plan: PlannedRun, jobs: Sequence[PlannedJob], places: Places) -> Iterator[str]:
    """Late blocks: each is a DAG below this one, planned and written when all before it has ended well."""
    before = [f"j{job.number}" for job in jobs]
    for block in plan.late:
        node = f"late{block.number}"
        yield f"SUBDAG EXTERNAL {node} {os.path.join(places.directory, late_dag(block.number))}"
        yield f"SCRIPT PRE {node} {places.python} {places.service} plan {places.directory} {block.number}"
        yield f"PRE_SKIP {node} {NOTHING_TO_DO}"
        if before:
            yield from _edges(before, [node])
        before = [node]


def late_dag(block: int) -> str:
    """The file of a late block's DAG."""
    return f"late{block}.dag"


def _job_lines(
    plan: PlannedRun, jobs: Sequence[JobOrder], site: Site, places: Places, elsewhere: bool
) -> Iterator[str]:
    """Jobs, what they ask for, and what they wait for."""
    classes: dict[JobClass, str] = {}
    of_job = [classes.setdefault(_class(order, plan, site), f"class{len(classes) + 1}") for order in jobs]
    for one, name in classes.items():
        yield from _description(name, job_description(one, site, places, elsewhere))
    send = not site.shared
    for order, name in zip(jobs, of_job, strict=True):
        job = order.job
        yield f"JOB j{job.number} {name}"
        told = f"{job.shard}{'.gz' if send else ''} {job.offset} {job.number} {job.max_retries}"
        if order.orders_at >= 0:
            told += f" {order.orders} {order.orders_at}"
        if send:
            yield f'VARS j{job.number} told="{told}" job="{job.number}" files="{_escaped(", ".join(order.inputs))}"'
        else:
            yield f'VARS j{job.number} told="{told}"'
    if send:
        receive = f"{places.python} -SI {places.directory}/code/receive.py {places.run_directory} {places.archive_root}"
        for order in jobs:
            yield f"SCRIPT POST j{order.job.number} {receive} {order.job.number} $RETURN"
    yield from edge_lines(plan, [order.job for order in jobs])
    yield from category_lines(plan, [order.job for order in jobs], site)


def config_lines(site: Site) -> Iterator[str]:
    """DAGMan's settings."""
    for key, value in site.dagman.items():
        yield f"{key} = {value}"


def edge_lines(plan: PlannedRun, jobs: Sequence[PlannedJob]) -> Iterator[str]:
    """What waits for what: jobs for those whose files they need, and blocks for each other."""
    present = {job.number for job in jobs}
    children: dict[tuple[int, ...], list[int]] = {}
    roots: dict[int, list[int]] = {}
    blocks = {job.number: job.block for job in jobs}
    for job in jobs:
        parents = tuple(
            parent for parent in job.parents if parent in present and (not plan.barriers or blocks[parent] == job.block)
        )
        if parents:
            children.setdefault(parents, []).append(job.number)
        else:
            roots.setdefault(job.block, []).append(job.number)
    for parents, kids in children.items():
        yield from _edges([f"j{number}" for number in parents], [f"j{number}" for number in kids])
    if plan.barriers:
        yield from _barriers(jobs, roots)


def _barriers(jobs: Sequence[PlannedJob], roots: Mapping[int, Sequence[int]]) -> Iterator[str]:
    """A block begins when all jobs of the one before have ended well."""
    members: dict[int, list[str]] = {}
    for job in jobs:
        members.setdefault(job.block, []).append(f"j{job.number}")
    order = sorted(members)
    for before, after in itertools.pairwise(order):
        yield f"JOB after_block{before} {FINAL} NOOP"
        yield from _edges(members[before], [f"after_block{before}"])
        yield from _edges([f"after_block{before}"], [f"j{number}" for number in roots.get(after, ())])


def _edges(parents: list[str], children: list[str]) -> Iterator[str]:
    """``PARENT`` lines; where there are many on both sides, DAGMan makes a node between them."""
    if len(parents) > LINE and len(children) > 1:
        for child in children:
            yield from _edges(parents, [child])
        return
    for first in range(0, len(parents), LINE):
        for start in range(0, len(children), LINE):
            kids = " ".join(children[start : start + LINE])
            yield f"PARENT {' '.join(parents[first : first + LINE])} CHILD {kids}"


def category_lines(plan: PlannedRun, jobs: Iterable[PlannedJob], site: Site) -> Iterator[str]:
    """Modules of which only so many jobs may be in the queue at a time, and throttles that the pool does not keep."""
    wanted: dict[str, int] = {}
    for job in jobs:
        categories = _categories(plan, job, site)
        if categories:
            # A node has one category: the tightest of those that it could have.
            name, most = min(categories.items(), key=lambda entry: (entry[1], entry[0]))
            wanted[name] = most
            yield f"CATEGORY j{job.number} {name}"
    for name, most in sorted(wanted.items()):
        yield f"MAXJOBS {name} {most}"


def _categories(plan: PlannedRun, job: PlannedJob, site: Site) -> dict[str, int]:
    found: dict[str, int] = {}
    for module in dict.fromkeys(call.module for call in job.calls):
        if module in plan.max_running:
            found[f"module_{module}"] = plan.max_running[module]
        for limit in plan.concurrency_limits.get(module, ()):
            name, _, weight = limit.partition(":")
            if name.lower() in site.limits:
                found[f"limit_{name.lower()}_{weight or 1}"] = max(1, site.limits[name.lower()] // int(weight or 1))
    return found


def _class(order: JobOrder, plan: PlannedRun, site: Site) -> JobClass:
    modules = dict.fromkeys(call.module for call in order.job.calls)
    limits = {
        limit: None
        for module in modules
        for limit in plan.concurrency_limits.get(module, ())
        if limit.partition(":")[0].lower() not in site.limits
    }
    return JobClass(
        memory=order.memory,
        cpus=order.job.cpus,
        disk_mb=order.job.disk_mb,
        gpus=order.job.gpus,
        limits=tuple(limits),
        partition=order.job.partition,
        account=order.job.account,
        # The pool's jobs watch the time by themselves; others have to say how long they may take.
        walltime_minutes=0 if site.grid_type == POOL else order.job.walltime_minutes,
    )


# ---- descriptions


def job_description(one: JobClass, site: Site, places: Places, elsewhere: bool) -> Iterator[tuple[str, str]]:
    """How jobs of a class are submitted."""
    if site.grid_type == POOL:
        yield "universe", "vanilla"
    else:
        yield "universe", "grid"
        yield "grid_resource", f"batch {site.grid_type}"
    yield from _transfer(site, places)
    # By its starter a job speaks into the event log, and asks for what an earlier execution sent home.
    yield "My.WantIOProxy", "True"
    yield "output", "/dev/null"
    yield "error", "/dev/null"
    yield "notification", "never"
    yield f"My.{RUN_ATTRIBUTE}", quoted(places.run_directory)
    yield "request_cpus", str(one.cpus)
    if one.memory:
        yield from _memory(one.memory, site)
    if one.disk_mb:
        yield "request_disk", f"{one.disk_mb}M"
    yield from _queue(one, site)
    if one.limits:
        yield "concurrency_limits", ",".join(one.limits)
    requirements = [text for text in (site.requirements, NOT_WHERE_IT_FAILED if elsewhere else "") if text]
    if requirements and site.grid_type == POOL:
        yield "requirements", " && ".join(f"({text})" for text in requirements)
    if site.grid_type == POOL:
        # What is none of the worker's own words, such as a signal, is the surroundings' doing.
        final = "(ExitBySignal =!= True && (ExitCode == 0 || ExitCode == 1))"
        most = f"NumJobCompletions > {site.infrastructure_retries} + {STEPS}"
        yield "on_exit_remove", f"{final} || {most}"
    yield from site.submit.items()


def _transfer(site: Site, places: Places) -> Iterator[tuple[str, str]]:
    if site.shared:
        code = os.path.join(places.directory, "code", "start.py")
        yield "executable", site.python
        yield "transfer_executable", "False"
        yield "should_transfer_files", "NO"
        yield "initialdir", places.directory
        yield "arguments", f'"-SI {_argument(code)} {_argument(places.settings)} $(Cluster) $(told)"'
        return
    yield "executable", os.path.join(places.directory, "job.pyz")
    yield "should_transfer_files", "YES"
    yield "when_to_transfer_output", "ON_EXIT_OR_EVICT"
    yield "preserve_relative_paths", "True"
    yield "initialdir", places.archive_root
    yield "arguments", '"settings.json $(Cluster) $(told)"'
    yield "transfer_input_files", f"{places.settings}, $(files)"
    yield "transfer_output_files", "j$(job)"
    yield "transfer_output_remaps", f'"j$(job)={os.path.join(places.run_directory, "home")}/j$(job)"'


def _queue(one: JobClass, site: Site) -> Iterator[tuple[str, str]]:
    """What a module asks of the queue, in the words of the pool or of the batch system behind it."""
    if site.grid_type == POOL:
        if one.gpus:
            yield "request_gpus", str(one.gpus)
        if one.account:
            yield "accounting_group", one.account
        return
    if one.partition:
        yield "batch_queue", one.partition
    if one.account:
        yield "batch_project", one.account
    if one.walltime_minutes:
        yield "batch_runtime", str(one.walltime_minutes * 60)
    if one.gpus:
        yield "batch_extra_submit_args", f"--gres=gpu:{one.gpus}"


def _memory(ladder: tuple[int, ...], site: Site) -> Iterator[tuple[str, str]]:
    """What is asked for grows each time that it was too little."""
    if site.grid_type != POOL:
        yield "request_memory", str(ladder[0])
        return
    yield "request_memory", memory_expression(ladder)
    yield "on_exit_hold", f"ExitBySignal =!= True && ExitCode == {OUT_OF_MEMORY}"
    yield "on_exit_hold_subcode", "34"
    yield "on_exit_hold_reason", '"a program was ended because memory ran out"'
    if site.hold_over_memory:
        yield "periodic_hold", "JobStatus == 2 && MemoryUsage > MemoryProvisioned"
        yield "periodic_hold_subcode", "34"
    moved = "(HoldReasonCode == 12 || HoldReasonCode == 13) && HoldReasonSubCode != 2"
    again = f"({moved} && NumHolds <= {site.infrastructure_retries} + {STEPS})"
    yield "periodic_release", f"({HELD_FOR_MEMORY} && {GIVEN} < {ladder[-1]}) || {again}"
    yield "periodic_remove", f"JobStatus == 5 && {HELD_FOR_MEMORY} && {GIVEN} >= {ladder[-1]}"


def memory_expression(ladder: Sequence[int]) -> str:
    """What is asked for: the first step, the next one after a hold for memory, else again what was given last.

    The queue's own counts of holds cannot be used: it counts a hold by the job's policy twice.
    """
    more, same = str(ladder[-1]), str(ladder[0])
    for step in reversed(ladder[:-1]):
        more = f"ifThenElse({GIVEN} < {step}, {step}, {more})"
    for step in ladder[1:]:
        same = f"ifThenElse({GIVEN} >= {step}, {step}, {same})"
    return f"ifThenElse(LastJobStatus =?= 5 && {LAST_HELD_FOR_MEMORY}, {more}, {same})"


def service_description(places: Places, verb: str) -> Iterator[tuple[str, str]]:
    """A node of the submitting side: it is started again when somebody kills it."""
    yield "universe", "local"
    yield "executable", places.python
    status = " $(dag_status)" if verb == "finish" else ""
    yield "arguments", f'"{_argument(places.service)} {verb} {_argument(places.directory)}{status}"'
    yield "initialdir", places.directory
    environment = " ".join(f"{key}={_argument(value)}" for key, value in places.environment.items())
    yield "environment", f'"{environment}"'
    yield "output", os.path.join(places.directory, f"{verb}.out")
    yield "error", os.path.join(places.directory, f"{verb}.err")
    yield "notification", "never"
    yield f"My.{RUN_ATTRIBUTE}", quoted(places.run_directory)
    yield "on_exit_remove", "ExitBySignal =!= True"


def _description(name: str, lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f"SUBMIT-DESCRIPTION {name} {{"
    for key, value in lines:
        yield f"  {key} = {value}"
    yield "}"


def ladder_from(least: int, declared: Sequence[int], raised: int) -> tuple[int, ...]:
    """What a job asks for, one after another: its own memory, or what was found to be needed, and then more."""
    if not least:
        return ()
    first = max(least, raised)
    more = [step for step in declared if step > first] if declared else [least * times for times in DEFAULT_LADDER]
    return (first, *(step for step in more if step > first))


def _argument(text: str) -> str:
    """One word of a line in double quotes, as HTCondor reads them."""
    escaped = str(text).replace("'", "''").replace('"', '""')
    return f"'{escaped}'" if any(letter in " \t'" for letter in str(text)) else escaped


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
