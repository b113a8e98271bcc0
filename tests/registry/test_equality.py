"""Two records of the same run are equal, in whatever way they came about."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from framework.registry.admin.equality import differences
from framework.registry.ingest.ingester import Ingester, ingest
from framework.registry.questions.attempts import create_attempt
from framework.registry.schema import tables as schema


@pytest.fixture
def record(a_registry, new_attempt, tmp_path):
    """Records a story in a registry of its own; the registry and the attempt."""

    def make(name, story, registry=None):
        db = registry or a_registry(name)
        attempt = create_attempt(db, new_attempt())
        ingest(db, attempt, story.write(tmp_path / name))
        return db, attempt

    return make


def test_the_same_journals_give_equal_registries(record, whole_run):
    assert differences(*record("a", whole_run), *record("b", whole_run)) == []


@pytest.mark.postgres
def test_both_databases_record_a_run_alike(record, whole_run, a_postgres_registry):
    assert differences(*record("a", whole_run), *record("b", whole_run, a_postgres_registry())) == []


def test_a_difference_is_told_with_its_place(record, whole_run):
    first = record("a", whole_run)
    next(fact for fact in whole_run.journals["worker1"] if fact["e"] == "exec.start")["args"] = "rm"
    found = differences(*first, *record("b", whole_run))
    assert [line.split(" task_id")[0] + line[line.index(": in") :] for line in found] == [
        "pfw_exec: in the first only",
        "pfw_exec: in the second only",
    ]
    assert "task_id=call 1 try 1 exec 1" in found[0]


def test_contents_of_logs_may_differ_and_those_of_results_not(record, whole_run):
    first = record("a", whole_run)
    end = next(fact for fact in whole_run.journals["worker1"] if fact["e"] == "call.end")
    end["files"][0]["sha256"] = end["files"][2]["sha256"] = "another"
    found = differences(*first, *record("b", whole_run))
    assert {word for line in found for word in re.findall(r"filetype=\w+", line)[:1]} == {"filetype=red"}


@pytest.mark.parametrize("had_run", [False, True])
def test_a_run_that_was_interrupted_equals_one_that_was_not_but_for_what_was_lost(record, a_story, had_run):
    def story(interrupted):
        told = a_story()
        told.tell("engine", "attempt.start")
        told.queue(1)
        told.start_job(1, calls=2)
        told.call(1, 1)
        queue = journal = None
        if interrupted:
            told.start_call(1, 2)
            if had_run:
                at = {"job": 1, "queue": "q1", "call": 2, "try": 1}
                told.tell("worker", "exec.end", **at, exec=1, status=0, usage={})
                told.tell("worker", "call.store", **at)
            told.tell("engine2", "attempt.start")
            told.tell("engine2", "job.lost", job=1, queue="q1", reason="killed")
            told.start_job(1, queue="q2", journal="worker2", calls=2)
            queue, journal = "q2", "worker2"
        told.call(1, 2, queue=queue or "q1", journal=journal or "worker")
        told.end_job(1, queue=queue or "q1", journal=journal or "worker")
        told.tell("engine2" if interrupted else "engine", "attempt.end", status=0)
        return told

    undisturbed, disturbed = record("a", story(False)), record("b", story(True))
    assert differences(*undisturbed, *disturbed, ignore_lost=True) == []
    assert differences(*undisturbed, *disturbed) != []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_however_journals_are_cut_mixed_and_doubled_the_registry_is_the_same(
    data, a_whole_run, a_registry, new_attempt, tmp_path_factory
):
    whole_run = a_whole_run()
    whole_run.start_job(3, journal="worker3")
    whole_run.start_call(3, 5, journal="worker3")
    whole_run.tell("engine", "job.lost", job=3, queue="q1", reason="killed")
    whole_run.start_job(3, queue="q2", journal="worker4")
    whole_run.call(3, 5, queue="q2", journal="worker4", reads=("r/out/4.fits", "never/told.fits"))
    folder = tmp_path_factory.mktemp("case")
    whole = whole_run.write(folder / "whole")
    texts = {path.name: path.read_bytes() for path in whole.iterdir()}
    texts |= {f"copy_{name}": texts[name] for name in data.draw(st.sets(st.sampled_from(sorted(texts))))}
    db = a_registry(folder.name)
    attempt = create_attempt(db, new_attempt())
    growing = folder / "growing"
    growing.mkdir()
    sizes = dict.fromkeys(texts, 0)
    for _ in range(data.draw(st.integers(1, 6))):
        for name, text in texts.items():
            sizes[name] = data.draw(st.integers(sizes[name], len(text)))
            (growing / name).write_bytes(text[: sizes[name]])
        ingest(db, attempt, growing)
    for name, text in texts.items():
        (growing / name).write_bytes(text)
    ingest(db, attempt, growing)
    expected = a_registry(f"{folder.name}_whole")
    expected_attempt = create_attempt(expected, new_attempt())
    ingest(expected, expected_attempt, whole)
    assert differences(expected, expected_attempt, db, attempt) == []


def long_run(a_story, calls=300):
    story = a_story()
    for call in range(1, calls + 1):
        job = (call - 1) // 10 + 1
        if call % 10 == 1:
            story.start_job(job, journal=f"worker{job % 2}", calls=10)
        story.call(job, call, journal=f"worker{job % 2}", reads=(f"r/out/{max(call - 7, 1)}.fits",))
    return story


def ingest_and_be_killed(db, attempt, journals, after):
    child = os.fork()
    if child == 0:
        try:
            while True:
                Ingester(db, attempt, journals).step()
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_an_ingester_killed_at_any_moment_loses_nothing(any_db, record, a_story, new_attempt, tmp_path, monkeypatch):
    monkeypatch.setattr("framework.registry.ingest.journal_reader.PART_BYTES", 1000)
    monkeypatch.setattr("framework.registry.ingest.journal_reader.BATCH_BYTES", 4000)
    story = long_run(a_story)
    expected = record("expected", story)
    attempt = create_attempt(any_db, new_attempt())
    journals = story.write(tmp_path / "journals")
    moments = random.Random(7)
    for _ in range(12):
        ingest_and_be_killed(any_db, attempt, journals, moments.uniform(0.005, 0.06))
    ingest(any_db, attempt, journals)
    assert differences(expected[0], expected[1], any_db, attempt) == []


def test_runs_are_written_side_by_side(any_db, record, a_story, new_attempt, tmp_path):
    story = long_run(a_story, 40)
    names = [f"HST{number}_r1p01" for number in range(1, 5)]
    children, attempts = [], []
    for name in names:
        own = json.loads(json.dumps(story.journals).replace("HST1_r1p01", name).replace("r/", f"{name}/"))
        mine = a_story(name)
        mine.journals = own
        journals = mine.write(tmp_path / name)
        attempts.append(create_attempt(any_db, new_attempt(unitname=name[:4], run=name)))
        children.append(os.fork())
        if children[-1] == 0:
            status = 1
            try:
                ingest(any_db, attempts[-1], journals)
                status = 0
            finally:
                os._exit(status)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
    first = (any_db, attempts[0])
    assert [len(differences(*first, any_db, attempt)) > 0 for attempt in attempts[1:]] == [True, True, True]
    assert {count_of_rows(any_db, attempt) for attempt in attempts} == {(40, 40, 80)}


def count_of_rows(db, attempt):
    tables = (schema.pfw_wrapper, schema.pfw_exec, schema.desfile)
    counts = [select(func.count()).select_from(table).where(table.c.pfw_attempt_id == attempt) for table in tables]
    with db.read() as connection:
        return tuple(connection.execute(count).scalar_one() for count in counts)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_journal_that_was_spoilt_anywhere_costs_no_more_than_the_lines_it_spoils(
    data, a_whole_run, a_registry, new_attempt, tmp_path_factory, rows
):
    folder = tmp_path_factory.mktemp("spoilt")
    whole = a_whole_run().write(folder / "whole")
    victim = whole / data.draw(st.sampled_from(["engine.jsonl", "worker1.jsonl", "worker2.jsonl"]))
    lines = victim.read_bytes().splitlines(keepends=True)
    at = data.draw(st.integers(1, len(lines) - 1))
    spoilt = data.draw(st.binary(max_size=40)) + data.draw(st.sampled_from([b"", b"\n", lines[at][:25], b"\0" * 5000]))
    victim.write_bytes(b"".join([*lines[:at], spoilt + b"\n", *lines[at + 1 :]]))
    db = a_registry(folder.name)
    attempt = create_attempt(db, new_attempt())
    ingest(db, attempt, whole)
    # Whoever finds the journal as it was, as a copy under another name, makes good what was lost.
    victim.with_name(f"recovered_{victim.name}").write_bytes(b"".join(lines))
    ingest(db, attempt, whole)
    expected = a_registry(f"{folder.name}_whole")
    expected_attempt = create_attempt(expected, new_attempt())
    ingest(expected, expected_attempt, a_whole_run().write(folder / "other"))
    found = [line for line in differences(expected, expected_attempt, db, attempt) if "not a fact" not in line]
    assert found == []
