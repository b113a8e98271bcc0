"""Plan files: the plan of a run on disk, in shards of a few hundred jobs with an index and a summary.

``plan_0001.jsonl`` holds jobs in full, as workers read them; ``jobs.index`` what engines know of each; ``run.json`` the
summary. A changed configuration adds ``jobs_2.index``, a late block ``block_0002.json`` and ``block_0002.index``. The
summary is written last: a plan whose summary is there is whole, and nothing of it is written again.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from framework.engines.plan_records import (
    job_record,
    json_line,
    late_block_summary,
    planned_job,
    run_summary,
    shard_header,
)
from framework.errors import DamagedPlanError, InfrastructureError
from framework.model.job import Job
from framework.model.plan import Plan
from framework.model.run import PlannedJob, PlannedLateBlock, PlannedRun
from framework.worker.files.transfer import READ_ONLY, make_parents, measure
from framework.worker.job.shard_format import current_record
from framework.worker.journal.facts import file_record

#: Jobs in one shard: few enough to read one quickly, many enough to keep a big run to a few hundred files.
SHARD_JOBS = 400
#: The checksum (CRC-32) of an index, in the summary that belongs to it; absent in plans of earlier versions.
_CHECKSUM = "index_crc32"
#: The checksum of a summary, in itself; it is that of the line without it.
_OWN_CHECKSUM = "crc32"
#: Parts of a summary that the plans of late blocks add to.
_OF_BLOCKS = ("max_running", "concurrency_limits", "carried", "software", "staging")


class PlanFiles:
    """Files of one run's plan."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    def are_complete(self) -> bool:
        """True if a plan has been written to its end."""
        return (self.directory / "run.json").exists()

    def write(self, plan: Plan, attempt: int) -> None:
        """Write the plan of a run that is submitted."""
        with _translated_errors():
            index = self._write_jobs(plan, attempt, _index_name(1), first_shard=1)
            self._write_summary("run", run_summary(plan, attempt) | index)

    def write_changed(self, plan: Plan, run: PlannedRun, since: Mapping[int, int]) -> None:
        """Write the plan with a changed configuration, next to the one before it; ``since`` as in PlannedRun."""
        version = run.version + 1
        first = 1 + max(int(job.shard[5:-6]) for job in run.jobs.values())
        changes = {"version": version, "since": {str(call): start for call, start in since.items()}}
        with _translated_errors():
            index = self._write_jobs(plan, run.attempt, _index_name(version), first_shard=first)
            self._write_summary("run", run_summary(plan, run.attempt) | changes | index)

    def write_late_block(self, plan: Plan, run: PlannedRun) -> None:
        """Write the plan of a late block."""
        (block,) = plan.blocks
        name = _late_name(block.number)
        with _translated_errors():
            first = 1 + len({job.shard for job in run.jobs.values()})
            index = self._write_jobs(plan, run.attempt, name, first_shard=first)
            self._write_summary(name, late_block_summary(plan, block) | index)

    def set_attempt(self, attempt: int) -> None:
        """Have the plan name another id of its attempt: that in a registry which learns of the run again."""
        with self._damage_of("run.json"):
            summary = _checked_summary((self.directory / "run.json").read_bytes())
        self._write_summary("run", summary | {"attempt": attempt})

    def _write_jobs(self, plan: Plan, attempt: int, index_name: str, *, first_shard: int) -> dict[str, object]:
        """Write shards and an index, and return what the summary says of the index."""
        path = self.directory / f"{index_name}.index"
        with path.open("wb") as index:
            for number, jobs in enumerate(_shards(list(plan.jobs)), start=first_shard):
                self._write_shard(f"plan_{number:04d}.jsonl", jobs, plan, attempt, index)
        return {_CHECKSUM: zlib.crc32(path.read_bytes())}

    def _write_shard(self, name: str, jobs: list[Job], plan: Plan, attempt: int, index: BinaryIO) -> None:
        has_format_1 = self._has_format_1()
        header = shard_header(plan, attempt, name, has_format_1=has_format_1)
        with (self.directory / name).open("wb") as shard:
            shard.write(json_line(header))
            for job in jobs:
                index.write(json_line(planned_job(job, name, shard.tell())))
                shard.write(json_line(job_record(job) if has_format_1 else job))

    def _has_format_1(self) -> bool:
        """Return whether the run was submitted by an earlier version, whose code its workers may still run."""
        try:
            with open(self.directory / "plan_0001.jsonl", "rb") as shard:
                line = shard.readline()
        except FileNotFoundError:
            return False
        return bool(line) and "format" not in json.loads(line)

    def _write_summary(self, name: str, summary: dict[str, object]) -> None:
        part = self.directory / f"{name}.json.part"
        part.write_bytes(json_line(summary | {_OWN_CHECKSUM: zlib.crc32(json_line(summary))}))
        part.replace(self.directory / f"{name}.json")

    def read(self) -> PlannedRun:
        """Return the plan as engines know it, with the late blocks that are planned.

        FileNotFoundError without one, DamagedPlanError where a file of it is damaged or gone.
        """
        text = (self.directory / "run.json").read_bytes()
        with self._damage_of("run.json"):
            return self._read(_checked_summary(text))

    def _read(self, summary: dict[str, Any]) -> PlannedRun:
        summary["since"] = {int(call): start for call, start in summary.get("since", {}).items()}
        jobs = self._read_index(_index_name(summary.get("version", 1)), summary.pop(_CHECKSUM, None))
        late = [PlannedLateBlock(**block) for block in summary.pop("late")]
        planned: dict[int, Mapping[str, int]] = {}
        for block in late:
            path = self.directory / f"{_late_name(block.number)}.json"
            if not path.exists():
                break
            with self._damage_of(path.name):
                more = _checked_summary(path.read_bytes())
            jobs += self._read_index(path.stem, more.pop(_CHECKSUM, None))
            planned[block.number] = more["modules"]
            summary["programs"] += more["programs"]
            for key in _OF_BLOCKS:
                summary[key] |= more[key]
        programs = tuple((program, label) for program, label in summary["programs"])
        return PlannedRun(
            **{**summary, "programs": programs},
            jobs={job.number: job for job in jobs},
            planned_late=planned,
            late=tuple(late[len(planned) :]),
        )

    def _read_index(self, name: str, checksum: int | None) -> list[PlannedJob]:
        with self._damage_of(f"{name}.index"):
            text = (self.directory / f"{name}.index").read_bytes()
            if checksum not in (None, zlib.crc32(text)):
                raise ValueError("it is not what was written: its checksum differs")
            return _JOBS.decode_lines(text)

    @contextmanager
    def _damage_of(self, name: str) -> Iterator[None]:
        """Raise errors of reading a file of the plan as DamagedPlanError, with the way on."""
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error) or type(error).__name__
            raise DamagedPlanError(
                f"{self.directory / name} is damaged: {reason}\n"
                "put it back from a copy, or submit the run again: what is on record and in archives stays"
            ) from error

    def read_jobs(self, plan: PlannedRun) -> Iterator[Job]:
        """Yield the jobs of a plan in full, as they stand in the shards."""
        for name in sorted({job.shard for job in plan.jobs.values()}):
            with self._damage_of(name), open(self.directory / name, encoding="utf-8") as file:
                header = json.loads(next(file, ""))
                for line in file:
                    yield msgspec.convert(current_record(header, json.loads(line)), Job)


def _checked_summary(text: bytes) -> dict[str, Any]:
    """Return a summary; ValueError where it is not what was written."""
    summary: dict[str, Any] = json.loads(text)
    checksum = summary.pop(_OWN_CHECKSUM, None)
    if checksum not in (None, zlib.crc32(json_line(summary))):
        raise ValueError("it is not what was written: its checksum differs")
    return summary


def archive_files(paths: Iterable[Path], plan: PlannedRun, archived_before: Collection[str]) -> list[dict[str, object]]:
    """Put files compressed into the run's archive, but for those that are there; return the records of the new ones."""
    records = []
    for path in paths:
        name = f"{plan.archive_path}/submit/{path.name}.gz"
        if name in archived_before:
            continue
        target = os.path.join(plan.archive_root, name)
        make_parents(target)
        part = f"{target}.part"
        with open(part, "wb") as file:
            file.write(gzip.compress(path.read_bytes(), compresslevel=1, mtime=0))
        os.chmod(part, READ_ONLY)
        os.replace(part, target)
        found = measure(target)
        size, sha256 = found.size, found.sha256
        records.append(file_record(name, "plan", size=size, sha256=sha256, archive=plan.archive, metadata={}))
    return records


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InfrastructureError(f"the plan cannot be written: {error.strerror}: {error.filename}") from error


def _index_name(version: int) -> str:
    return "jobs" if version == 1 else f"jobs_{version}"


def _late_name(block: int) -> str:
    return f"block_{block:04d}"


def _shards(jobs: list[Job]) -> Iterator[list[Job]]:
    for first in range(0, len(jobs), SHARD_JOBS):
        yield jobs[first : first + SHARD_JOBS]


_JOBS = msgspec.json.Decoder(PlannedJob)
