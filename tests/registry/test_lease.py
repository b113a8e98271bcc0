"""A run has one writer, and does not wait for one that is dead."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import text

from framework.registry.ingest.ingester import Ingester, LeaseTaken
from framework.registry.ingest.lease import Lease


@pytest.fixture
def take(db, attempt):
    def try_it(lease):
        with db.write() as connection:
            return lease.take(connection)

    return try_it


def hold_elsewhere(db, holder, expiry):
    with db.write() as connection:
        connection.execute(text("update ingest_lease set holder = :h, expiry = :e"), {"h": holder, "e": expiry})


def test_a_lease_is_held_against_others_until_it_is_given_up(db, attempt, take):
    first, second = Lease(attempt), Lease(attempt)
    assert (take(first), take(first), take(second)) == (True, True, False)
    with db.write() as connection:
        first.release(connection)
    assert take(second)


def test_a_lease_of_another_machine_is_waited_for_until_it_expires(db, attempt, take):
    assert take(Lease(attempt))
    hold_elsewhere(db, "elsewhere boot pid:[1] 1 1 x", 1e12)
    assert not take(Lease(attempt))
    hold_elsewhere(db, "elsewhere boot pid:[1] 1 1 x", 1.0)
    assert take(Lease(attempt))


def test_a_dead_process_of_this_machine_is_not_waited_for(db, attempt, take):
    child = os.fork()
    if child == 0:
        take(Lease(attempt))
        os._exit(0)
    os.waitpid(child, 0)
    assert take(Lease(attempt))


def test_a_lease_that_nobody_remembers_in_this_process_is_free(db, attempt, take):
    assert take(Lease(attempt))
    assert take(Lease(attempt))


def test_whoever_was_overtaken_writes_nothing_more(db, attempt, whole_run, tmp_path, rows):
    whole_run.write(tmp_path)
    ingester = Ingester(db, attempt, tmp_path)
    ingester.step()
    hold_elsewhere(db, "elsewhere boot pid:[1] 1 1 x", 1e12)
    whole_run.start_job(7, journal="worker7")
    whole_run.write(tmp_path)
    with pytest.raises(LeaseTaken):
        ingester.step()
    assert rows(db, "select count(*) from pfw_job where jobnum = 7") == [(0,)]
