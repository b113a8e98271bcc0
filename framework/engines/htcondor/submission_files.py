"""Submission files: the DAG, its settings, the job's code, and orders for jobs that began before."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from framework.engines.history import RunHistory, calls_to_skip, job_is_done
from framework.engines.htcondor.dag import DagJob, config_lines, dag_lines, late_dag_name, sub_dag_lines
from framework.engines.htcondor.shipped_code import write_archive, write_code
from framework.engines.htcondor.site import Site
from framework.engines.htcondor.submit_description import SubmissionPaths, memory_steps
from framework.engines.run_directory import RunDirectory
from framework.errors import InfrastructureError, PlanError
from framework.model.run import PlannedJob, PlannedRun
from framework.worker.job.chirp import linked
from framework.worker.job.shard_format import current_record
from framework.worker.programs.limits import TIME

if TYPE_CHECKING:
    from framework.worker.job.records import CallRecord, FileRecord, JobRecord, PoolOrder

#: The folder that holds the packages.
PACKAGES = str(Path(__file__).parents[3])
#: Variables of the submitter's environment that the nodes of the submitting side are given.
PASSED_VARIABLES = (
    "FW_HOME",
    "FW_REGISTRY",
    "FW_SITE",
    "FW_SECRETS",
    "HOME",
    "PATH",
    "LANG",
    "PGPASSFILE",
    "TZ",
    "CONDOR_CONFIG",
)
SERVICE = """\
import os, sys
os.environ.update({environment!r})
sys.path.insert(0, {packages!r})
from framework.runs.dag_nodes import main
sys.exit(main(sys.argv[1:]))
"""


class ResourceMemory(Protocol):
    """Resources that were needed before (framework/engines/htcondor/learned_resources.py)."""

    time_steps: dict[str, int]

    def memory_of(self, job: int, modules: set[str]) -> int: ...


@dataclass(frozen=True, kw_only=True)
class WrittenSubmission:
    """Submission that is complete on disk."""

    dag: Path
    jobs: int
    already_done: int


class SubmissionDirectory:
    """Directory ``condor/<start>`` of a run: one for each submission and restart."""

    def __init__(self, run: RunDirectory, start: int) -> None:
        self.run = run
        self.start = start
        self.path = run.path / "condor" / str(start)
        self.dag = self.path / "run.dag"
        self.cluster = self.path / "cluster"

    @property
    def dags(self) -> list[Path]:
        """Files of its DAG, and of those of the late blocks that are planned by now."""
        return [self.dag, *sorted(self.path.glob("late*.dag"))]

    @property
    def logs(self) -> list[Path]:
        """Event logs of its DAGs."""
        return [path.with_name(f"{path.name}.nodes.log") for path in self.dags]

    def write(
        self, plan: PlannedRun, history: RunHistory, site: Site, learned: ResourceMemory, has_other_machines: bool
    ) -> WrittenSubmission:
        """Write the submission; the DAG last, under another name first, so that a DAG which is there is complete."""
        try:
            return self._write(plan, history, site, learned, has_other_machines)
        except OSError as error:
            raise InfrastructureError(f"the DAG cannot be written: {error.strerror}: {error.filename}") from error

    def _write(
        self, plan: PlannedRun, history: RunHistory, site: Site, learned: ResourceMemory, has_other_machines: bool
    ) -> WrittenSubmission:
        if self.path.exists():
            shutil.rmtree(self.path)  # of a submission that was killed before its DAG was there
        self.path.mkdir(parents=True)
        undone = [job for job in plan.jobs.values() if not job_is_done(job, history)]
        write_code(self.path / "code")
        if not site.shared:
            write_archive(self.path / "job.pyz", site.python)
            (self.run.path / "home").mkdir(exist_ok=True)
            self._send_plan(plan)
        self._write_settings(plan, site)
        paths = self._paths(plan)
        service = SERVICE.format(packages=PACKAGES, environment=paths.environment)
        (self.path / "service.py").write_text(service, encoding="utf-8")
        (self.path / "dagman.config").write_text("\n".join([*config_lines(site), ""]), encoding="utf-8")
        orders = list(self._orders(plan, undone, history, site, learned))
        _write_whole(self.dag, dag_lines(plan, orders, site, paths, has_other_machines))
        return WrittenSubmission(dag=self.dag, jobs=len(undone), already_done=len(plan.jobs) - len(undone))

    def write_late_block(
        self,
        plan: PlannedRun,
        block: int,
        history: RunHistory,
        site: Site,
        learned: ResourceMemory,
        has_other_machines: bool,
    ) -> int:
        """Write the DAG of a late block that is planned now; return how many jobs it has."""
        jobs = [job for job in plan.jobs.values() if job.block == block and not job_is_done(job, history)]
        try:
            if not site.shared:
                self._send_plan(plan)
            orders = list(self._orders(plan, jobs, history, site, learned))
            dag = self.path / late_dag_name(block)
            _write_whole(dag, sub_dag_lines(plan, orders, site, self._paths(plan), has_other_machines))
        except OSError as error:
            raise InfrastructureError(f"its DAG cannot be written: {error.strerror}: {error.filename}") from error
        return len(jobs)

    def _paths(self, plan: PlannedRun) -> SubmissionPaths:
        return SubmissionPaths(
            directory=str(self.path),
            run_directory=str(self.run.path),
            archive_root=plan.archive_root,
            python=sys.executable,
            environment={key: os.environ[key] for key in PASSED_VARIABLES if key in os.environ},
            packages=PACKAGES,
        )

    def _write_settings(self, plan: PlannedRun, site: Site) -> None:
        settings = {
            "run": plan.run,
            "attempt": plan.attempt,
            "start": self.start,
            "directory": str(self.run.path),
            "archive_root": plan.archive_root,
            "orders": str(self.path),
            "shared": site.shared,
            "secrets": os.environ.get("FW_SECRETS") or str(self.run.path.parents[1] / "secrets"),
        }
        (self.path / "settings.json").write_text(json.dumps(settings), encoding="utf-8")

    def _send_plan(self, plan: PlannedRun) -> None:
        """Copy the shards to the submission: compressed, as the archive has them already."""
        for shard in {job.shard for job in plan.jobs.values()}:
            kept = os.path.join(plan.archive_root, plan.archive_path, "submit", f"{shard}.gz")
            if not (self.path / f"{shard}.gz").exists():
                shutil.copyfile(kept, self.path / f"{shard}.gz")

    def _orders(
        self, plan: PlannedRun, jobs: Sequence[PlannedJob], history: RunHistory, site: Site, learned: ResourceMemory
    ) -> Iterator[DagJob]:
        by_shard: dict[str, bytearray] = {}
        records = None if site.shared else ShardReader(self.run.plan)
        for job in jobs:
            name = job.shard.replace("plan_", "orders_")
            order, at = _order(job, history, learned.time_steps), -1
            if order:
                lines = by_shard.setdefault(name, bytearray())
                at = len(lines)
                lines += json.dumps(order, separators=(",", ":")).encode() + b"\n"
            modules = {call.module for call in job.calls}
            memory = memory_steps(job.memory_mb, job.memory_steps_mb[1:], learned.memory_of(job.number, modules))
            inputs: tuple[str, ...] = ()
            if records is not None:
                skip = set(order.get("skip", ()))
                inputs = tuple(self._inputs(records.record(job), skip, job, plan, name if order else ""))
            yield DagJob(job=job, memory=memory, orders=name if order else "", orders_at=at, inputs=inputs)
        for name, content in by_shard.items():
            (self.path / name).write_bytes(content)

    def _inputs(
        self, record: JobRecord, skip: set[int], job: PlannedJob, plan: PlannedRun, orders: str
    ) -> Iterator[str]:
        """Yield files that are sent with a job; those that cannot be named here, it asks for when it runs."""
        yield str(self.path / f"{job.shard}.gz")
        if orders:
            yield str(self.path / orders)
        yield from self._checksums_of_parents(job, plan)
        yield from self._inputs_of_calls(record, skip, job, plan)

    def _checksums_of_parents(self, job: PlannedJob, plan: PlannedRun) -> Iterator[str]:
        """Yield files with size and checksum of what the jobs before a job make, which may not be there yet."""
        for parent in job.parents:
            known = self.run.path / "known" / f"{parent // 1000:04d}" / f"j{parent}.json"
            if parent in plan.jobs and (known.exists() or not (self.run.path / "known").exists() or self.start == 0):
                yield str(known)

    def _inputs_of_calls(self, record: JobRecord, skip: set[int], job: PlannedJob, plan: PlannedRun) -> Iterator[str]:
        """Yield inputs that no call of the job itself makes, each once."""
        made = {_archived(file) for call in _open_calls(record, skip) for file in call["outputs"]}
        seen: dict[str, str] = {}
        for file in (file for call in _open_calls(record, skip) for file in call["inputs"]):
            path = _archived(file)
            if path in made or path in seen.values():
                continue
            is_external = file.get("external", False)
            if file.get("optional") or not _SENDABLE.fullmatch(path):
                self._link(path if is_external else os.path.join(plan.archive_root, path))
            elif not is_external or "://" not in path:
                name = os.path.basename(path) if is_external else path
                if seen.setdefault(name, path) != path:
                    raise _same_name_error(job.number, name, seen[name], path)
                yield path

    def _link(self, path: str) -> None:
        """Give a file that a job cannot ask for by its own name another one."""
        link = Path(linked(str(self.run.path), path))
        if link != Path(path):
            link.parent.mkdir(exist_ok=True)
            with suppress(FileExistsError):
                link.symlink_to(path)


#: Names that need no quoting in a DAG file and in HTCondor's list of files: no comma, quote, line break or macro.
_SENDABLE = re.compile(r"[\w.+=@%~^:/-]+", re.ASCII)


def _write_whole(path: Path, lines: Iterable[str]) -> None:
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    part.replace(path)


class ShardReader:
    """Records of jobs, read shard by shard."""

    def __init__(self, plan: Path) -> None:
        self._plan = plan
        self._name = ""
        self._content = b""

    def record(self, job: PlannedJob) -> JobRecord:
        """Return the record of a job as its shard has it."""
        if self._name != job.shard:
            self._name, self._content = job.shard, (self._plan / job.shard).read_bytes()
        end = self._content.index(b"\n", job.offset)
        header = json.loads(self._content[: self._content.index(b"\n")])
        return current_record(header, json.loads(self._content[job.offset : end]))


def _archived(file: FileRecord) -> str:
    """Return the path of a file in its archive."""
    return file["path"] + file.get("compression", "")


def _open_calls(record: JobRecord, skip: set[int]) -> list[CallRecord]:
    """Return the calls of a job that are still to be executed."""
    return [call for call in record["calls"] if call["number"] not in skip]


def _same_name_error(job: int, name: str, path: str, other: str) -> PlanError:
    return PlanError(
        f"job {job} gets two files called {name} from outside ({path}, {other}), which cannot be sent together: "
        "ingest them into the archive, or use a shared file system"
    )


def _order(job: PlannedJob, history: RunHistory, time_steps: Mapping[str, int]) -> PoolOrder:
    """Return what a job has to know of earlier submissions; empty for one that never began."""
    order: PoolOrder = {}
    if skip := calls_to_skip(job, history):
        order["skip"] = sorted(skip)
    if tries := {str(call.number): n for call in job.calls if (n := history.tries[call.number])}:
        order["tries"] = tries
    if raises := _time_raises(job, history, time_steps):
        order["raised"] = raises
    if order:
        known = history.stored
        order["known"] = {path: known[path] for call in job.calls for path in call.inputs if path in known}
    return order


def _time_raises(job: PlannedJob, history: RunHistory, time_steps: Mapping[str, int]) -> int:
    """Return how often the time of a job was raised, here or where its modules ran before."""
    raises = (max(history.exceeded[call.number, TIME], time_steps.get(call.module, 0)) for call in job.calls)
    return max(raises, default=0)
