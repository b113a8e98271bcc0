"""A bundle with a value that is none: it is refused in words, or what comes of it can be read."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework.archives.archive import Archive
from framework.errors import RunError
from framework.exchange.bundle import MANIFEST, write_bundle
from framework.exchange.import_run import import_bundle
from framework.registry.admin.user_sql import execute_read_only
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.ancestry import ancestors, find_file
from framework.registry.questions.attempts import create_attempt
from framework.registry.questions.calls import calls
from framework.registry.questions.files import files_of_attempt
from framework.registry.questions.messages import messages
from framework.registry.questions.runs import find_run, progress
from framework.registry.schema.tables import metadata

RUN = "HST1_r1p01"
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.sampled_from(
        ["", "1", "[1]", "{", "\0", "\udc80", "é\n'\t\\", "9" * 400, 4e12, -1e300, "../x", "/x", "a/../../b"]
    ),
    st.recursive(st.sampled_from([None, 1, "p", "\0"]), lambda one: st.lists(one) | st.dictionaries(st.text(), one)),
)


@pytest.fixture
def bundle(a_registry, new_attempt, whole_run, tmp_path):
    """The parts of a good bundle: the lines of each table, and the manifest."""
    here = a_registry("here")
    attempt = create_attempt(here, new_attempt(values={"archive_root": "/a"}))
    ingest(here, attempt, whole_run.write(tmp_path / "journal"))
    write_bundle(here, [attempt], (), tmp_path / "good.skyfw", "olga")
    with zipfile.ZipFile(tmp_path / "good.skyfw") as good:
        parts = {name: good.read(name).decode() for name in good.namelist()}
    manifest = json.loads(parts.pop(MANIFEST))
    return {name: [json.loads(line) for line in text.splitlines()] for name, text in parts.items()}, manifest


@pytest.fixture
def write_spoilt(bundle, tmp_path, places_in):
    """Writes the bundle with one value that is another."""
    tables, manifest = bundle
    places = [
        (name, number, place)
        for name, lines in tables.items()
        for number, line in enumerate(lines[1:], start=1)
        for place in places_in(line)
    ]

    def write(choice: int, value: Any):
        path = tmp_path / "bad.skyfw"
        name, number, (*way, last) = places[choice % len(places)]
        texts = {table: [json.dumps(line) for line in lines] for table, lines in tables.items()}
        line = within = json.loads(texts[name][number])
        for key in way:
            within = within[key]
        within[last] = value
        texts[name][number] = json.dumps(line)
        parts = {table: "".join(f"{text}\n" for text in lines).encode() for table, lines in texts.items()}
        about = {"size": len(parts[name]), "sha256": hashlib.sha256(parts[name]).hexdigest()}
        with zipfile.ZipFile(path, "w") as bad:
            for part, text in parts.items():
                bad.writestr(part, text)
            bad.writestr(MANIFEST, json.dumps({**manifest, "members": {**manifest["members"], name: about}}))
        return path

    return write


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.integers(0, 10**6), value=VALUES)
def test_a_spoilt_value_is_refused_or_can_be_read(any_db, write_spoilt, tmp_path, choice, value):
    path = write_spoilt(choice, value)
    try:
        list(import_bundle(any_db, path, Archive("mine", str(tmp_path / "mine"), {}), {}))
    except RunError:
        assert execute_read_only(any_db, "select count(*) from pfw_attempt").rows == [(0,)]
        return
    read_everything(any_db)
    wipe(any_db)


def read_everything(db) -> None:
    run, _ = progress(db, find_run(db, RUN))
    assert calls(db, run.attempt_id)
    assert messages(db, run.attempt_id) is not None
    for path in files_of_attempt(db, run.attempt_id):
        assert ancestors(db, find_file(db, path).id).files
    for table in metadata.sorted_tables:
        answer = execute_read_only(db, f"select * from {table.name}")  # noqa: S608
        for row in answer.rows:
            assert all(answer.format_value(place, cell) is not None for place, cell in enumerate(row))


def wipe(db) -> None:
    with db.write() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name != "id_block":
                connection.execute(table.delete())
