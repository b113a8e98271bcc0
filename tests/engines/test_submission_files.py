"""Submissions as files: what a job is sent, what it is told of earlier starts, and what runs have learned."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framework.engines.history import RunHistory
from framework.engines.htcondor.learned_resources import FILE, LearnedResources, read_learned, update_learned
from framework.engines.htcondor.site import read_site
from framework.engines.htcondor.submission_files import SubmissionDirectory
from framework.engines.run_directory import RunDirectory
from framework.errors import PlanError
from framework.model.run import PlannedCall, PlannedJob, PlannedRun

SHARED = read_site("pool", {"gridtype": "condor"})
TRANSFER = read_site("pool", {"gridtype": "condor", "shared_filesystem": "False", "python": "python3"})


def a_file(path: str, **more: Any) -> dict[str, Any]:
    return {"label": path, "path": path, "job_path": path, "filetype": "x", **more}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = RunDirectory(tmp_path / "runs/u_r1p03")
    run.plan.mkdir(parents=True)
    return run


@pytest.fixture
def plan(run: RunDirectory, tmp_path: Path) -> Callable[..., PlannedRun]:
    """Two jobs in one shard; the inputs of the second may be given, which reads ``a`` from the first."""

    def make(*inputs: dict[str, Any], memory: tuple[int, ...] = (100, 400), **more: Any) -> PlannedRun:
        files = {
            1: ([], [a_file("a", compression=".gz")]),
            2: ([a_file("a", compression=".gz"), *inputs], [a_file("b")]),
        }
        shard, jobs = b'{"format":2}\n', {}
        for number, (read, made) in files.items():
            call = PlannedCall(
                number=10 * number, module=f"m{number}", kept=tuple(file["path"] for file in made), unkept=(),
                inputs=tuple(file["path"] + file.get("compression", "") for file in read),
            )  # fmt: skip
            jobs[number] = PlannedJob(
                number=number, block=number, parents=(number - 1,) if number > 1 else (), calls=(call,), max_retries=1,
                cpus=1, memory_steps_mb=memory, time_steps=2, shard="plan_0001.jsonl", offset=len(shard), gpus=0,
                software=(),
            )  # fmt: skip
            record = {"number": number, "calls": [{"number": 10 * number, "inputs": read, "outputs": made}]}
            shard += json.dumps(record).encode() + b"\n"
        (run.plan / "plan_0001.jsonl").write_bytes(shard)
        sent = tmp_path / "archive/u/submit/plan_0001.jsonl.gz"
        sent.parent.mkdir(parents=True, exist_ok=True)
        sent.write_bytes(b"packed")
        return PlannedRun(
            run="u_r1p03", attempt=7, archive="home", archive_root=str(tmp_path / "archive"), archive_path="u",
            barriers=False, epilogue="", programs=(), software={}, gpus=None, max_running={}, jobs=jobs, **more,
        )  # fmt: skip

    return make


def history(*facts: dict[str, Any]) -> RunHistory:
    state = RunHistory()
    for fact in facts:
        state.apply(fact)
    return state


def end(call: int, status: int = 0, **more: Any) -> dict[str, Any]:
    return {"e": "call.end", "job": call // 10, "queue": "5.0", "call": call, "try": 1, "status": status, "files": [],
            "made": [], **more}  # fmt: skip


def dag_line(submission: SubmissionDirectory, job: int, start: str = "VARS") -> str:
    return next(line for line in submission.dag.read_text().splitlines() if line.startswith(f"{start} j{job} "))


def test_a_submission_holds_all_that_its_jobs_and_services_need(run, plan, monkeypatch):
    monkeypatch.setenv("FW_SITE", "/my/site.wcl")
    monkeypatch.setenv("PRIVATE", "not passed on")
    monkeypatch.delenv("FW_SECRETS", raising=False)
    submission = SubmissionDirectory(run, 0)
    submission.path.mkdir(parents=True)
    (submission.path / "late2.dag").write_text("left by a start that was killed")
    written = submission.write(plan(), history(), SHARED, LearnedResources(), False)
    assert (written.dag, written.jobs, written.already_done) == (submission.path / "run.dag", 2, 0)
    assert sorted(path.name for path in submission.path.iterdir()) == [
        "code", "dagman.config", "run.dag", "service.py", "settings.json"
    ]  # fmt: skip
    assert json.loads((submission.path / "settings.json").read_text()) == {
        "run": "u_r1p03", "attempt": 7, "start": 0, "directory": str(run.path), "orders": str(submission.path),
        "archive_root": str(run.path.parents[1] / "archive"),
        "shared": True, "secrets": str(run.path.parents[1] / "secrets"),
    }  # fmt: skip
    service = (submission.path / "service.py").read_text()
    assert "'FW_SITE': '/my/site.wcl'" in service
    assert "PRIVATE" not in service
    assert (submission.path / "code/framework/worker/job/htcondor_job.py").exists()
    assert "htcondor_job import main" in (submission.path / "code/start.py").read_text()
    assert "htcondor_receive import main" in (submission.path / "code/receive.py").read_text()
    assert (submission.path / "dagman.config").read_text().startswith("DAGMAN_")
    assert submission.logs == [submission.path / "run.dag.nodes.log"]


@pytest.mark.parametrize(
    "name", ["FW_HOME", "FW_REGISTRY", "FW_SITE", "FW_SECRETS", "HOME", "LANG", "PGPASSFILE", "TZ"]
)
def test_services_have_the_variables_that_say_where_things_are(run, plan, monkeypatch, name):
    monkeypatch.setenv(name, "told so")
    submission = SubmissionDirectory(run, 0)
    submission.write(plan(), history(), SHARED, LearnedResources(), False)
    assert f"'{name}': 'told so'" in (submission.path / "service.py").read_text()


def test_a_restart_leaves_out_jobs_that_are_done_and_tells_the_others_what_was(run, plan):
    files = [{"path": "a", "size": 3, "sha256": "abc", "archive": "home", "packed": [".gz", 2, "def"]}]
    facts = [end(10, files=files, made=[[1, "a"]]), end(20, 1, want="time"), end(20, 1)]
    submission = SubmissionDirectory(run, 1)
    written = submission.write(plan(), history(*facts), SHARED, LearnedResources(time_steps={"m2": 1}), False)
    assert (written.jobs, written.already_done) == (1, 1)
    (order,) = map(json.loads, (submission.path / "orders_0001.jsonl").read_bytes().splitlines())
    assert order == {"tries": {"20": 2}, "raised": 1, "known": {"a.gz": [2, "def"]}}
    assert dag_line(submission, 2).endswith(' 2 1 orders_0001.jsonl 0"')
    assert "JOB j1 " not in submission.dag.read_text()


def test_orders_of_a_shard_follow_each_other(run, plan):
    submission = SubmissionDirectory(run, 1)
    submission.write(plan(), history(end(10, 1), end(20, 1)), SHARED, LearnedResources(time_steps={"m1": 2}), False)
    first, second = (submission.path / "orders_0001.jsonl").read_bytes().splitlines(keepends=True)
    assert first == b'{"tries":{"10":1},"raised":2,"known":{}}\n'
    assert dag_line(submission, 1).endswith(' orders_0001.jsonl 0"')
    assert dag_line(submission, 2).endswith(f' orders_0001.jsonl {len(first)}"')
    assert json.loads(second) == {"tries": {"20": 1}, "known": {}}


def test_a_job_asks_at_once_for_the_memory_that_it_needed_before(run, plan):
    submission = SubmissionDirectory(run, 1)
    submission.write(plan(), history(), SHARED, LearnedResources(memory_mb={"m2": 300}), False)
    text = submission.dag.read_text()
    assert "(MemoryProvisioned ?: 0) < 300, 300" in text
    assert dag_line(submission, 1, "JOB") != dag_line(submission, 2, "JOB").replace("j2", "j1")


def sent(submission: SubmissionDirectory, job: int) -> list[str]:
    return dag_line(submission, job).partition('files="')[2].removesuffix('"').split(", ")


def test_without_a_shared_file_system_a_job_is_sent_what_others_made_and_what_it_reads(run, plan):
    external, url = a_file("/far/x.fits", external=True), a_file("https://x/y.fits", external=True)
    planned = plan(a_file("c", compression=".fz"), a_file("c", compression=".fz"), external, url)
    submission = SubmissionDirectory(run, 0)
    submission.write(planned, history(), TRANSFER, LearnedResources(), False)
    packed, known = str(submission.path / "plan_0001.jsonl.gz"), str(run.path / "known/0000/j1.json")
    assert sent(submission, 1) == [packed]
    assert sent(submission, 2) == [packed, known, "a.gz", "c.fz", "/far/x.fits"]
    assert Path(packed).read_bytes() == b"packed"
    assert (run.path / "home").is_dir()
    archive = submission.path / "job.pyz"
    assert archive.read_bytes().startswith(b"#!/usr/bin/env -S python3 -SI\nPK")
    assert os.access(archive, os.X_OK)


def test_what_may_be_missing_or_has_a_strange_name_is_asked_for_by_the_job(run, plan):
    planned = plan(a_file("maybe", optional=True), a_file("a, b"), a_file("a\nb"), a_file("/x\ny", external=True))
    submission = SubmissionDirectory(run, 0)
    submission.write(planned, history(), TRANSFER, LearnedResources(), False)
    assert sent(submission, 2)[2:] == ["a.gz"]
    targets = {os.readlink(path) for path in run.path.rglob("*") if path.is_symlink()}
    assert targets == {f"{planned.archive_root}/a\nb", "/x\ny"}


def test_two_files_of_one_name_from_outside_cannot_be_sent_together(run, plan):
    planned = plan(a_file("/one/x", external=True), a_file("/two/x", external=True))
    message = r"job 2 gets two files called x from outside \(/one/x, /two/x\).*ingest them"
    with pytest.raises(PlanError, match=message):
        SubmissionDirectory(run, 0).write(planned, history(), TRANSFER, LearnedResources(), False)


def test_a_job_that_goes_on_is_sent_its_orders_and_the_checksums_that_are_there(run, plan):
    (run.path / "known/0000").mkdir(parents=True)
    submission = SubmissionDirectory(run, 1)
    submission.write(plan(), history(end(20, 1)), TRANSFER, LearnedResources(), False)
    packed, orders = str(submission.path / "plan_0001.jsonl.gz"), str(submission.path / "orders_0001.jsonl")
    assert sent(submission, 2) == [packed, orders, "a.gz"]
    (run.path / "known/0000/j1.json").touch()
    submission.write(plan(), history(end(20, 1)), TRANSFER, LearnedResources(), False)
    assert sent(submission, 2) == [packed, orders, str(run.path / "known/0000/j1.json"), "a.gz"]


def test_a_late_block_has_a_dag_of_its_own(run, plan):
    submission = SubmissionDirectory(run, 0)
    submission.write(plan(), history(), TRANSFER, LearnedResources(), False)
    assert submission.write_late_block(plan(), 2, history(), TRANSFER, LearnedResources(), False) == 1
    assert [path.name for path in submission.dags] == ["run.dag", "late2.dag"]
    text = submission.dags[1].read_text()
    assert "JOB j2 " in text
    assert "JOB j1 " not in text
    assert submission.write_late_block(plan(), 1, history(end(10)), TRANSFER, LearnedResources(), False) == 0


# ---- learned resources


def log(submission: SubmissionDirectory, *memory_mb: int, job: int = 2) -> None:
    """Write the log of a job that was held for memory with each of these."""
    stamp = "(003.000.000) 2026-11-21 00:55:08"
    text = f"000 {stamp} Job submitted\n    DAG Node: j{job}\n...\n"
    for each in memory_mb:
        text += f"001 {stamp} Job executing\n\tMemory = {each}\n...\n"
        text += f"012 {stamp} Job was held.\n\ttoo big\n\tCode 34 Subcode 0\n...\n"
    submission.path.mkdir(parents=True, exist_ok=True)
    submission.dag.write_text("")
    submission.logs[0].write_text(text)


@pytest.mark.parametrize(
    ("steps", "held", "learned"),
    [
        ((100, 400), (), {}),
        ((100, 400), (100,), {"job 2": 400, "m2": 400}),
        ((100, 200, 400), (150,), {"job 2": 200, "m2": 200}),
        ((100, 200, 400), (200, 100), {"job 2": 400, "m2": 400}),
        ((100, 400), (400,), {"job 2": 400, "m2": 400}),
    ],
)
def test_memory_that_was_too_little_is_learned_as_the_step_above_it(run, plan, steps, held, learned):
    submission = SubmissionDirectory(run, 0)
    log(submission, *held)
    found = update_learned(submission, plan(memory=steps), history())
    assert found == LearnedResources(memory_mb=learned, counted=[0])
    assert read_learned(run) == found
    assert update_learned(submission, plan(memory=steps), history(end(20, 1, want="time"))) == found


def test_time_that_was_exceeded_is_learned_by_module_and_never_less(run, plan):
    facts = [end(20, 1, want="time"), end(20, 1, want="time"), end(10, 1, want="memory")]
    for start, given in enumerate((facts, facts[:1])):
        submission = SubmissionDirectory(run, start)
        log(submission)
        assert update_learned(submission, plan(), history(*given)).time_steps == {"m2": 2}
    assert read_learned(run).counted == [0, 1]


@pytest.mark.parametrize(
    ("earlier", "memory"),
    [
        ({}, {}),
        ({"u_r1p01": 100}, {"m": 100}),
        ({"u_r1p01": 100, "u_r1p02": 200}, {"m": 200}),
        ({"u_r1p04": 100}, {}),
        ({"u_r2p01": 100, "u_r1p1x": 100}, {}),
        ({"u_r1p03": 300, "u_r1p02": 200}, {"job 1": 300, "m": 300}),
    ],
)
def test_an_attempt_begins_with_what_the_newest_before_it_has_learned_of_modules(run, earlier, memory):
    for name, most in earlier.items():
        (run.path.parent / name).mkdir(exist_ok=True)
        record = {"memory_mb": {"job 1": most, "m": most}, "time_steps": {"m": 1}, "counted": [0]}
        (run.path.parent / name / FILE).write_text(json.dumps(record))
    found = read_learned(run)
    assert found.memory_mb == memory
    assert found.time_steps == ({"m": 1} if memory else {})
    assert found.counted == ([0] if "job 1" in memory else [])


def test_what_cannot_be_read_teaches_nothing(run):
    (run.path / FILE).write_text("{")
    assert read_learned(run) == LearnedResources()


def test_a_job_needs_the_most_of_what_it_and_its_modules_needed():
    learned = LearnedResources(memory_mb={"job 1": 100, "m": 300, "n": 200})
    assert [learned.memory_of(1, {"m", "n"}), learned.memory_of(1, {"x"}), learned.memory_of(2, {"x"})] == [300, 100, 0]
