"""The views that bear the names of the IVOA's provenance model answer on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from framework.registry.ingest.ingester import ingest
from framework.registry.questions.attempts import NewSoftware, create_attempt


@pytest.fixture
def db(any_db, new_attempt, whole_run, tmp_path):
    software = NewSoftware(role="framework", sha256="f" * 64, kind="framework", name="skyfw", found={"version": "1"})
    attempt = create_attempt(any_db, new_attempt(values={"seed": "3"}, fullsubmitwcl="x = 1\n", software=(software,)))
    ingest(any_db, attempt, whole_run.write(tmp_path))
    return any_db


def test_what_made_a_file_and_from_what_is_asked_by_the_models_names(db, rows):
    made = (
        "select e.location, a.activitydescription_id, a.comment, i.location from entity e"
        " join wasgeneratedby g on g.entity_id = e.id join activity a on a.id = g.activity_id"
        " join used u on u.activity_id = a.id join entity i on i.id = u.entity_id"
        " where e.name = '4.fits' order by i.location"
    )
    assert rows(db, made) == [
        ("r/out/4.fits", "cp", "done", "/data/raw.csv"),
        ("r/out/4.fits", "cp", "done", "r/out/3.fits"),
    ]
    derived = (
        "select c.name, p.name from wasderivedfrom d join entity c on c.id = d.generatedentity_id"
        " join entity p on p.id = d.usedentity_id order by c.name, p.name"
    )
    pairs = [("2.fits", "1.fits"), ("3.fits", "1.fits"), ("3.fits", "2.fits"), ("4.fits", "3.fits")]
    assert rows(db, derived) == pairs


def test_who_did_it_with_what_and_how_is_asked_as_well(db, rows):
    agents = (
        "select a.name, a.type, w.role from agent a join wasassociatedwith w on w.agent_id = a.id"
        " join activity t on t.id = w.activity_id where t.activitydescription_id = 'train' order by 1"
    )
    assert rows(db, agents) == [("olga", "Person", "operator"), ("skyfw", "SoftwareAgent", "framework")]
    assert rows(db, "select count(*) from wasattributedto where agent_id = 'olga'") == [(8,)]
    configured = "select p.name, p.value from wasconfiguredby w join parameter p on p.id = w.parameter_id"
    assert rows(db, configured) == [("seed", "3")]
    assert rows(db, "select f.name, f.location from wasconfiguredby w join configfile f on f.id = w.configfile_id") == [
        ("train", "HST1_r1p01")
    ]
    assert rows(db, "select id, type from activitydescription order by id, type") == [
        ("cp", "program"), ("scrape", "module"), ("train", "module"), ("train", "pipeline"),
    ]  # fmt: skip
    assert rows(db, "select id from entitydescription order by id") == [("log",), ("raw",), ("red",)]
    assert rows(db, "select count(*) from wasinformedby") == [(4,)]


def test_a_file_is_found_by_its_id_without_reading_all(db):
    if db.dialect != "sqlite":
        pytest.skip("small tables are read whole there")
    asked = (
        "select * from entity where id = 1",
        "select * from used where activity_id = 1",
        "select * from wasgeneratedby where activity_id = 1",
        "select * from wasgeneratedby where entity_id = 1",
        "select * from activity where id = 1",
        "select * from wasinformedby where informed_id = 1",
        "select * from wasinformedby where informant_id = 1",
    )
    with db.read() as connection:
        for query in asked:
            plan = [row[3] for row in connection.execute(text(f"explain query plan {query}"))]
            assert [step for step in plan if step.startswith("SCAN")] == [], (query, plan)
