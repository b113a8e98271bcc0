"""Where files come from, and what comes from them, over any number of steps and on both databases."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from framework.registry.database.opening import open_registry
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.ancestry import UnknownFile, ancestors, descendants, find_file
from framework.registry.questions.attempts import create_attempt
from framework.registry.schema.tables import desfile, opm_was_derived_from


@pytest.fixture
def db(any_db, new_attempt, a_story, tmp_path):
    """raw → red → coadd ← flat, and nothing of other; each call has read a file from outside too."""
    attempt = create_attempt(any_db, new_attempt())
    story = a_story()
    story.call(1, 1, reads=(), writes=("r/raw.fits",))
    story.call(1, 2, reads=(), writes=("r/flat.fits", "s/flat.fits"))
    story.call(1, 3, reads=("r/raw.fits",), writes=("r/red.fits",))
    story.call(1, 4, reads=("r/red.fits", "r/flat.fits"), writes=("r/coadd.fits",))
    story.call(1, 5, reads=(), writes=("r/other.fits",))
    ingest(any_db, attempt, story.write(tmp_path))
    return any_db


def names(ancestry):
    found = {
        file.path[2:-5]: ancestry.depth[file.id]
        for file in ancestry.files.values()
        if file.path[1] == "/" and file.filetype != "log"
    }
    return dict(sorted(found.items()))


def test_a_file_comes_from_what_its_maker_read(db):
    found = ancestors(db, find_file(db, "r/coadd.fits").id)
    assert names(found) == {"coadd": 0, "flat": 1, "raw": 2, "red": 1}
    assert {maker.wrapnum for maker in found.makers.values()} == {1, 2, 3, 4}


def test_what_came_from_a_file_is_found_to_the_last(db):
    assert names(descendants(db, find_file(db, "r/raw.fits").id)) == {"coadd": 2, "raw": 0, "red": 1}
    assert names(descendants(db, find_file(db, "r/other.fits").id)) == {"other": 0}


def test_no_more_steps_are_taken_than_asked_for(db):
    assert names(ancestors(db, find_file(db, "r/coadd.fits").id, depth=1)) == {"coadd": 0, "flat": 1, "red": 1}


def test_a_base_name_will_do_where_it_is_the_only_one(db):
    assert find_file(db, "red.fits").path == "r/red.fits"
    with pytest.raises(
        UnknownFile, match=r"several files are called 'flat.fits', name the path of one: r/flat.fits, s/flat.fits"
    ):
        find_file(db, "flat.fits")
    with pytest.raises(UnknownFile, match=r"knows no file 'nothing.fits'"):
        find_file(db, "nothing.fits")


@given(st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30))
def test_every_way_is_followed_once_even_in_a_circle(empty_sqlite, tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("ancestry") / "registry.sqlite"
    shutil.copy(empty_sqlite, path)
    registry = open_registry(f"sqlite:///{path}")
    rows = [{"id": n + 1, "filetype": "t", "filename": str(n), "path": str(n), "path_version": ""} for n in range(13)]
    with registry.write() as connection:
        connection.execute(insert(desfile), rows)
        if pairs:
            derived = [{"child_desfile_id": a + 1, "parent_desfile_id": b + 1} for a, b in pairs]
            connection.execute(insert(opm_was_derived_from), derived)
    reached, edge = {0}, {0}
    while edge:
        edge = {b for a, b in pairs if a in edge} - reached
        reached |= edge
    assert {id_ - 1 for id_ in ancestors(registry, 1).files} == reached
    registry.close()
