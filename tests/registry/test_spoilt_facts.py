"""A journal with a value that is none: it costs its own fact at most, and the registry stays readable."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from framework.registry.admin.user_sql import execute_read_only
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.ancestry import ancestors, find_file
from framework.registry.questions.attempts import create_attempt
from framework.registry.questions.calls import calls
from framework.registry.questions.files import files_of_attempt
from framework.registry.questions.runs import find_run, progress

#: Enough that PostgreSQL takes them in bulk.
CALLS = 40

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from(["", "1", "\0", "\udc80", "é\n'\t\\", "9" * 400, 4e12, -1e300]),
    st.recursive(st.sampled_from([None, 1, "p"]), lambda one: st.lists(one) | st.dictionaries(st.just("path"), one)),
)


@pytest.fixture
def spoil(any_db, new_attempt, a_whole_run, tmp_path, places_in):
    """Ingests a run with one value that is another; its name and the attempt's id."""
    story = a_whole_run()
    last = story.journals["worker1"].pop()
    for call in range(11, 11 + CALLS):
        story.call(1, call, journal="worker1")
    story.journals["worker1"].append(last)
    places = [
        (name, number, place)
        for name, facts in story.journals.items()
        for number, fact in enumerate(facts)
        if fact["e"] != "open"
        for place in places_in(fact)
    ]
    numbers = count(1)

    def spoilt(choice: int, value: Any) -> tuple[str, int]:
        number = next(numbers)
        run, directory = f"SPOILT{number}_r1p01", tmp_path / str(number)
        text = json.dumps(story.journals).replace("HST1_r1p01", run).replace('"r/', f'"r{number}/')
        name, fact, (*way, last) = places[choice % len(places)]
        journals = json.loads(text)
        within = journals[name][fact]
        for key in way:
            within = within[key]
        within[last] = value
        directory.mkdir()
        for each, facts in journals.items():
            (directory / f"{each}.jsonl").write_text("".join(json.dumps(fact) + "\n" for fact in facts))
        attempt = create_attempt(any_db, new_attempt(attnum=number, run=run))
        ingest(any_db, attempt, directory)
        assert ingest(any_db, attempt, directory) == 0
        return run, attempt

    return spoilt


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.integers(0, 10**6), value=VALUES)
@example(choice=14, value=False)  # a job in a block that there is not
def test_a_spoilt_value_costs_its_own_call_at_most(any_db, spoil, choice, value):
    run, attempt = spoil(choice, value)
    assert progress(any_db, find_run(any_db, run))[0].calls_done >= CALLS + 3
    tries = calls(any_db, attempt)
    assert len([one for one in tries if one.state == "done"]) >= CALLS + 3
    assert all(isinstance(json.loads(one.keys or "{}"), dict) for one in tries)
    for path in list(files_of_attempt(any_db, attempt))[-3:]:
        assert ancestors(any_db, find_file(any_db, path).id).makers
    for table in ("task", "task_message", "desfile", "file_archive_info", "opm_used"):
        answer = execute_read_only(any_db, f"select * from {table}")  # noqa: S608
        assert all(
            answer.format_value(place, cell) is not None for row in answer.rows for place, cell in enumerate(row)
        )


def test_a_time_beyond_all_calendars_is_no_fact(any_db, attempt_of, a_story, tmp_path, rows):
    story = a_story()
    story.call(1, 1)
    story.journals["worker"][-1]["t"] = 4e12
    attempt = attempt_of(any_db)
    ingest(any_db, attempt, story.write(tmp_path))
    (message,) = rows(any_db, "select message from task_message")[0]
    assert "worker: passed over a fact (ValueError no time)" in message.replace(".jsonl", "")
    assert rows(any_db, "select count(*) from task where end_time is null and name = 'wrapper'") == [(1,)]


@pytest.fixture
def attempt_of(new_attempt):
    return lambda db: create_attempt(db, new_attempt())
