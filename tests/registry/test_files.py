"""Files are found by path, by type and metadata, and know where they come from."""

from __future__ import annotations

import pytest

from framework.errors import FrameworkError
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.attempts import create_attempt
from framework.registry.questions.files import (
    filetypes,
    find_call_outputs,
    find_in_archive,
    find_producer,
    find_producer_inputs,
)
from tests.registry.selections import find

METADATA = {
    "a.fits": {"band": "r", "visit": 7, "exptime": 30.0, "good": True, "note": "8,7"},
    "b.fits": {"band": "g", "visit": 12, "exptime": 1e-5, "good": False, "key with 'blank": "x"},
    "c.fits": {"band": "R", "visit": "7", "nothing": None},
}


@pytest.fixture
def db(any_db, new_attempt, a_story, tmp_path):
    attempt = create_attempt(any_db, new_attempt())
    story = a_story()
    for number, (name, metadata) in enumerate(METADATA.items(), 1):
        reads = () if number == 1 else ("r/a.fits",)
        story.call(1, number, reads=reads, writes=(f"r/{name}",))
        story.journals["worker"][-1]["files"][2]["meta"] = metadata
    ingest(any_db, attempt, story.write(tmp_path))
    return any_db


CONDITIONS: list[tuple[dict[str, list[str]], str]] = [
    ({}, "abc"),
    ({"band": ["r"]}, "a"),
    ({"band": ["r", "g"]}, "ab"),
    ({"visit": ["7"]}, "ac"),
    ({"visit": ["7.0"]}, "a"),
    ({"exptime": ["30"]}, "a"),
    ({"exptime": ["0.00001"]}, "b"),
    ({"good": ["true"]}, "a"),
    ({"good": ["1"]}, ""),
    ({"band": ["%r%"]}, "a"),
    ({"visit": ["1%"]}, "b"),
    ({"band": ["r"], "visit": ["12"]}, ""),
    ({"filename": ["%.fits"], "run": ["HST1_r1p01"]}, "abc"),
    ({"path": ["r/b.fits"]}, "b"),
    ({"key with 'blank": ["x"]}, "b"),
    ({"note": ["8,7"]}, "a"),
    ({"nothing": ["null"]}, ""),
    ({"band": ["' or 1=1 --"]}, ""),
    ({"x' or 1=1 --": ["1"]}, ""),
    ({"band": []}, ""),
]


def test_files_are_found_by_metadata(db):
    found = [(wanted, "".join(file.path[2] for file in find(db, "red", wanted))) for wanted, _ in CONDITIONS]
    assert found == CONDITIONS


def test_a_key_that_cannot_be_is_refused(db):
    with pytest.raises(FrameworkError, match="is not a metadata key"):
        find(db, "red", {'a"b': ["1"]})


def test_a_found_file_tells_everything(db):
    (file,) = find(db, "red", {"visit": ["12"]})
    assert (file.path, file.filetype, file.size, file.sha256) == ("r/b.fits", "red", 7, "sha of r/b.fits")
    assert (file.metadata, file.run) == (METADATA["b.fits"], "HST1_r1p01")


def test_an_archive_is_asked_for_many_paths_at_once(db):
    paths = [f"r/none{number}" for number in range(1700)]
    assert set(find_in_archive(db, "home", ["r/a.fits", *paths, "r/b.fits"])) == {"r/a.fits", "r/b.fits"}
    assert find_in_archive(db, "tape", ["r/a.fits"]) == {}


def test_a_file_knows_its_maker_and_what_that_read(db):
    (file,) = find(db, "red", {"visit": ["12"]})
    origin = find_producer(db, file.id)
    assert origin
    assert (origin.run, origin.wrapnum, origin.module, origin.program) == ("HST1_r1p01", 2, "train", "cp")
    assert (origin.args, origin.host) == ("cp 'a b' 2", "worker.host")
    assert [read.path for read in find_producer_inputs(db, file.id)] == ["/data/raw.csv", "r/a.fits"]


def test_a_log_is_made_by_its_call_and_an_outside_file_by_nobody(db):
    (log,) = find(db, "log", {"filename": ["2.log"]})
    (raw,) = find(db, "raw")
    origin = find_producer(db, log.id)
    assert origin
    assert (origin.program, origin.wrapnum) == (None, 2)
    assert (find_producer(db, raw.id), raw.run, find_producer_inputs(db, raw.id)) == (None, None, [])


def test_the_types_are_known(db):
    assert filetypes(db) == ["log", "raw", "red"]


def test_what_a_call_made_is_what_its_newest_good_execution_made(any_db, new_attempt, a_story, tmp_path):
    attempt = create_attempt(any_db, new_attempt(run="HST2_r1p01", unitname="HST2"))
    story = a_story("HST2_r1p01")
    story.call(1, 1, queue="0.1", writes=("s/1.txt", "s/2.txt"))
    story.call(1, 1, queue="1.1", writes=("s/1.txt",))
    story.call(1, 2, queue="1.1", writes=("s/3.txt",), status=1)
    story.call(1, 3, queue="1.1", writes=("s/4.txt",))
    ingest(any_db, attempt, story.write(tmp_path / "second"))
    made = [(number, row.path) for number, row in find_call_outputs(any_db, "home", "HST2_r1p01", [1, 2])]
    assert made == [(1, "s/1.txt")]
    assert list(find_call_outputs(any_db, "nowhere", "HST2_r1p01", [1])) == []
