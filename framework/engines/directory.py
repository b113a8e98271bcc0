"""The run's directory: the plan in shards of a few hundred jobs, the journals, and where jobs work."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.errors import InfrastructureError, RunError
from framework.job.transfer import READ_ONLY, make_directory, measure
from framework.plan.model import Call, File, Job, Plan

#: Jobs in one shard: few enough to read one quickly, many enough to keep a big run to a few hundred files.
SHARD_JOBS = 400


@dataclass(frozen=True, kw_only=True)
class PlannedCall:
    """What an engine knows of a call."""

    number: int
    module: str
    #: Archive paths it makes and keeps.
    kept: tuple[str, ...]
    #: Archive paths it makes for its own job only.
    unkept: tuple[str, ...]
    inputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """What an engine knows of a job."""

    number: int
    block: int
    parents: tuple[int, ...]
    calls: tuple[PlannedCall, ...]
    max_retries: int
    cpus: int
    memory_mb: int
    shard: str
    offset: int


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A plan as it was written down."""

    run: str
    attempt: int
    archive: str
    archive_root: str
    archive_path: str
    barriers: bool
    epilogue: str
    programs: tuple[str, ...]
    #: Module name to how many of its calls may run at a time.
    max_running: Mapping[str, int]
    jobs: Mapping[int, PlannedJob]


class RunDirectory:
    """``$FW_HOME/runs/<run>`` and what lies in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan = path / "plan"
        self.journal = path / "journal"
        self.work = path / "work"
        self.failed = path / "failed"
        self.submitted = path / "submit"

    @property
    def run(self) -> str:
        return self.path.name

    @property
    def is_planned(self) -> bool:
        """Whether a plan is written down here."""
        return (self.plan / "run.json").exists()

    def write(self, plan: Plan, attempt: int) -> None:
        """Write the plan down, the summary last: a directory with a summary is whole, and is never written again."""
        if self.is_planned:
            raise RunError(f"{self.path} holds a run already: remove it, or give the new run another number")
        try:
            for directory in (self.plan, self.journal, self.work, self.submitted):
                directory.mkdir(parents=True, exist_ok=True)
            jobs = []
            for number, shard in enumerate(_shards(list(plan.jobs)), start=1):
                jobs += self._write_shard(f"plan_{number:04d}.jsonl", shard, plan, attempt)
            summary = _summary(plan, attempt) | {"jobs": jobs}
            part = self.plan / "run.json.part"
            part.write_text(json.dumps(summary, separators=(",", ":")), encoding="utf-8")
            part.replace(self.plan / "run.json")
        except OSError as error:
            raise InfrastructureError(f"the plan cannot be written: {error.strerror}: {error.filename}") from error

    def read(self) -> PlannedRun:
        """The plan, as it was written down."""
        try:
            summary = json.loads((self.plan / "run.json").read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunError(f"run {self.run} was never planned to its end: submit it again") from error
        jobs = {job.number: job for job in map(_planned_job, summary.pop("jobs"))}
        return PlannedRun(**{**summary, "programs": tuple(summary["programs"])}, jobs=jobs)

    def keep_plan(self, plan: PlannedRun) -> list[dict[str, Any]]:
        """Put the shards, and the pipeline as typed and as understood, into the archive; the files' records."""
        kept = []
        for path in sorted([*self.plan.glob("*.jsonl"), *self.submitted.iterdir()]):
            name = f"{plan.archive_path}/submit/{path.name}.gz"
            target = os.path.join(plan.archive_root, name)
            make_directory(target)
            part = f"{target}.part"
            with open(part, "wb") as file:
                file.write(gzip.compress(path.read_bytes(), compresslevel=1, mtime=0))
            os.chmod(part, READ_ONLY)
            os.replace(part, target)
            found = measure(target)
            record = {"path": name, "type": "plan", "size": found.size, "sha256": found.sha256}
            kept.append(record | {"archive": plan.archive, "meta": {}})
        return kept

    def set_work_aside(self) -> None:
        """Keep what killed workers left apart, so that new ones find nothing of it."""
        for left in sorted(self.work.iterdir()) if self.work.is_dir() else ():
            if any(left.iterdir()):
                self.failed.mkdir(exist_ok=True)
                left.rename(self.failed / left.name)
            else:
                left.rmdir()

    def lock(self) -> int:
        """Hold the run for this process, until it ends; RunError when another does."""
        self.path.mkdir(parents=True, exist_ok=True)
        held = os.open(self.path / "engine.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(held, 64, 0).decode(errors="replace").strip()
            os.close(held)
            raise RunError(f"run {self.run} is running (process {owner}): wait for it, or fw cancel it") from error
        os.ftruncate(held, 0)
        os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
        return held

    def owner(self) -> int | None:
        """The process that holds the run now; None where nobody does."""
        try:
            held = os.open(self.path / "engine.lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.pread(held, 64, 0) or b"0")
        else:
            return None
        finally:
            os.close(held)

    def _write_shard(self, name: str, jobs: list[Job], plan: Plan, attempt: int) -> list[list[Any]]:
        header = {
            "run": plan.identity.run,
            "attempt": attempt,
            "archive": plan.archive,
            "archive_root": plan.archive_root,
            "shard": name,
        }
        lines = [_line(header)]
        offset = len(lines[0])
        entries = []
        for job in jobs:
            lines.append(_line(job_record(job)))
            entries.append(_entry(job, name, offset))
            offset += len(lines[-1])
        (self.plan / name).write_bytes(b"".join(lines))
        return entries


def job_record(job: Job) -> dict[str, Any]:
    """The job as the worker reads it (framework/job/spec.py)."""
    return {
        "job": job.number,
        "block": job.block,
        "keys": job.keys,
        "threads": job.threads,
        "calls": [_call_record(call) for call in job.calls],
    }


def _call_record(call: Call) -> dict[str, Any]:
    record: dict[str, Any] = {
        "call": call.number,
        "module": call.module,
        "wrapper": call.wrapper,
        "keys": call.keys,
        "log": _file_record(call.log),
        "inputs": [_file_record(file) for file in call.inputs],
        "outputs": [_file_record(file) for file in call.outputs],
        "execs": [
            {
                "exec": step.number,
                "program": step.program,
                "argv": step.argv,
                "late": step.late,
                "used": step.used,
                "made": step.made,
                "derived": step.derived,
                "version_flag": step.version_flag,
                "version_pattern": step.version_pattern,
            }
            for step in call.execs
        ],
    }
    if call.lists:
        record["lists"] = [[made.job_path, made.lines, made.files] for made in call.lists]
    if call.settings:
        record["settings"] = call.settings
    if call.environment:
        record["environment"] = call.environment
    if call.needs.walltime_minutes is not None:
        record["limit"] = call.needs.walltime_minutes * 60
    if call.max_fwthreads:
        record["threads"] = call.max_fwthreads
    return record


def _file_record(file: File) -> dict[str, Any]:
    record: dict[str, Any] = {"label": file.label, "path": file.path, "at": file.job_path, "type": file.filetype}
    if file.outside:
        record["outside"] = True
    if file.rename:
        record["rename"] = file.rename
    if not file.saved:
        record["keep"] = False
    if file.optional:
        record["optional"] = True
    if file.metadata:
        record["meta"] = file.metadata
    if file.known:
        record |= {"size": file.known.size, "sha256": file.known.sha256}
    return record


def _entry(job: Job, shard: str, offset: int) -> list[Any]:
    calls = [
        [
            call.number,
            call.module,
            [file.path for file in call.outputs if file.saved and not file.optional],
            [file.path for file in call.outputs if not file.saved],
            [file.path for file in call.inputs if not file.outside],
        ]
        for call in job.calls
    ]
    cpus = max(call.needs.cpus for call in job.calls)
    memory = max(call.needs.memory_mb or 0 for call in job.calls)
    return [job.number, job.block, job.parents, calls, job.max_retries, cpus, memory, shard, offset]


def _planned_job(entry: list[Any]) -> PlannedJob:
    number, block, parents, calls, max_retries, cpus, memory, shard, offset = entry
    return PlannedJob(
        number=number,
        block=block,
        parents=tuple(parents),
        calls=tuple(
            PlannedCall(number=c[0], module=c[1], kept=tuple(c[2]), unkept=tuple(c[3]), inputs=tuple(c[4]))
            for c in calls
        ),
        max_retries=max_retries,
        cpus=cpus,
        memory_mb=memory,
        shard=shard,
        offset=offset,
    )


def _summary(plan: Plan, attempt: int) -> dict[str, Any]:
    limits = {module.name: module.max_running for block in plan.blocks for module in block.modules}
    return {
        "run": plan.identity.run,
        "attempt": attempt,
        "archive": plan.archive,
        "archive_root": plan.archive_root,
        "archive_path": plan.archive_path,
        "barriers": plan.barriers,
        "epilogue": plan.epilogue,
        "programs": sorted({step.argv[0] for call in plan.calls for step in call.execs}),
        "max_running": {name: limit for name, limit in limits.items() if limit},
    }


def _shards(jobs: list[Job]) -> Iterator[list[Job]]:
    for first in range(0, len(jobs), SHARD_JOBS):
        yield jobs[first : first + SHARD_JOBS]


def _line(record: Mapping[str, Any]) -> bytes:
    return (json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n").encode("utf-8", "surrogateescape")
