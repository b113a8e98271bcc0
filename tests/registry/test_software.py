"""What programs ran in is on record: once for all that found the same, and wherever it lay."""

from __future__ import annotations

import pytest

from framework.registry.admin.equality import differences
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.attempts import create_attempt
from framework.registry.questions.calls import calls
from framework.registry.questions.software import stacks

STACKS = "select kind, name, python, image, image_digest from software_stack order by sha256"


@pytest.fixture
def told(a_whole_run):
    """A whole run, each of whose workers found some software."""

    def make(**found):
        story = a_whole_run()
        for worker in ("worker1", "worker2"):
            sha256 = story.find_software(worker, **found)
            # Before what it ran.
            facts = story.journals[worker]
            facts.insert(1, facts.pop())
            for fact in facts:
                if fact["e"] == "exec.start":
                    fact["software"] = sha256
        return story, sha256

    return make


def test_what_programs_ran_in_is_one_row_for_all_that_found_the_same(any_db, new_attempt, told, tmp_path, rows):
    story, sha256 = told(python="3.11.2", prefix="/opt/astro", packages=["astropy-6.1"])
    attempt = create_attempt(any_db, new_attempt())
    ingest(any_db, attempt, story.write(tmp_path))
    assert rows(any_db, STACKS) == [("environment", "astro", "3.11.2", None, None)]
    assert rows(any_db, "select count(*) from pfw_exec e, software_stack s where e.software_sha256 = s.sha256") == [
        (4,)
    ]
    (stack,) = stacks(any_db, attempt).values()
    assert (stack.label, stack.found["packages"]) == ("environment astro", ["astropy-6.1"])
    assert {call.software for call in calls(any_db, attempt)} == {sha256}


def test_software_that_another_run_found_is_not_written_again(any_db, new_attempt, told, tmp_path, rows):
    story, _ = told(image="obs/calib:2", digest="sha256:d1")
    for number in (1, 2):
        attempt = create_attempt(any_db, new_attempt(attnum=number, run=f"HST1_r1p0{number}"))
        for facts in story.journals.values():
            facts[0] |= {"attempt": attempt, "run": f"HST1_r1p0{number}"}
        ingest(any_db, attempt, story.write(tmp_path / str(number)))
    assert rows(any_db, STACKS) == [("environment", "astro", None, "obs/calib:2", "sha256:d1")]


def test_a_second_reading_changes_nothing(any_db, new_attempt, told, tmp_path, rows):
    attempt = create_attempt(any_db, new_attempt())
    story, _ = told(python="3.11.2")
    ingest(any_db, attempt, story.write(tmp_path))
    before = rows(any_db, "select * from pfw_exec order by task_id")
    (tmp_path / "copy.jsonl").write_bytes((tmp_path / "worker2.jsonl").read_bytes())
    ingest(any_db, attempt, tmp_path)
    assert (rows(any_db, "select * from pfw_exec order by task_id"), len(rows(any_db, STACKS))) == (before, 1)


def test_runs_in_the_same_software_are_equal_wherever_it_lies(a_registry, new_attempt, told, tmp_path):
    def recorded(name, **found):
        db = a_registry(name)
        attempt = create_attempt(db, new_attempt())
        ingest(db, attempt, told(**found)[0].write(tmp_path / name))
        return db, attempt

    here = recorded("a", python="3.11.2", prefix="/opt/astro", packages=["astropy-6.1"], variables={"sha256": "1"})
    there = recorded("b", python="3.11.2", prefix="/home/x", packages=["astropy-6.1"], variables={"sha256": "2"})
    other = recorded("c", python="3.11.2", prefix="/opt/astro", packages=["astropy-6.2"], variables={"sha256": "1"})
    assert differences(*here, *there) == []
    assert {line.split()[0] for line in differences(*here, *other)} == {"pfw_exec"}
