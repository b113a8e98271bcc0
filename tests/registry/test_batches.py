"""In however many batches journals are taken in, the registry comes to the same."""

from __future__ import annotations

import pytest

from framework.registry.admin.equality import differences
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.ancestry import ancestors, find_file
from framework.registry.questions.attempts import create_attempt


@pytest.fixture
def in_small_batches(monkeypatch):
    monkeypatch.setattr("framework.registry.ingest.journal_reader.PART_BYTES", 500)
    monkeypatch.setattr("framework.registry.ingest.journal_reader.BATCH_BYTES", 1000)


@pytest.fixture
def told(a_story):
    """A run of many calls by two workers: files are read in other batches than they are made in, and written again."""

    def tell(run="HST1_r1p01", calls=40):
        story = a_story(run)
        for job in (1, 2):
            story.start_job(job, journal=f"worker{job}", calls=calls)
        for call in range(1, calls + 1):
            job = call % 2 + 1
            reads = tuple(f"r/out/{number}.fits" for number in (call - 1, call + 3) if 0 < number <= calls)
            writes = (f"r/out/{call}.fits", "r/out/again.fits") if call % 7 == 0 else (f"r/out/{call}.fits",)
            story.call(job, call, journal=f"worker{job}", reads=reads, writes=writes)
        return story

    return tell


@pytest.fixture
def at_once(a_registry, new_attempt, tmp_path):
    """The same, taken in as a whole by a registry of its own."""

    def record(*stories):
        db = a_registry("at once")
        return db, [take_in(db, new_attempt, story, tmp_path / f"whole{at}", at) for at, story in enumerate(stories)]

    return record


def take_in(db, new_attempt, story, directory, at=0):
    attempt = create_attempt(db, new_attempt(run=story.run, attnum=at + 1))
    ingest(db, attempt, story.write(directory))
    assert ingest(db, attempt, directory) == 0
    return attempt


def test_many_batches_come_to_what_one_does(any_db, new_attempt, told, at_once, tmp_path, request, rows):
    whole, (expected,) = at_once(told())
    request.getfixturevalue("in_small_batches")
    attempt = take_in(any_db, new_attempt, told(), tmp_path / "small")
    assert differences(whole, expected, any_db, attempt) == []
    assert rows(any_db, "select count(*) from ingest_pending") == [(0,)]


def test_files_that_are_made_again_keep_their_rows(any_db, new_attempt, told, at_once, tmp_path, request, rows):
    whole, expected = at_once(told(), told("HST1_r1p02"))
    request.getfixturevalue("in_small_batches")
    attempts = [
        take_in(any_db, new_attempt, told(run), tmp_path / run, at)
        for at, run in enumerate(("HST1_r1p01", "HST1_r1p02"))
    ]
    assert differences(whole, expected[1], any_db, attempts[1]) == []
    assert rows(any_db, "select count(*), count(distinct path) from desfile where filetype = 'red'") == [(41, 41)]
    last = find_file(any_db, "r/out/40.fits")
    assert {file.path for file in ancestors(any_db, last.id).files.values()} == {
        file.path for file in ancestors(whole, find_file(whole, "r/out/40.fits").id).files.values()
    }


def test_refused_values_cost_their_own_lines_in_whichever_batch(
    any_db, new_attempt, told, at_once, tmp_path, request, rows
):
    def spoilt():
        story = told()
        ends = [fact for journal in story.journals.values() for fact in journal if fact["e"] == "call.end"]
        for end in (ends[0], ends[1], ends[20], ends[-1]):
            end["disk"] = 10**30
        return story

    whole, (expected,) = at_once(spoilt())
    request.getfixturevalue("in_small_batches")
    attempt = take_in(any_db, new_attempt, spoilt(), tmp_path / "small")
    refused = "select count(*) from task_message where message like '%the registry refuses it%'"
    assert rows(any_db, refused) == rows(whole, refused) == [(4,)]
    unfinished = "select count(*) from task where name = 'wrapper' and end_time is null"
    assert rows(any_db, unfinished) == rows(whole, unfinished) == [(4,)]
    found = [line for line in differences(whole, expected, any_db, attempt) if not line.startswith("task_message")]
    assert found == []
