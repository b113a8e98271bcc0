"""What jobs and calls had to say, and why calls failed."""

from __future__ import annotations

import pytest

from framework.registry.ingest.ingester import ingest
from framework.registry.questions.attempts import create_attempt
from framework.registry.questions.calls import calls
from framework.registry.questions.messages import FailureRow, failures, messages
from framework.registry.questions.run_messages import unresolved_errors


@pytest.fixture
def attempt(any_db, new_attempt, a_story, tmp_path):
    """Call 1 failed, 2 was lost and is done by now, 3 was lost and runs again."""
    attempt = create_attempt(any_db, new_attempt())
    story = a_story()
    for queue in ("q1", "q2"):
        story.queue(1, queue=queue)
        story.start_job(1, queue=queue)
        for number in (1, 2, 3):
            story.start_call(1, number, queue=queue)
            if queue == "q1" or number == 1:
                at = {"job": 1, "queue": queue, "call": number, "try": 1}
                story.tell("worker", "message", **at, level=1, text=f"no star in {queue}")
                story.tell("worker", "message", **at, level=3, text="two files")
            if number != 3 or queue == "q1":
                status = 0 if (queue, number) == ("q2", 2) else 3
                story.end_call(1, number, queue=queue, status=status)
        story.tell("worker", "message", job=1, queue=queue, level=2, text=f"not all of {queue}")
    ingest(any_db, attempt, story.write(tmp_path))
    return attempt


def test_a_call_that_failed_and_is_not_done_since_is_told_with_its_newest_reason(any_db, attempt):
    assert failures(any_db, attempt) == [
        FailureRow(wrapnum=1, module="train", keys='{"n":1}', reason="no star in q2"),
    ]


def test_what_matters_is_what_nothing_later_has_put_right(any_db, attempt):
    assert [(one.jobnum, one.wrapnum, one.text) for one in unresolved_errors(any_db, attempt)] == [(1, 1, "broken")]


def test_errors_and_warnings_are_known_by_who_said_them(any_db, attempt):
    rows = {(row.queue, row.wrapnum): row for row in calls(any_db, attempt)}
    said = messages(any_db, attempt)
    assert said[rows["q1", 2].task_id] == ["no star in q1"]
    assert rows["q2", 2].task_id not in said
    assert said[rows["q2", 1].job_task_id] == ["not all of q2"]
