"""The rules of a restart, as tables of cases: what facts come to, and which calls of a job run again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from framework.engines.history import RunHistory, calls_to_skip, forget_missing_files, job_is_done, read_history
from framework.engines.resource_steps import exceeded_by_call, has_further_step, requested_memory_mb
from framework.model.run import PlannedCall, PlannedJob, PlannedRun
from framework.worker.journal.restart_state import JobLocalFiles, RestartState, calls_to_repeat, fold
from framework.worker.journal.statuses import INFRASTRUCTURE, LOST


def start(call: int = 1, execution_id: str = "0.1", try_number: int = 1, job: int = 1) -> dict[str, Any]:
    return {"e": "call.start", "job": job, "queue": execution_id, "call": call, "try": try_number,
            "log": f"log/{call}.log", "module": "m"}  # fmt: skip


def end(
    call: int = 1, status: int = 0, execution_id: str = "0.1", try_number: int = 1, job: int = 1, **more: Any
) -> dict[str, Any]:
    return {"e": "call.end", "job": job, "queue": execution_id, "call": call, "try": try_number, "status": status,
            "files": [], "made": [], **more}  # fmt: skip


def file(path: str, archive: str | None = "home", **more: Any) -> dict[str, Any]:
    return {"path": path, "size": 3, "sha256": "abc", **({"archive": archive} if archive else {}), **more}


def job_fact(event: str, execution_id: str = "0.1", **more: Any) -> dict[str, Any]:
    return {"e": event, "job": 1, "queue": execution_id, **more}


@pytest.fixture
def a_job():
    def make(*calls: PlannedCall, memory: tuple[int, ...] = (0,), time_steps: int = 0) -> PlannedJob:
        return PlannedJob(
            number=1, block=1, parents=(), calls=calls or (a_call(1),), max_retries=0, cpus=1, memory_steps_mb=memory,
            time_steps=time_steps, shard="plan_0001.jsonl", offset=0, gpus=0, software=(),
        )  # fmt: skip

    return make


@pytest.fixture
def a_plan(a_job, tmp_path):
    def make(*jobs: PlannedJob, **more: Any) -> PlannedRun:
        found: dict[str, Any] = {
            "run": "u_r1p01", "attempt": 7, "archive": "home", "archive_root": str(tmp_path), "archive_path": "u",
            "barriers": True, "epilogue": "", "programs": (), "software": {}, "gpus": None, "max_running": {},
            "jobs": {job.number: job for job in jobs or (a_job(),)},
        }  # fmt: skip
        return PlannedRun(**{**found, **more})

    return make


def a_call(
    number: int, inputs: tuple[str, ...] = (), kept: tuple[str, ...] = (), unkept: tuple[str, ...] = ()
) -> PlannedCall:
    return PlannedCall(number=number, module="m", kept=kept, unkept=unkept, inputs=inputs)


# ---- the fold of facts


@pytest.mark.parametrize(
    ("facts", "finished", "tries", "still_open"),
    [
        pytest.param([], set(), {}, [], id="nothing"),
        pytest.param([start()], set(), {}, [1], id="begun"),
        pytest.param([start(), end()], {1}, {1: 1}, [], id="finished"),
        pytest.param([start(), end(status=1)], set(), {1: 1}, [], id="failed"),
        pytest.param([start(), end(status=INFRASTRUCTURE)], set(), {1: 1}, [], id="failed by its machine"),
        pytest.param([start(), end(status=LOST)], set(), {}, [], id="lost, and closed on record: no try"),
        pytest.param([end(status=LOST), start()], set(), {}, [], id="closed in a journal that is read first"),
        pytest.param([start(), end(status=1), start(try_number=2), end(try_number=2)], {1}, {1: 2}, [], id="2nd try"),
        pytest.param([start(), end(status=1), start(try_number=2)], set(), {1: 1}, [1], id="2nd try is open"),
        pytest.param([start(), start(execution_id="0.2"), end(execution_id="0.2")], {1}, {1: 1}, [1],
                     id="the end of one execution does not close another"),
        pytest.param([start(1), start(2), end(2)], {2}, {2: 1}, [1], id="calls are apart"),
        pytest.param([start(), end(), end()], {1}, {1: 2}, [], id="as often as its end is on record"),
    ],
)  # fmt: skip
def test_facts_come_to_finished_tried_and_open_calls(facts, finished, tries, still_open):
    state = fold(facts)
    assert state.finished == finished
    assert dict(state.tries) == tries
    assert [call.call for call in state.open_calls] == still_open


def test_a_success_of_an_outdated_call_is_a_try_and_does_not_finish_it():
    state = RestartState()
    state.apply(end(1), outdated={1})
    state.apply(end(2), outdated={1})
    assert (state.finished, dict(state.tries)) == ({2}, {1: 1, 2: 1})


def test_what_was_exceeded_is_counted_by_call_and_resource():
    state = fold([end(1, 1, want="memory"), end(1, 1, want="memory"), end(1, 1, want="time"), end(2, 1, want="time")])
    assert dict(state.exceeded) == {(1, "memory"): 2, (1, "time"): 1, (2, "time"): 1}


def test_only_files_that_an_archive_holds_are_stored_by_their_name_there():
    files = [file("a.fits"), file("b.fits", packed=[".fz", 2, "def"]), file("c", None), file("/raw/d", "external")]
    state = fold([end(files=files, made=[[0, "x.log"], [1, "a.fits"], [1, "b.fits"], [1, "c"]])])
    assert state.stored == {"a.fits": (3, "abc"), "b.fits.fz": (2, "def")}
    assert state.made == {1: ("a.fits", "b.fits.fz")}
    assert state.logs == {"x.log"}


@pytest.mark.parametrize(
    ("facts", "still_open", "failures"),
    [
        pytest.param([job_fact("job.queue")], [(1, "0.1")], 0, id="queued"),
        pytest.param([job_fact("job.queue"), job_fact("job.end", status=0)], [], 0, id="ended"),
        pytest.param([job_fact("job.start"), job_fact("job.end", status=1)], [], 1, id="failed"),
        pytest.param([job_fact("job.start"), job_fact("job.end", status=INFRASTRUCTURE)], [], 0, id="machine failed"),
        pytest.param([job_fact("job.lost", reason="x"), job_fact("job.start")], [], 0, id="lost, read out of order"),
        pytest.param([job_fact("job.queue", "0.2"), job_fact("job.queue")], [(1, "0.1"), (1, "0.2")], 0, id="two"),
    ],
)
def test_facts_come_to_open_executions_and_failures_of_jobs(facts, still_open, failures):
    state = fold(facts)
    assert (state.open_jobs, state.failures) == (still_open, failures)


# ---- calls of a job that run again


@pytest.mark.parametrize(
    ("calls", "finished", "repeated"),
    [
        pytest.param([(1, "", ""), (2, "", "")], {1, 2}, set(), id="all is done"),
        pytest.param([(1, "a", ""), (2, "", "a")], set(), set(), id="nothing is done"),
        pytest.param([(1, "a", ""), (2, "", "a")], {1}, {1}, id="an unkept file is needed"),
        pytest.param([(1, "a", ""), (2, "", "b")], {1}, set(), id="another file is needed"),
        pytest.param([(1, "a", ""), (2, "", "a")], {1, 2}, set(), id="its reader is done"),
        pytest.param([(1, "a", ""), (2, "b", "a"), (3, "", "b")], {1, 2}, {1, 2}, id="a chain of unkept files"),
        pytest.param([(1, "a", ""), (2, "", "a"), (3, "", "b")], {1, 2}, set(), id="a chain with a kept file in it"),
        pytest.param([(1, "ab", ""), (2, "", "a"), (3, "", "b")], {1, 2}, {1}, id="one of two readers is left"),
        pytest.param([(1, "a", ""), (2, "b", ""), (3, "", "ab")], {1, 2}, {1, 2}, id="two makers"),
    ],
)
def test_a_finished_call_runs_again_when_a_later_one_needs_its_unkept_file(calls, finished, repeated):
    assert calls_to_repeat((JobLocalFiles(*call) for call in calls), finished) == repeated


def test_the_engine_skips_the_finished_calls_of_a_job_that_are_not_repeated(a_job):
    job = a_job(a_call(1, unkept=("a",)), a_call(2, inputs=("a",), kept=("b",)), a_call(3, kept=("c",)))
    assert calls_to_skip(job, fold([end(1), end(3), end(99)])) == {3}
    assert calls_to_skip(job, fold([end(1), end(2)])) == {1, 2}
    assert calls_to_skip(job, fold([])) == set()
    assert [job_is_done(job, fold(facts)) for facts in ([end(1), end(2)], [end(1), end(2), end(3)])] == [False, True]


# ---- memory and time


@pytest.mark.parametrize(
    ("exceeded", "memory", "further"),
    [
        pytest.param([], 100, (True, True), id="never"),
        pytest.param(["memory"], 200, (True, True), id="memory once"),
        pytest.param(["memory"] * 2, 400, (True, True), id="memory twice"),
        pytest.param(["memory"] * 3, 400, (False, True), id="no step is left for memory"),
        pytest.param(["time"], 100, (True, True), id="time has steps of its own"),
        pytest.param(["time"] * 2, 100, (True, False), id="no step is left for time"),
    ],
)
def test_what_was_exceeded_decides_what_is_asked_for_next(a_job, exceeded, memory, further):
    job = a_job(memory=(100, 200, 400), time_steps=2)
    state = fold([end(1, 1, want=want) for want in exceeded])
    assert requested_memory_mb(job, state) == memory
    assert (has_further_step(job, state, "memory"), has_further_step(job, state, "time")) == further


def test_an_order_names_the_calls_that_exceeded_something(a_job):
    state = fold([end(1, 1, want="time"), end(2, 1)])
    assert exceeded_by_call(a_job(a_call(1), a_call(2)), state) == {"1": {"time": 1}}


# ---- the journals of a run


def write_journal(directory: Path, name: str, *facts: dict[str, Any], attempt: int = 7, start: int = 0) -> None:
    lines = [{"e": "open", "t": 0.0, "attempt": attempt, "start": start}, *({"t": 1.0, **fact} for fact in facts)]
    (directory / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_run_that_never_began_starts_with_number_zero(a_plan, tmp_path):
    history = read_history(tmp_path, a_plan())
    assert (history.start, history.finished, history.is_over) == (0, set(), False)


def test_the_next_start_follows_the_newest_journal_even_if_that_is_empty(a_plan, tmp_path):
    write_journal(tmp_path, "engine-0")
    (tmp_path / "worker-3-0-1.jsonl").touch()
    assert read_history(tmp_path, a_plan()).start == 4


def test_journals_of_another_attempt_and_live_reports_decide_nothing(a_plan, tmp_path):
    write_journal(tmp_path, "worker-0-0-1", end(1), attempt=6)
    write_journal(tmp_path, "live-0-1", end(1))
    assert read_history(tmp_path, a_plan()).finished == set()


@pytest.mark.parametrize(("begun_with", "finished"), [(0, {1, 2}), (1, {2}), (2, set())])
def test_results_from_before_a_changed_configuration_are_outdated(a_plan, tmp_path, begun_with, finished):
    write_journal(tmp_path, "worker-0-0-1", end(1))
    write_journal(tmp_path, "worker-1-0-1", end(2), start=1)
    assert read_history(tmp_path, a_plan(since={1: begun_with, 2: begun_with})).finished == finished


@pytest.mark.parametrize(
    ("ends", "is_over"), [({0: 0}, True), ({0: 1}, False), ({0: 0, 1: 1}, False), ({0: 1, 1: 0}, True)]
)
def test_a_run_is_over_when_its_newest_start_ended_well(a_plan, tmp_path, ends, is_over):
    for number, status in ends.items():
        write_journal(tmp_path, f"engine-{number}", {"e": "attempt.end", "status": status}, start=number)
    assert read_history(tmp_path, a_plan()).is_over is is_over


def test_a_block_has_ended_when_its_end_is_newer_than_its_beginning(a_plan, tmp_path):
    times = [
        ("start", 1, 1.0),
        ("end", 1, 2.0),
        ("start", 2, 1.0),
        ("end", 2, 2.0),
        ("start", 2, 3.0),
        ("start", 3, 1.0),
    ]
    write_journal(tmp_path, "engine-0", *({"e": f"block.{what}", "block": block, "t": t} for what, block, t in times))
    assert read_history(tmp_path, a_plan()).ended_blocks == {1}


def test_planned_late_blocks_and_archived_files_of_the_run_are_remembered(a_plan, tmp_path):
    write_journal(
        tmp_path, "engine-0", {"e": "block.plan", "block": 2}, {"e": "attempt.files", "files": [file("p.gz")]}
    )
    history = read_history(tmp_path, a_plan())
    assert (history.planned_blocks, history.archived_files) == ({2}, {"p.gz"})


@pytest.mark.parametrize(
    ("on_disk", "finished", "missing"),
    [
        pytest.param({"a": 3, "b": 3}, {1, 2}, [], id="all is there"),
        pytest.param({"b": 3}, set(), ["a"], id="what was made from a missing file is made again too"),
        pytest.param({"a": 3}, {1}, ["b"], id="what a missing file was made from stays"),
        pytest.param({"a": 2, "b": 3}, set(), ["a"], id="a file of another size is missing"),
    ],
)
def test_calls_whose_files_are_gone_are_taken_back(a_job, a_plan, tmp_path, on_disk, finished, missing):
    for name, size in on_disk.items():
        (tmp_path / name).write_bytes(b"x" * size)
    history = RunHistory()
    history.apply(end(1, files=[file("a")], made=[[1, "a"]]))
    history.apply(end(2, files=[file("b")], made=[[1, "b"]]))
    plan = a_plan(a_job(a_call(1, kept=("a",)), a_call(2, inputs=("a",), kept=("b",))))
    assert forget_missing_files(history, plan) == missing
    assert history.finished == finished
