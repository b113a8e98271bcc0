"""What a job on a pool takes over from its earlier executions, as tables of cases."""

from __future__ import annotations

from typing import Any

import pytest

from framework.worker.files.transfer import Checksum
from framework.worker.job.htcondor_job import EarlierExecutions
from framework.worker.job.spec import JobSpec
from framework.worker.journal.statuses import INFRASTRUCTURE, LOST


def a_file(path: str, **more: Any) -> dict[str, Any]:
    return {"label": path, "path": path, "job_path": path, "filetype": "x", **more}


def a_call(number: int, inputs: str = "", unkept: str = "", kept: str = "") -> dict[str, Any]:
    outputs = [*(a_file(path, saved=False) for path in unkept), *(a_file(path) for path in kept)]
    return {
        "number": number, "module": "m", "wrapper": "generic", "keys": {}, "log": a_file("log"),
        "inputs": [a_file(path) for path in inputs], "outputs": outputs, "execs": [], "needs": {},
    }  # fmt: skip


HEADER: Any = {
    "run": "r",
    "attempt": 1,
    "archive": "home",
    "archive_root": "/archive",
    "shard": "plan_0001.jsonl",
}
CALLS = [a_call(1, unkept="a"), a_call(2, inputs="a", kept="b"), a_call(3, inputs="b")]


def end(call: int, status: int = 0, try_number: int = 1, **more: Any) -> dict[str, Any]:
    return {"e": "call.end", "job": 1, "queue": "5.0", "call": call, "try": try_number, "status": status,
            "files": [], "made": [], **more}  # fmt: skip


def start(call: int, queue: str = "5.0") -> dict[str, Any]:
    return {"e": "call.start", "job": 1, "queue": queue, "call": call, "try": 1, "log": f"{call}.log", "module": "m"}


@pytest.fixture
def earlier():
    def make(facts: list[dict[str, Any]], **order: Any) -> EarlierExecutions:
        job: Any = {"number": 1, "block": 1, "keys": "", "calls": CALLS}
        pool_order: Any = order  # with the fields that a test needs
        return EarlierExecutions(JobSpec(HEADER, job), facts, pool_order)

    return make


@pytest.mark.parametrize(
    ("facts", "skip", "finished"),
    [
        pytest.param([], [], set(), id="nothing has run"),
        pytest.param([end(1)], [], set(), id="its file went with the directory"),
        pytest.param([end(1), end(2)], [], {1, 2}, id="nobody needs the file any more"),
        pytest.param([end(1), end(2), end(3)], [], {1, 2, 3}, id="all is done"),
        pytest.param([end(2)], [], {2}, id="what it made is kept"),
        pytest.param([], [1, 2], {1, 2}, id="an earlier submission did it"),
        pytest.param([end(2)], [1], {1, 2}, id="some here, some there"),
        pytest.param([], [1], set(), id="the file of an earlier submission is gone too"),
        pytest.param([end(1), end(2, 1)], [], set(), id="a failure is no end"),
        pytest.param([end(2, LOST)], [], set(), id="neither is a loss"),
    ],
)
def test_finished_calls_are_not_run_again_unless_their_files_are_gone(earlier, facts, skip, finished):
    assert earlier(facts, skip=skip).finished == finished


def test_tries_of_this_submission_are_added_to_those_before(earlier):
    state = earlier([end(1, 1), end(1, 1, try_number=2), end(2, LOST)], tries={"1": 3, "3": 1})
    assert state.tries == {"1": 5, "3": 1}


def test_time_is_raised_for_each_time_that_was_exceeded_and_not_for_memory(earlier):
    facts = [end(1, 1, want="time"), end(2, 1, want="time"), end(2, 1, want="memory")]
    assert earlier(facts).time_raises == 2
    assert earlier(facts, raised=2).time_raises == 4


def test_what_was_stored_here_and_before_is_known_with_its_checksum(earlier):
    files = [{"path": "b", "size": 3, "sha256": "abc", "archive": "home"}]
    state = earlier([end(2, files=files, made=[[1, "b"]])], known={"c": [4, "def"]})
    assert (state.stored, state.known) == ({"b": Checksum(3, "abc")}, {"c": Checksum(4, "def")})


def test_logs_of_calls_that_began_and_did_not_end_are_told_with_their_execution(earlier):
    assert earlier([start(1), end(1), start(2), start(3, "5.1")]).open_logs == [("2.log", "5.0"), ("3.log", "5.1")]


def test_a_machine_that_failed_is_no_failure_of_the_job(earlier):
    ends = [
        {"e": "job.end", "job": 1, "queue": f"5.{n}", "status": status}
        for n, status in enumerate((1, 0, INFRASTRUCTURE))
    ]
    assert earlier(ends).failures == 1
