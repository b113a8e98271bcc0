"""Whoever asks about a run waits until the registry holds what its journals tell, and not for ever."""

from __future__ import annotations

import pytest

from framework.errors import RegistryError
from framework.registry.ingest.completeness import wait_until_complete
from framework.registry.ingest.ingester import Ingester
from framework.registry.questions.attempts import create_attempt


@pytest.fixture
def journals(db, new_attempt, whole_run, tmp_path):
    create_attempt(db, new_attempt())
    return whole_run.write(tmp_path / "journal")


def test_what_nobody_has_taken_in_is_taken_in(db, journals, rows):
    wait_until_complete(db, 1, journals, 10, print)
    assert rows(db, "select count(*) from pfw_wrapper") == [(4,)]


def test_a_torn_last_line_is_not_waited_for(db, journals):
    with (journals / "worker1.jsonl").open("a") as journal:
        journal.write('{"e": "call.e')
    (journals / "worker9.jsonl").write_text('{"e": "op')
    wait_until_complete(db, 1, journals, 10, print)


def test_it_is_said_what_is_waited_for_and_given_up_in_time(db, journals, monkeypatch):
    monkeypatch.setattr("framework.registry.ingest.completeness.REPORT_EVERY_SECONDS", 0.0)
    said: list[str] = []
    with Ingester(db, 1, journals) as other:
        other.step()
        with (journals / "worker1.jsonl").open("a") as journal:
            journal.write('{"e": "message", "t": 1, "level": 3, "text": "late"}\n')
        with pytest.raises(RegistryError, match="after 0 s the registry does not hold what has been made: 53 bytes"):
            wait_until_complete(db, 1, journals, 0.3, said.append)
    assert said[0].startswith("waiting for the registry to hold what has been made: 53 bytes of journals")


def test_a_registry_that_is_away_is_waited_for_with_its_reason(db, journals, monkeypatch):
    def away(*_):
        raise RegistryError("registry x: connection refused")

    monkeypatch.setattr("framework.registry.ingest.completeness._behind", away)
    with pytest.raises(RegistryError, match="what has been made: registry x: connection refused"):
        wait_until_complete(db, 1, journals, 0.2, print)
