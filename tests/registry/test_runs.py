"""Runs are found by name, and it is told how far they are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from framework.registry.ingest.ingester import ingest
from framework.registry.questions.attempts import NewBlock, NewModule, create_attempt
from framework.registry.questions.calls import calls, finished_calls
from framework.registry.questions.runs import UnknownRun, find_run, modules, progress, run_progress, runs


@pytest.fixture
def attempt(any_db, new_attempt, a_story, tmp_path):
    """Of four calls one is done, one failed, one runs, one was lost and is done by now."""
    attempt = create_attempt(any_db, new_attempt())
    story = a_story()
    story.tell("engine", "attempt.start")
    for job in (1, 2):
        story.queue(job)
        story.start_job(job, journal=f"worker{job}")
    story.call(1, 1, journal="worker1", module="scrape")
    story.call(1, 2, journal="worker1", status=3)
    story.end_job(1, journal="worker1", status=1)
    story.start_call(2, 3, journal="worker2")
    story.start_call(2, 4, journal="worker2")
    story.tell("engine", "job.lost", job=2, queue="q1", reason="killed")
    story.queue(2, queue="q2")
    story.start_job(2, queue="q2", journal="worker3")
    story.start_call(2, 3, queue="q2", journal="worker3")
    story.call(2, 4, queue="q2", journal="worker3")
    ingest(any_db, attempt, story.write(tmp_path))
    return attempt


def test_a_run_says_how_far_it_is(any_db, attempt):
    (row,) = runs(any_db)
    assert (row.run, row.state, row.pipeline, row.campaign, row.operator) == (
        *("HST1_r1p01", "running", "train", "cal", "olga"),
    )
    assert (row.jobs_expected, row.jobs_running, row.jobs_done, row.jobs_failed) == (2, 1, 0, 1)
    assert (row.calls_expected, row.calls_done) == (4, 2)
    assert row.elapsed is not None
    assert row.elapsed > 1e9
    found = find_run(any_db, "HST1_r1p01")
    assert replace(run_progress(any_db, found), elapsed=row.elapsed) == row
    assert progress(any_db, found) == (run_progress(any_db, found), modules(any_db, attempt))


def test_modules_say_how_far_they_are(any_db, attempt):
    scrape, train = modules(any_db, attempt)
    assert (scrape.module, scrape.calls_expected, scrape.calls_done, scrape.peak_memory) == ("scrape", 1, 1, 1000)
    assert (scrape.mean_wall, scrape.max_wall) == (5.0, 5.0)
    assert (train.calls_expected, train.calls_running, train.calls_done, train.calls_failed) == (3, 1, 1, 1)
    assert (train.mean_wall, train.max_wall, train.peak_memory) == (5.0, 5.0, 4000)


def test_calls_that_were_tried_once_and_again_are_told_together(any_db, new_attempt, a_story, tmp_path):
    attempt = create_attempt(any_db, new_attempt())
    story = a_story()
    story.start_job(1, calls=3)
    story.call(1, 2)
    story.clock += 10
    story.start_call(1, 3)
    story.clock += 5
    story.end_call(1, 3)
    story.call(1, 4, status=1)
    story.start_job(1, queue="q2", journal="worker2", calls=1)
    story.start_call(1, 4, queue="q2", journal="worker2")
    story.clock += 7
    story.end_call(1, 4, queue="q2", journal="worker2")
    ingest(any_db, attempt, story.write(tmp_path))
    _, train = modules(any_db, attempt)
    assert (train.calls_done, train.calls_failed, train.mean_wall, train.max_wall) == (3, 0, 9.0, 12.0)


def test_a_module_of_two_blocks_is_told_in_each(any_db, new_attempt, a_story, tmp_path):
    modules_of = (NewModule(name="train", number=1, calls=2),)
    blocks = tuple(NewBlock(number=n, name=name, modules=modules_of) for n, name in ((1, "first"), (2, "again")))
    attempt = create_attempt(any_db, new_attempt(blocks=blocks))
    story = a_story()
    story.start_job(1)
    story.call(1, 1)
    story.start_job(2, block=2)
    story.call(2, 3)
    story.call(2, 4, status=3)
    ingest(any_db, attempt, story.write(tmp_path))
    assert [
        (row.block, row.module, row.calls_done, row.calls_failed, row.mean_wall, row.peak_memory)
        for row in modules(any_db, attempt)
    ] == [("first", "train", 1, 0, 5.0, 1000), ("again", "train", 1, 1, 5.0, 4000)]


def test_a_new_run_has_modules_without_figures(any_db, new_attempt):
    attempt = create_attempt(any_db, new_attempt())
    assert [(row.module, row.calls_done, row.mean_wall, row.peak_memory) for row in modules(any_db, attempt)] == [
        ("scrape", 0, None, None),
        ("train", 0, None, None),
    ]
    assert find_run(any_db, "HST1").state == "new"


def test_every_try_at_a_call_is_told(any_db, attempt):
    assert [(row.wrapnum, row.jobnum, row.queue, row.state, row.status) for row in calls(any_db, attempt)] == [
        (1, 1, "q1", "done", 0),
        (2, 1, "q1", "failed", 3),
        (3, 2, "q1", "lost", -9),
        (3, 2, "q2", "running", None),
        (4, 2, "q1", "lost", -9),
        (4, 2, "q2", "done", 0),
    ]
    assert [row.wrapnum for row in calls(any_db, attempt, module="scrape")] == [1]
    assert [row.queue for row in calls(any_db, attempt, wrapnum=3)] == ["q1", "q2"]


def test_what_is_finished_need_not_be_done_again(any_db, attempt):
    assert finished_calls(any_db, attempt) == {1, 4}


@pytest.fixture
def three_runs(any_db, new_attempt):
    for unit, number in (("HST1", 1), ("HST1", 2), ("HSTX", 1)):
        user = "olga" if unit == "HST1" else "pete"
        run = f"{unit}_r1p{number:02}"
        create_attempt(any_db, new_attempt(unitname=unit, attnum=number, run=run, operator=user))


@pytest.mark.parametrize(
    ("name", "run"), [("HST1_r1p01", "HST1_r1p01"), ("HST1", "HST1_r1p02"), ("HSTX_r", "HSTX_r1p01")]
)
def test_a_run_is_found_by_name_unit_or_beginning(any_db, three_runs, name, run):
    assert find_run(any_db, name).run == run


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("HST2_r1p01", "no run is called 'HST2_r1p01': did you mean"),
        ("HST", "several runs begin with 'HST': HSTX_r1p01, HST1_r1p02, HST1_r1p01"),
        ("%", "no run is called '%'; fw stat lists them"),
        ("", "no run is called ''"),
    ],
)
def test_a_run_that_is_not_there_is_told_with_those_that_are(any_db, three_runs, name, message):
    with pytest.raises(UnknownRun, match=message):
        find_run(any_db, name)


def test_runs_are_chosen_by_who_and_how_new(any_db, three_runs):
    assert [row.run for row in runs(any_db)] == ["HST1_r1p01", "HST1_r1p02", "HSTX_r1p01"]
    assert [row.run for row in runs(any_db, operator="olga")] == ["HST1_r1p01", "HST1_r1p02"]
    assert [row.run for row in runs(any_db, newest=1)] == ["HSTX_r1p01"]
    assert runs(any_db, campaign="none") == []
