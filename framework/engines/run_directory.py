"""The run's directory: the plan in shards of a few hundred jobs, the journals, and where jobs work."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from framework.configuration.home import home
from framework.errors import InfrastructureError, RunError
from framework.model.plan import Block, Call, Job, Plan
from framework.model.run import PlannedCall, PlannedJob, PlannedLate, PlannedRun
from framework.worker.files.transfer import READ_ONLY, make_parents, measure
from framework.worker.job.shard_format import FORMAT, current_record, format_1_record
from wcl.spelling import did_you_mean

#: Jobs in one shard: few enough to read one quickly, many enough to keep a big run to a few hundred files.
SHARD_JOBS = 400


class RunDirectory:
    """``$FW_HOME/runs/<run>`` and what lies in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan = path / "plan"
        self.journal = path / "journal"
        self.work = path / "work"
        self.failed = path / "failed"
        self.images = path / "images"
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
            self._write_whole("run", _index_name(1), _summary(plan, attempt), plan, attempt, 1)
        except OSError as error:
            raise InfrastructureError(f"the plan cannot be written: {error.strerror}: {error.filename}") from error

    def write_again(self, plan: Plan, run: PlannedRun, since: Mapping[int, int]) -> None:
        """Write down the plan with a changed configuration, all or nothing, beside the one before it."""
        version = run.version + 1
        first = 1 + max(int(job.shard[5:-6]) for job in run.jobs.values())
        more = {"version": version, "since": {str(call): start for call, start in since.items()}}
        try:
            self._write_whole("run", _index_name(version), _summary(plan, run.attempt) | more, plan, run.attempt, first)
        except OSError as error:
            raise InfrastructureError(f"the plan cannot be written: {error.strerror}: {error.filename}") from error

    def renumber(self, attempt: int) -> None:
        """Have the plan name another id of its attempt: that in a registry which learns of the run again."""
        summary = json.loads((self.plan / "run.json").read_text(encoding="utf-8"))
        self._write_summary("run", summary | {"attempt": attempt})

    def submitted_as(self, name: str, version: int) -> Path:
        """A file of the submission, or of the restart with a changed configuration that planned this version."""
        stem, _, suffix = name.partition(".")
        return self.submitted / (name if version == 1 else f"{stem}_{version}.{suffix}")

    def write_late(self, plan: Plan, run: PlannedRun) -> None:
        """Write down the plan of a late block, all or nothing; it is never written again."""
        (block,) = plan.blocks
        first = 1 + len({job.shard for job in run.jobs.values()})
        name = _late_name(block.number)
        try:
            self._write_whole(name, name, _late_summary(plan, block), plan, run.attempt, first)
        except OSError as error:
            raise InfrastructureError(f"the plan cannot be written: {error.strerror}: {error.filename}") from error

    def _write_whole(
        self, name: str, index_name: str, summary: dict[str, Any], plan: Plan, attempt: int, first: int
    ) -> None:
        """Shards, numbered from ``first``, and their index; the summary last, which makes them count."""
        with (self.plan / f"{index_name}.index").open("wb") as index:
            for number, shard in enumerate(_shards(list(plan.jobs)), start=first):
                self._write_shard(f"plan_{number:04d}.jsonl", shard, plan, attempt, index)
        self._write_summary(name, summary)

    def _write_summary(self, name: str, summary: dict[str, Any]) -> None:
        part = self.plan / f"{name}.json.part"
        part.write_bytes(_line(summary))
        part.replace(self.plan / f"{name}.json")

    def read(self) -> PlannedRun:
        """The plan, as it was written down."""
        try:
            summary = json.loads((self.plan / "run.json").read_text(encoding="utf-8"))
            summary["since"] = {int(call): start for call, start in summary.get("since", {}).items()}
            index = _index_name(summary.get("version", 1))
            jobs = _JOBS.decode_lines((self.plan / f"{index}.index").read_bytes())
        except FileNotFoundError as error:
            raise RunError(f"run {self.run} was never planned to its end: submit it again") from error
        late = [PlannedLate(**block) for block in summary.pop("late")]
        planned: dict[int, Mapping[str, int]] = {}
        for block in late:
            path = self.plan / f"{_late_name(block.number)}.json"
            if not path.exists():
                break
            more = json.loads(path.read_text(encoding="utf-8"))
            jobs += _JOBS.decode_lines(path.with_suffix(".index").read_bytes())
            planned[block.number] = more["modules"]
            summary["programs"] += more["programs"]
            for key in ("max_running", "concurrency_limits", "carried", "software", "staging"):
                summary[key] |= more[key]
        programs = tuple((program, label) for program, label in summary["programs"])
        return PlannedRun(
            **{**summary, "programs": programs},
            jobs={job.number: job for job in jobs},
            planned_late=planned,
            late=tuple(late[len(planned) :]),
        )

    def recorded_jobs(self, plan: PlannedRun) -> Iterator[Job]:
        """The jobs of a plan in full, as they stand in the shards."""
        for name in sorted({job.shard for job in plan.jobs.values()}):
            with open(self.plan / name, encoding="utf-8") as file:
                header = json.loads(next(file))
                for line in file:
                    yield msgspec.convert(current_record(header, json.loads(line)), Job)

    def keep_plan(self, plan: PlannedRun, kept_before: Collection[str]) -> list[dict[str, Any]]:
        """Put the shards, and the pipeline as typed and as understood, into the archive; the files' records.

        What was put there before is left alone.
        """
        kept = []
        shards = {self.plan / job.shard for job in plan.jobs.values()}
        for path in sorted([*shards, *self.submitted.iterdir()]):
            name = f"{plan.archive_path}/submit/{path.name}.gz"
            if name in kept_before:
                continue
            target = os.path.join(plan.archive_root, name)
            make_parents(target)
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

    @contextmanager
    def held(self) -> Iterator[int]:
        """The run for this process alone, and the descriptor that holds it; RunError when another has it."""
        held = self._lock()
        try:
            yield held
        finally:
            os.close(held)

    def _lock(self) -> int:
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

    def _write_shard(self, name: str, jobs: list[Job], plan: Plan, attempt: int, index: BinaryIO) -> None:
        header: dict[str, Any] = {} if self._has_format_1() else {"format": FORMAT}
        header |= {
            "run": plan.identity.run,
            "attempt": attempt,
            "archive": plan.archive,
            "archive_root": plan.archive_root,
            "shard": name,
        }
        if plan.software:
            header["software"] = software_of(plan)
        if plan.max_transfers:
            header["max_transfers"] = plan.max_transfers
        if plan.keeps_junk:
            header["junk"] = f"{plan.archive_path}/junk"
        if plan.compression_args:
            header["compression_args"] = plan.compression_args
        with (self.plan / name).open("wb") as shard:
            shard.write(_line(header))
            for job in jobs:
                index.write(_line(_planned_job(job, name, shard.tell())))
                shard.write(_line(job if "format" in header else job_record(job)))

    def _has_format_1(self) -> bool:
        """Whether the run was submitted by an earlier version, whose code its workers may still run."""
        try:
            with open(self.plan / "plan_0001.jsonl", "rb") as shard:
                line = shard.readline()
        except FileNotFoundError:
            return False
        return bool(line) and "format" not in json.loads(line)


def job_record(job: Job) -> dict[str, Any]:
    """Return the job as plain data, with the keys that ``fw plan --json`` has always printed: those of format 1."""
    return format_1_record(msgspec.to_builtins(job, enc_hook=_as_text))


def _together(steps: list[tuple[int, ...]]) -> tuple[int, ...]:
    """What a job asks for step by step: as much as that of its calls which asks for most."""
    if len(steps) < 2:
        return steps[0] if steps else (0,)
    count = max(map(len, steps))
    return tuple([max([each[min(step, len(each) - 1)] for each in steps]) for step in range(count)])


def _planned_job(job: Job, shard: str, offset: int) -> PlannedJob:
    return PlannedJob(
        number=job.number,
        block=job.block,
        parents=job.parents,
        calls=tuple([_planned_call(call) for call in job.calls]),
        max_retries=job.max_retries,
        cpus=max([call.needs.cpus for call in job.calls]),
        memory_steps_mb=_together([steps for call in job.calls if (steps := call.needs.memory_steps_mb)]),
        time_steps=max([len(call.needs.walltime_steps_minutes) for call in job.calls]),
        shard=shard,
        offset=offset,
        gpus=max([call.needs.gpus for call in job.calls]),
        software=tuple(sorted({call.software for call in job.calls} - {""})),
        disk_mb=max([call.needs.disk_mb or 0 for call in job.calls]),
        partition=next((call.needs.partition for call in job.calls if call.needs.partition), ""),
        account=next((call.needs.account for call in job.calls if call.needs.account), ""),
        walltime_minutes=_longest(job),
    )


def _longest(job: Job) -> int:
    """Minutes that the job may take: its calls one after another, each with step after step of its time."""
    steps = [call.needs.walltime_steps_minutes for call in job.calls]
    return ceil(sum(map(sum, steps))) if all(steps) else 0


def _planned_call(call: Call) -> PlannedCall:
    return PlannedCall(
        number=call.number,
        module=call.module,
        kept=tuple([file.archived for file in call.outputs if file.saved and not file.optional and not file.pattern]),
        unkept=tuple([file.path for file in call.outputs if not file.saved and not file.pattern]),
        inputs=tuple([file.archived for file in call.inputs if not file.external]),
    )


def _summary(plan: Plan, attempt: int) -> dict[str, Any]:
    return {
        "run": plan.identity.run,
        "attempt": attempt,
        "archive": plan.archive,
        "archive_root": plan.archive_root,
        "archive_path": plan.archive_path,
        "barriers": plan.barriers,
        "epilogue": plan.epilogue,
        "gpus": plan.gpus,
        "deliver_to": plan.deliver_to,
        "target_site": plan.target_site,
        "site": plan.site,
        "submit_directory": plan.submit_directory,
        "identity": asdict(plan.identity),
        "late": [{"number": block.number, "name": block.name, "after": block.after} for block in plan.late],
        **_of_blocks(plan),
    }


def _index_name(version: int) -> str:
    return "jobs" if version == 1 else f"jobs_{version}"


def _late_name(block: int) -> str:
    return f"block_{block:04d}"


def _late_summary(plan: Plan, block: Block) -> dict[str, Any]:
    return {"modules": {module.name: module.calls for module in block.modules}, **_of_blocks(plan)}


def _of_blocks(plan: Plan) -> dict[str, Any]:
    """What the blocks that are planned at one time bring with them."""
    modules = [module for block in plan.blocks for module in block.modules]
    return {
        "programs": sorted(plan.programs),
        "software": software_of(plan),
        "max_running": {module.name: module.max_running for module in modules if module.max_running},
        "concurrency_limits": {one.name: one.concurrency_limits for one in modules if one.concurrency_limits},
        "carried": plan.carried,
        "staging": _staging(plan),
    }


def _staging(plan: Plan) -> dict[str, tuple[str, str]]:
    """What other archives have for the run: path as it lies there, to the archive and the path of the file itself."""
    return {
        file.archived: (file.staged_from, file.path) for call in plan.calls for file in call.inputs if file.staged_from
    }


def software_of(plan: Plan) -> dict[str, Mapping[str, Any]]:
    """What programs run in, by label, as workers read it (framework/worker/environments/base.py)."""
    return {label: msgspec.to_builtins(found, enc_hook=_as_text) for label, found in plan.software.items()}


def _shards(jobs: list[Job]) -> Iterator[list[Job]]:
    for first in range(0, len(jobs), SHARD_JOBS):
        yield jobs[first : first + SHARD_JOBS]


def _line(record: object) -> bytes:
    try:
        return _ENCODER.encode(record) + b"\n"
    except UnicodeEncodeError:  # a path that is not text, kept as Python keeps it
        return json.dumps(msgspec.to_builtins(record, enc_hook=_as_text)).encode() + b"\n"


def _as_text(value: object) -> str:
    """Quoted values are text."""
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError(type(value))


_ENCODER = msgspec.json.Encoder(enc_hook=_as_text)
_JOBS = msgspec.json.Decoder(PlannedJob)


def run_directory(run: str) -> RunDirectory:
    """Where a run that is about to begin is kept."""
    return RunDirectory(home() / "runs" / run)


def existing_run(run: str) -> RunDirectory:
    """The directory of a run that was submitted here; RunError with the nearest name where there is none."""
    directory = run_directory(run)
    if "/" in run or not directory.path.is_dir():
        runs = home() / "runs"
        known = [path.name for path in runs.iterdir()] if runs.is_dir() else []
        hint = did_you_mean(run, known) or f"the runs of this machine are in {runs}"
        raise RunError(f"no run '{run}' was submitted here: {hint}")
    return directory
