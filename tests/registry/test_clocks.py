"""States are those of the latest start by its number, whatever the clocks say, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

import pytest

from framework.registry.database.connection import Registry
from framework.registry.ingest.ingester import Ingester, ingest
from framework.registry.questions.attempts import create_attempt
from framework.registry.questions.files import find_in_archive
from framework.registry.questions.runs import find_run
from tests.fixtures.runs import Story

STATE = "select a.processing_state, t.status from attempt_state a, pfw_attempt p, task t where p.task_id = t.id"
BLOCK = "select t.status from pfw_block b, task t where b.task_id = t.id"

Rows = Callable[[Registry, str], list[tuple[object, ...]]]


def a_start(story: Story, number: int, *, clock: float, status: int | None) -> None:
    """Let a story tell of one start of the run, by a clock; without an end where there is no status."""
    story.clock = clock
    journal = f"engine-{number}"
    story.tell(journal, "attempt.start")
    story.journals[journal][0] |= {"start": number}
    story.tell(journal, "block.start", block=1)
    if status is not None:
        story.tell(journal, "block.end", block=1, status=status)
        story.tell(journal, "attempt.end", status=status)


def readings(story: Story) -> Iterator[list[Story]]:
    """Yield ways in which the journals may come: all at once, and one after another in any order."""
    yield [story]
    for order in permutations(story.journals):
        steps = []
        for count in range(1, len(order) + 1):
            step = Story(story.run)
            step.journals = {name: story.journals[name] for name in order[:count]}
            steps.append(step)
        yield steps


CLOCKS = {
    "right": (1e9, 1e9 + 100),
    "30 s back": (1e9, 1e9 - 30),
    "a day back": (1e9, 1e9 - 86_400),
    "3 days ahead before it was put right": (1e9 + 3 * 86_400, 1e9),
    "before 1970 was left": (1e9, 5.0),
}
ENDS = {
    "failed, then done": ((1, 0), ("PASS", 0)),
    "killed, then done": ((None, 0), ("PASS", 0)),
    "failed, then failed": ((1, 2), ("FAIL", 2)),
    "failed, then runs": ((1, None), ("NEW", None)),
    "killed, then runs": ((None, None), ("NEW", None)),
}


def check_every_reading(db: Registry, new_attempt, rows: Rows, tmp_path: Path, clocks, ends) -> None:
    """Ingest two starts of a run in every order of their journals, and check state, block and duration."""
    statuses, (state, status) = ends
    for way in range(3):
        story = Story(f"HST{way}_r1p01")
        for number, (clock, end) in enumerate(zip(clocks, statuses, strict=True)):
            a_start(story, number, clock=clock, status=end)
        attempt = create_attempt(db, new_attempt(unitname=f"HST{way}", run=story.run))
        for step in list(readings(story))[way]:
            ingest(db, attempt, step.write(tmp_path / f"journals {way}"))  # each by an ingester of its own
        assert rows(db, f"{STATE} and p.id = {attempt} and a.pfw_attempt_id = p.id") == [(state, status)], way
        assert set(rows(db, f"{BLOCK} and b.pfw_attempt_id = {attempt} and b.blknum = 1")) == {(status,)}, way
        elapsed = find_run(db, story.run).elapsed
        assert elapsed is None or elapsed >= 0


@pytest.mark.parametrize("clocks", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
def test_the_latest_start_decides_whatever_the_clock_says(a_registry, new_attempt, rows, tmp_path, clocks, ends):
    check_every_reading(a_registry(), new_attempt, rows, tmp_path, clocks, ends)


@pytest.mark.parametrize("ends", ENDS.values(), ids=ENDS)
def test_the_latest_start_decides_on_postgresql_too(a_postgres_registry, new_attempt, rows, tmp_path, ends):
    check_every_reading(a_postgres_registry(), new_attempt, rows, tmp_path, CLOCKS["a day back"], ends)


def test_a_clock_that_goes_back_within_a_start_does_not_leave_it_running(any_db, new_attempt, rows, tmp_path):
    story = Story()
    a_start(story, 0, clock=1e9, status=None)
    story.clock = 1e9 - 10_800
    story.tell("engine-0", "block.end", block=1, status=0)
    story.tell("engine-0", "attempt.end", status=0)
    ingest(any_db, create_attempt(any_db, new_attempt()), story.write(tmp_path / "journals"))
    assert rows(any_db, STATE) == [("PASS", 0)]
    assert rows(any_db, BLOCK) == [(0,)]
    assert find_run(any_db, story.run).elapsed is None


@pytest.mark.parametrize("is_one_ingester", [True, False])
def test_a_file_that_a_later_start_made_again_is_the_newest_though_its_time_is_not(
    any_db, new_attempt, a_story, tmp_path, is_one_ingester
):
    story, attempt = a_story(), create_attempt(any_db, new_attempt())
    story.tell("note-1796136679.119811-27514", "message", level=3, text="restarted")  # its number is a time
    for number, clock in enumerate((1e9, 1e9 - 86_400)):
        story.clock = clock
        story.call(1, 1, queue=f"q{number}", journal=f"worker-{number}", writes=("r/out.fits",), reads=())
        story.journals[f"worker-{number}"][0] |= {"start": number}
        facts = story.journals[f"worker-{number}"]
        next(file for file in facts[-1]["files"] if file["path"] == "r/out.fits")["sha256"] = f"of start {number}"
        if not is_one_ingester:
            ingest(any_db, attempt, story.write(tmp_path / "journals"))
    ingest(any_db, attempt, story.write(tmp_path / "journals"))
    assert find_in_archive(any_db, "home", ["r/out.fits"])["r/out.fits"].sha256 == "of start 1"


def test_one_ingester_that_follows_three_starts_tells_each_state(any_db, new_attempt, rows, tmp_path):
    story, attempt = Story(), create_attempt(any_db, new_attempt())
    seen = []
    with Ingester(any_db, attempt, tmp_path / "journals") as ingester:
        for number, (clock, status) in enumerate(((1e9, 1), (1e9 - 500, 3), (1e9 - 9000, 0))):
            a_start(story, number, clock=clock, status=None)
            story.write(tmp_path / "journals")
            ingester.step()
            seen += rows(any_db, STATE)
            story.tell(f"engine-{number}", "block.end", block=1, status=status)
            story.tell(f"engine-{number}", "attempt.end", status=status)
            story.write(tmp_path / "journals")
            ingester.step()
            seen += rows(any_db, STATE)
    assert seen == [("NEW", None), ("FAIL", 1), ("NEW", None), ("FAIL", 3), ("NEW", None), ("PASS", 0)]
