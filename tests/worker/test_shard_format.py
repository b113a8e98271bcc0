"""Shards of the plan: the planner and the worker agree on their fields, and shards of format 1 are still read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from framework.model.job import Call, Exec, File, Job, ListFile, Needs
from framework.model.run import PlannedJob
from framework.worker.job.shard_format import current_record, format_1_record
from framework.worker.job.spec import CallSpec, ExecSpec, FileSpec, JobSpec, ListSpec, NeedsSpec

#: A pipeline and its shard, as the version before format 2 wrote it; ``@HERE@`` stands for the directory of the test.
RECORDED = Path(__file__).parent / "format_1"
RUN = "U_r1p01"
SECRET = {"FW_SECRET_KEY": "k"}
HEADER: Any = {
    "run": RUN,
    "attempt": 1,
    "archive": "home",
    "archive_root": "/archive",
    "shard": "plan_0001.jsonl",
}

A_FILE = File(label="log", filetype="log", path="log/a.log", job_path="a.log")
AN_EXEC = Exec(number=1, program="make", argv=("make",))
A_CALL = Call(
    number=1, module="make", wrapper="generic", keys={}, log=A_FILE, inputs=(), outputs=(A_FILE,), execs=(AN_EXEC,),
    needs=Needs(),
)  # fmt: skip
A_JOB = Job(number=1, block=1, keys="", calls=(A_CALL,))


@pytest.mark.parametrize(
    ("planned", "spec", "only_planned", "only_worker"),
    [
        (A_FILE, FileSpec, {"staged_from"}, {"transferred_to"}),
        (ListFile(label="list.all", job_path="all.list", lines=()), ListSpec, set(), set()),
        (AN_EXEC, ExecSpec, set(), set()),
        (Needs(), NeedsSpec, {"disk_mb", "cpus", "gpus", "partition", "account"}, set()),
        (A_CALL, CallSpec, {"max_retries"}, set()),
    ],
)
def test_the_worker_reads_the_fields_that_the_planner_writes_with_the_same_defaults(
    planned: msgspec.Struct, spec: Any, only_planned: set[str], only_worker: set[str]
):
    read = spec(msgspec.json.decode(msgspec.json.encode(planned)))
    assert set(spec.__slots__) ^ set(planned.__struct_fields__) == only_planned | only_worker
    plain = [name for name in set(spec.__slots__) - only_worker if not _is_nested(getattr(read, name))]
    expected = {name: _as_lists(getattr(planned, name)) for name in plain}
    assert {name: getattr(read, name) for name in plain} == expected


def test_the_worker_reads_the_fields_of_a_job():
    read = JobSpec(HEADER, msgspec.to_builtins(A_JOB))
    assert set(A_JOB.__struct_fields__) <= set(JobSpec.__slots__)
    for name in ("number", "block", "keys", "max_threads"):
        assert getattr(read, name) == getattr(A_JOB, name)


def _is_nested(value: object) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    return type(first).__module__ == FileSpec.__module__


def _as_lists(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def test_a_record_of_format_1_is_that_of_a_job_with_other_keys():
    header, record = map(json.loads, (RECORDED / "plan_0001.jsonl").read_text().splitlines())
    job = msgspec.convert(current_record(header, record), Job, strict=True)
    assert format_1_record(msgspec.json.decode(msgspec.json.encode(job))) == record
    first = job.calls[0]
    assert (job.max_threads, first.max_threads, first.execs[0].deferred) == (2, 2, (4,))
    assert (first.inputs[0].external, first.outputs[0].saved) == (True, False)
    assert first.outputs[0].metadata == {"number": "1"}


@pytest.fixture
def recorded_run(fw, fw_home: Path, tmp_path: Path, a_program) -> Path:
    """A run that failed, with its plan as format 1 has it; returns the pipeline."""
    a_program("make", 'cat "$2" > "$3"; echo "$1" >> "$3"')
    a_program("gather", f'[ -e {tmp_path}/go ] || exit 4; cat $(cat "$1") > "$2"')
    (tmp_path / "scale.txt").write_text("scale\n")
    pipeline = tmp_path / "pipeline.wcl"
    pipeline.write_text((RECORDED / "pipeline.wcl").read_text().replace("@HERE@", str(tmp_path)))
    assert fw("submit", pipeline, **SECRET).status == 1
    shard = (RECORDED / "plan_0001.jsonl").read_text().replace("@HERE@", str(tmp_path)).encode()
    plan = fw_home / "runs" / RUN / "plan"
    (plan / "plan_0001.jsonl").write_bytes(shard)
    job = msgspec.json.decode((plan / "jobs.index").read_bytes(), type=PlannedJob)
    moved = msgspec.structs.replace(job, offset=shard.index(b"\n") + 1)
    (plan / "jobs.index").write_bytes(msgspec.json.encode(moved) + b"\n")
    summary = msgspec.json.decode((plan / "run.json").read_bytes())
    of_today = {"index_crc32", "crc32"}
    (plan / "run.json").write_bytes(
        msgspec.json.encode({key: value for key, value in summary.items() if key not in of_today})
    )
    kept = fw_home / "archive/SKY/small/none/r1/U/p01/submit/plan_0001.jsonl.gz"
    kept.unlink()
    kept.write_bytes(gzip.compress(shard))
    return pipeline


def test_a_run_with_a_plan_of_format_1_is_restarted_rerun_and_compared(fw, recorded_run: Path, fw_home, tmp_path):
    (tmp_path / "go").touch()
    restarted = fw("restart", RUN, **SECRET)
    assert restarted.status == 0, restarted.err
    made = fw_home / "archive/SKY/small/none/r1/U/p01/made/together.txt"
    assert made.read_text() == "scale\n1\nscale\n2\n"
    again = fw("rerun", RUN, "3", **SECRET)
    assert again.status == 0, again.err
    compared = fw("plan", recorded_run, "--diff", RUN)
    assert compared.status == 0, compared.err
    assert compared.out.splitlines()[-1] == "the same: 3 calls in 1 job"
