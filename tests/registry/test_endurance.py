"""Long journals, many kills, many runs at once, and a server that is away: whatever happens, nothing is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import event

from framework.registry.admin.equality import differences
from framework.registry.database.opening import open_registry
from framework.registry.ingest.ingester import Ingester, ingest
from framework.registry.questions.attempts import create_attempt

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture
def long_journals(a_story, tmp_path, long_form):
    """20,000 records of two workers' journals: calls that read what earlier ones made, and some that failed.

    In the short form there are 8,000.
    """

    def write(run="HST1_r1p01", records=20_000 if long_form else 8_000):
        story = a_story(run)
        story.tell("engine", "attempt.start")
        story.tell("engine", "block.start", block=1)
        for call in range(1, records // 6):
            job = (call - 1) // 10 + 1
            journal = f"worker{job % 2}"
            if call % 10 == 1:
                story.start_job(job, journal=journal, calls=10)
            reads = (f"{run}/{max(call - 7, 1)}.fits", f"{run}/{max(call - 50, 1)}.fits")
            story.call(job, call, journal=journal, reads=reads, writes=(f"{run}/{call}.fits",), status=call % 97 == 0)
        story.journals = json.loads(json.dumps(story.journals).replace('"r/log/', f'"{run}/log/'))
        return story.write(tmp_path / f"journals of {run}")

    return write


@pytest.fixture
def undisturbed(a_registry, new_attempt):
    """A registry that took in the same journals in peace."""

    def record(journals, **changes):
        db = a_registry(f"undisturbed {changes.get('run', '')}")
        attempt = create_attempt(db, new_attempt(**changes))
        ingest(db, attempt, journals)
        return db, attempt

    return record


def in_a_child(work):
    """Runs ``work`` in a forked process; its number."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return child


def was_killed(child):
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or status == 0
    return os.WIFSIGNALED(status)


def killed_after(child, seconds):
    """Kills the child after some time; whether it had not ended by then."""
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return was_killed(child)


def test_an_ingester_killed_before_and_after_each_statement_loses_nothing(
    any_db, new_attempt, long_journals, undisturbed, monkeypatch
):
    journals = long_journals()
    expected = undisturbed(journals)
    monkeypatch.setattr("framework.registry.ingest.journal_reader.PART_BYTES", 200_000)
    monkeypatch.setattr("framework.registry.ingest.journal_reader.BATCH_BYTES", 400_000)
    attempt = create_attempt(any_db, new_attempt())
    any_db.close()

    def until(step):
        def work():
            left = [step]

            def count(*_):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

            for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
                event.listen(any_db.engine, moment, count)
            ingest(any_db, attempt, journals)

        return work

    step = 1
    while was_killed(in_a_child(until(step))):
        step += 1
    assert step > 40
    assert differences(expected[0], expected[1], any_db, attempt) == []


def test_an_ingester_killed_many_times_at_random_loses_nothing(
    any_registry, new_attempt, long_journals, undisturbed, monkeypatch, long_form
):
    journals = long_journals()
    expected = undisturbed(journals)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    kills = rounds = 0
    while kills < (50 if long_form else 6):
        rounds += 1
        # As it is, the whole journal is one transaction; with smaller ones it is killed between them too.
        batch = moments.choice((200_000, 1_000_000, 8_000_000))
        monkeypatch.setattr("framework.registry.ingest.journal_reader.PART_BYTES", batch // 4)
        monkeypatch.setattr("framework.registry.ingest.journal_reader.BATCH_BYTES", batch)
        db = any_registry(f"round{rounds}")
        attempt = create_attempt(db, new_attempt())
        db.close()
        for longest in (0.3, 0.6, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0):
            child = in_a_child(lambda db=db, attempt=attempt: ingest(db, attempt, journals))
            if not killed_after(child, moments.uniform(0.0, longest)):
                break
            kills += 1
        assert differences(expected[0], expected[1], db, attempt) == []


def test_eight_runs_at_once_each_with_its_own_ingester_lose_nothing(
    any_db, new_attempt, long_journals, undisturbed, a_registry
):
    names = [f"HST{number}_r1p01" for number in range(1, 9)]
    journals = [long_journals(name, records=3000) for name in names]
    growing = [directory.with_name(f"growing {directory.name}") for directory in journals]
    attempts = [create_attempt(any_db, new_attempt(unitname=name[:4], run=name)) for name in names]
    any_db.close()
    children = []
    for attempt, directory in zip(attempts, growing, strict=True):
        directory.mkdir()

        def follow(attempt=attempt, directory=directory):
            ended = directory / "ended"
            Ingester(any_db, attempt, directory).follow(ended.exists, pause_seconds=0.02)

        children.append(in_a_child(follow))
    texts = [{path.name: path.read_bytes() for path in directory.iterdir()} for directory in journals]
    for part in range(1, 21):
        for directory, files in zip(growing, texts, strict=True):
            for name, text in files.items():
                with (directory / name).open("ab") as file:
                    file.write(text[len(text) * (part - 1) // 20 : len(text) * part // 20])
    for directory in growing:
        (directory / "ended").touch()
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 8
    for name, attempt, directory in zip(names, attempts, journals, strict=True):
        expected = undisturbed(directory, unitname=name[:4], run=name)
        assert differences(expected[0], expected[1], any_db, attempt) == []


def test_eight_submissions_at_once_into_one_registry_lose_nothing(any_db, a_pipeline, environment, tmp_path, rows):
    url = any_db.engine.url.render_as_string(hide_password=False)
    any_db.close()
    pipeline = a_pipeline(numbers="(1:25)")
    command = [sys.executable, "-m", "framework.cli", "submit", str(pipeline), "--set"]
    started = [
        subprocess.Popen(
            [*command, f"unitname=U{number % 4}"],
            env={**environment, "FW_REGISTRY": url, "PYTHONPATH": str(ROOT)},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(8)
    ]
    said = [each.communicate(timeout=600)[0] for each in started]
    assert [words for each, words in zip(started, said, strict=True) if each.returncode] == []
    # Two submissions of each unit: one of them got the next attempt's number.
    assert rows(any_db, "select unitname, attnum from pfw_attempt order by 1, 2") == [
        (f"U{number}", attempt) for number in range(4) for attempt in (1, 2)
    ]
    per_run = (
        "select count(*) from pfw_wrapper w, task t where t.id = w.task_id and t.status = 0 group by pfw_attempt_id"
    )
    assert rows(any_db, per_run) == [(26,)] * 8
    made = "select count(*), count(distinct path) from desfile where filetype = 'made'"
    assert rows(any_db, made) == [(200, 200)]
    lost = "select count(*) from file_archive_info f left join desfile d on d.id = f.desfile_id where d.id is null"
    assert rows(any_db, lost) == [(0,)]


@pytest.mark.postgres
def test_a_server_that_is_away_for_a_minute_fails_no_job_and_misses_nothing(
    a_postgres_server, a_pipeline, environment, tmp_path, rows, long_form
):
    url = a_postgres_server.url.format("fw")
    flag = tmp_path / "go on"
    pipeline = a_pipeline(
        f'[ "$1" -lt 20 ] || while [ ! -e "{flag}" ]; do sleep 0.1; done; echo "$1" > "$2"', numbers="(1:30)"
    )
    command = [sys.executable, "-m", "framework.cli", "submit", str(pipeline)]
    own = {**environment, "FW_REGISTRY": url, "PYTHONPATH": str(ROOT)}
    run = subprocess.Popen(command, env=own, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    archive = tmp_path / "home" / "archive"
    while len(list(archive.rglob("made/*.txt"))) < 15:
        time.sleep(0.05)
        assert run.poll() is None
    a_postgres_server.stop()
    time.sleep(30 if long_form else 5)
    flag.touch()
    time.sleep(30 if long_form else 10)
    # All jobs have ended by themselves, and their records wait.
    assert len(list(archive.rglob("made/*.txt"))) == 31
    a_postgres_server.start()
    said = run.communicate(timeout=300)[0]
    assert run.returncode == 0, said
    db = open_registry(url)
    done = "select count(*) from pfw_wrapper w, task t where t.id = w.task_id and t.status = 0"
    assert rows(db, done) == [(31,)]
    assert rows(db, "select count(*) from pfw_wrapper") == [(31,)]
    assert rows(db, "select processing_state from attempt_state") == [("PASS",)]
    db.close()
