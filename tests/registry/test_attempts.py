"""A run enters the registry whole, once, and under the next number."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from framework.registry.questions.attempts import AttemptTaken, create_attempt, next_attnum


def test_a_unit_begins_with_attempt_one_and_goes_on_from_the_newest(any_db, new_attempt):
    assert next_attnum(any_db, 1, "HST1") == 1
    create_attempt(any_db, new_attempt(attnum=7, run="HST1_r1p07"))
    assert (next_attnum(any_db, 1, "HST1"), next_attnum(any_db, 2, "HST1")) == (8, 1)


def test_a_new_run_has_its_attempt_blocks_and_modules(any_db, new_attempt, rows):
    create_attempt(any_db, new_attempt(labels=("a", "b"), values={"archive_root": "/x"}))
    assert rows(any_db, "select run, reqnum, unitname, attnum, campaign, numexpblk from pfw_attempt") == [
        ("HST1_r1p01", 1, "HST1", 1, "cal", 1)
    ]
    assert rows(any_db, "select name, modulelist, numexpjobs, target_site from pfw_block") == [
        ("main", "scrape,train", 2, "local")
    ]
    assert rows(any_db, "select modname, modnum, numexpcalls from pfw_module order by modnum") == [
        ("scrape", 1, 1),
        ("train", 2, 3),
    ]
    assert rows(any_db, "select label from pfw_attempt_label order by label") == [("a",), ("b",)]
    assert rows(any_db, "select processing_state from attempt_state") == [("NEW",)]


def test_a_new_run_has_not_started(any_db, new_attempt, rows):
    create_attempt(any_db, new_attempt())
    found = rows(any_db, "select name, label, parent_task_id, root_task_id, start_time, status from task order by id")
    assert found == [("attempt", "HST1_r1p01", None, 1, None, None), ("block", "main", 1, 1, None, None)]
    assert rows(any_db, "select task_id, name, state from task_state") == [(1, "attempt", "new")]


def test_a_taken_attempt_leaves_nothing_behind(any_db, new_attempt, rows):
    create_attempt(any_db, new_attempt())
    with pytest.raises(AttemptTaken, match="HST1_r1p01: attempt 1 of request 1, unit HST1, exists already"):
        create_attempt(any_db, new_attempt())
    assert rows(any_db, "select count(*) from task") == [(2,)]


def test_of_many_who_want_an_attempt_one_gets_it(any_db, new_attempt, rows):
    def begin(_: int) -> bool:
        try:
            return bool(create_attempt(any_db, new_attempt()))
        except AttemptTaken:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(begin, range(12))) == 1
    assert rows(any_db, "select count(*) from pfw_attempt") == [(1,)]


def test_words_of_any_kind_are_kept_as_they_are(any_db, new_attempt, rows):
    odd = "a'b\"; drop table task; -- \\ ${x}\n\tü %s :name"
    create_attempt(any_db, replace(new_attempt(), submitwcl=odd, values={"k": odd}, labels=(odd,)))
    assert rows(any_db, "select submitwcl, val, label from pfw_attempt, pfw_attempt_val, pfw_attempt_label") == [
        (odd, odd, odd)
    ]
