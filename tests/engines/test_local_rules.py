"""Rules of the local engine, one by one: what starts next, what is tried again, what is staged and kept."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from framework.engines.engine import JobProblem, JobState
from framework.engines.local.retry_policy import RetryPolicy
from framework.engines.local.schedule import Capacity, Schedule
from framework.engines.lost_calls import close_calls
from framework.engines.plan_files import archive_files
from framework.engines.staged_inputs import AwaitedFiles, files_to_stage, readers_of_files, staging_problems
from framework.model.run import PlannedCall, PlannedJob, PlannedRun
from framework.worker.journal.journal import Journal
from framework.worker.journal.restart_state import OpenCall, RestartState
from framework.worker.journal.statuses import INFRASTRUCTURE, LOST


def a_job(number: int, module: str = "a", inputs: tuple[str, ...] = (), **more: Any) -> PlannedJob:
    call = PlannedCall(number=number, module=module, kept=(), unkept=(), inputs=inputs)
    given: dict[str, Any] = {
        "block": 1, "parents": (), "max_retries": 0, "cpus": 1, "memory_steps_mb": (0,), "time_steps": 0, "gpus": 0,
        "software": (), **more,
    }  # fmt: skip
    return PlannedJob(number=number, calls=(call,), shard="", offset=0, **given)


def a_run(*jobs: PlannedJob, **more: Any) -> PlannedRun:
    given: dict[str, Any] = {"archive_root": "/a", "barriers": False, "max_running": {}, **more}
    return PlannedRun(
        run="r", attempt=1, archive="home", archive_path="p", epilogue="", programs=(), software={}, gpus=None,
        jobs={job.number: job for job in jobs}, **given,
    )  # fmt: skip


def started(schedule: Schedule) -> list[int]:
    found = []
    while (job := schedule.start_next()) is not None:
        found.append(job.number)
    return found


@pytest.mark.parametrize(
    ("jobs", "capacity", "first"),
    [
        pytest.param([{}, {}, {}], Capacity(2, 0), [1, 2], id="as many as there are slots"),
        pytest.param([{"cpus": 2}, {}, {}], Capacity(3, 0), [1, 2], id="processors are slots"),
        pytest.param([{}, {"cpus": 3}, {}], Capacity(3, 0), [1, 3], id="a small one passes a large one"),
        pytest.param([{"cpus": 9}, {}], Capacity(3, 0), [1], id="one that is too large has the machine to itself"),
        pytest.param([{"memory_steps_mb": (60,)}, {"memory_steps_mb": (41,)}, {"memory_steps_mb": (40,)}],
                     Capacity(9, 100), [1, 3], id="memory to the last MB"),
        pytest.param([{"memory_steps_mb": (900,)}], Capacity(9, 100), [1], id="too much memory has all of it"),
        pytest.param([{"gpus": 1}, {"gpus": 2}, {"gpus": 1}, {"gpus": 1}], Capacity(9, 0, 2), [1, 3], id="processors"),
        pytest.param([{"gpus": 5}], Capacity(9, 0, None), [1], id="nobody counts graphics processors"),
        pytest.param([{"gpus": 1}], Capacity(9, 0, 0), [], id="there are no graphics processors"),
    ],
)  # fmt: skip
def test_what_fits_starts_in_the_order_of_numbers(jobs, capacity, first):
    assert started(Schedule(a_run(*(a_job(n, **job) for n, job in enumerate(jobs, 1))), capacity)) == first


def test_graphics_processors_are_given_and_come_back():
    schedule = Schedule(a_run(a_job(1, gpus=1), a_job(2, gpus=1), a_job(3, gpus=2)), Capacity(9, 0, 2))
    assert started(schedule) == [1, 2]
    assert schedule.gpus == {1: [0], 2: [1]}
    schedule.finish(2)
    schedule.requeue(1)
    assert schedule.gpus == {}
    assert started(schedule) == [1]
    assert schedule.gpus == {1: [0]}
    schedule.finish(1)
    assert started(schedule) == [3]
    assert schedule.gpus == {3: [0, 1]}


def test_a_job_that_grew_waits_for_that_much_memory():
    schedule = Schedule(a_run(a_job(1, memory_steps_mb=(40, 80)), a_job(2, memory_steps_mb=(50,))), Capacity(9, 100))
    assert started(schedule) == [1, 2]
    schedule.requeue(1, 80)
    assert started(schedule) == []
    schedule.finish(2)
    assert started(schedule) == [1]
    schedule.requeue(1)
    assert (started(schedule), schedule.running, schedule.done) == ([1], {1}, {2})


def test_blocks_wait_for_each_other_where_they_are_to_and_their_ends_are_told():
    jobs = (a_job(1), a_job(2), a_job(3, block=2))
    schedule = Schedule(a_run(*jobs, barriers=True), Capacity(9, 0))
    assert (started(schedule), schedule.has_ready, schedule.skipped) == ([1, 2], True, 1)
    assert (schedule.finish(1), schedule.finish(2)) == (False, True)
    assert (started(schedule), schedule.has_ready, schedule.skipped) == ([3], False, 0)
    assert started(Schedule(a_run(*jobs), Capacity(9, 0))) == [1, 2, 3]
    assert started(Schedule(a_run(*jobs, barriers=True), Capacity(9, 0), done=frozenset({1, 2}))) == [3]


def test_a_module_at_its_limit_lets_others_pass():
    schedule = Schedule(a_run(a_job(1), a_job(2), a_job(3, "b"), max_running={"a": 1}), Capacity(9, 0))
    assert started(schedule) == [1, 3]
    schedule.fail(1)
    assert (started(schedule), schedule.failed) == ([2], {1})


def test_what_waits_for_a_failed_job_or_for_broken_software_never_starts():
    schedule = Schedule(a_run(a_job(1), a_job(2, parents=(1,)), a_job(3, software=("x",))), Capacity(1, 0))
    assert [schedule.exclude_software("x"), schedule.exclude_software("x")] == [True, False]
    assert started(schedule) == [1]
    schedule.fail(1)
    assert (started(schedule), schedule.skipped) == ([], 2)


def test_a_job_waits_for_its_parents_and_for_files_that_come():
    schedule = Schedule(a_run(a_job(1), a_job(2, parents=(1,))), Capacity(9, 0), coming={1: 2, 2: 1})
    assert started(schedule) == []
    schedule.file_arrived(1)
    assert started(schedule) == []
    schedule.file_arrived(1)
    assert started(schedule) == [1]
    schedule.finish(1)
    assert started(schedule) == []
    schedule.file_arrived(2)
    assert started(schedule) == [2]


def test_a_block_that_is_planned_later_is_added():
    run = a_run(a_job(1), barriers=True)
    schedule = Schedule(run, Capacity(9, 0))
    assert started(schedule) == [1]
    schedule.finish(1)
    schedule.extend(a_run(a_job(1), a_job(2, block=2, parents=(1,)), a_job(3, block=2), barriers=True), {3: 1})
    assert started(schedule) == [2]
    assert schedule.finish(2) is False
    schedule.file_arrived(3)
    assert started(schedule) == [3]
    assert schedule.finish(3) is True


@pytest.mark.parametrize(
    ("failures", "retries", "again"),
    [
        ([1], 0, [False]),
        ([1, 1, 1], 2, [True, True, False]),
        ([INFRASTRUCTURE] * 3, 0, [True, True, False]),
        ([INFRASTRUCTURE, 1, INFRASTRUCTURE, 1], 1, [True, True, True, False]),
    ],
)
def test_a_job_is_tried_again_by_whose_fault_it_was(failures, retries, again):
    policy = RetryPolicy()
    job = a_job(1, max_retries=retries)
    assert [policy.may_retry(job, status, None, RestartState()) for status in failures] == again


def test_a_job_that_may_ask_for_more_is_tried_again_and_that_counts_as_no_failure():
    policy, state = RetryPolicy(), RestartState()
    job = a_job(1, memory_steps_mb=(100, 200))
    assert policy.may_retry(job, 1, "memory", state)
    state.exceeded[1, "memory"] = 2
    assert not policy.may_retry(job, 1, "memory", state)


@pytest.fixture
def staging(tmp_path: Path) -> PlannedRun:
    """Three jobs that read files of other archives, one of which is here already."""
    (tmp_path / "here").touch()
    files = {"here": ("far", "here"), "x.gz": ("far", "x"), "y": ("tape", "y"), "z": ("far", "z")}
    jobs = (a_job(1, inputs=("here", "x.gz")), a_job(2, inputs=("x.gz", "y", "own")), a_job(3, inputs=("z",)))
    return a_run(*jobs, archive_root=str(tmp_path), staging=files)


def test_files_that_are_not_here_are_staged_for_the_jobs_that_read_them(staging):
    missing = files_to_stage(staging)
    assert missing == {"x.gz": "far", "y": "tape", "z": "far"}
    assert readers_of_files(staging, missing, [3]) == {"x.gz": [1, 2], "y": [2], "z": []}
    assert readers_of_files(staging, [], []) == {}
    assert staging_problems(staging, [2, 3]) == (
        JobProblem(1, JobState.WAITING, "for x.gz of archive far", "it is staged by itself"),
    )


def test_jobs_wait_until_their_files_have_come(staging):
    awaited = AwaitedFiles(staging, [3])
    assert awaited.archives == {"x.gz": "far", "y": "tape"}
    assert awaited.count_by_job == {1: 1, 2: 2}
    assert list(awaited.report_lines()) == [
        "2 jobs waiting for 1 file of archive far", "1 job waiting for 1 file of archive tape"
    ]  # fmt: skip
    assert awaited.remove("x.gz") == [1, 2]
    assert awaited.remove("x.gz") == []
    assert (awaited.archives, awaited.count_by_job) == ({"y": "tape"}, {2: 1})


def test_plan_files_are_archived_once_packed_and_read_only(tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(name)
    run = a_run(archive_root=str(tmp_path / "archive"))
    paths = [tmp_path / name for name in ("one", "two", "three")]
    records = archive_files(paths, run, {"p/submit/two.gz"})
    assert [record["path"] for record in records] == ["p/submit/one.gz", "p/submit/three.gz"]
    for name in ("one", "three"):
        kept = tmp_path / f"archive/p/submit/{name}.gz"
        assert (gzip.decompress(kept.read_bytes()), kept.stat().st_mode & 0o222) == (name.encode(), 0)
    assert (records[0]["archive"], records[0]["size"]) == (
        "home",
        (tmp_path / "archive/p/submit/one.gz").stat().st_size,
    )
    assert sorted(path.name for path in (tmp_path / "archive/p/submit").iterdir()) == ["one.gz", "three.gz"]


def test_lost_calls_are_closed_and_their_logs_get_names_of_their_own(tmp_path):
    for name in ("1.log", "2.log"):
        (tmp_path / name).write_text(name)
    calls = [
        OpenCall({"job": 1, "queue": "0.1", "call": call, "try": 1, "log": f"{call}.log", "module": "m"})
        for call in (3, 2, 1)
    ]
    journal = Journal(str(tmp_path), "engine-0", run="r", attempt=1)
    close_calls(calls, journal, "home", str(tmp_path), "its worker died", in_use={"2.log"})
    journal.close()
    facts = [json.loads(line) for line in (tmp_path / "engine-0.jsonl").read_text().splitlines()]
    found = [
        (fact["call"], fact["status"], [file["path"] for file in fact["files"]])
        for fact in facts
        if fact["e"] == "call.end"
    ]
    assert found == [(1, LOST, ["1_lost0.1.log"]), (2, LOST, []), (3, LOST, [])]
    assert (tmp_path / "1_lost0.1.log").stat().st_mode & 0o222 == 0
    assert (tmp_path / "2.log").exists()
    assert not (tmp_path / "1.log").exists()
