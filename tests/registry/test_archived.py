"""What archives have of files, and what was removed from them, alike on both databases."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from framework.registry.ingest.ingester import ingest
from framework.registry.questions.archive_copies import (
    archived_files,
    record_copies,
    record_removals,
    removals_at,
    removals_of,
    removed_from,
)
from framework.registry.questions.attempts import create_attempt
from framework.registry.questions.external_files import record_files
from framework.registry.questions.file_selection import find_copies
from framework.registry.questions.files import Copy, copies_of, find_in_archive
from framework.registry.questions.key_values import key_value_conditions
from framework.registry.questions.selection import Selection


@dataclass(frozen=True)
class Note:
    """A file from outside."""

    path: str
    size: int = 3
    sha256: str = "abc"
    filetype: str = "note"
    metadata: dict[str, object] = field(default_factory=dict)


@pytest.fixture
def notes(any_db):
    """A registry with three files in the archive ``home``."""
    record_files(any_db, "home", [Note(f"n/it's {number}.txt", metadata={"number": number}) for number in (1, 2, 3)])
    return any_db


def names(db, archive, choice):
    return [file.path for file, _ in find_copies(db, archive, choice)]


def test_files_are_chosen_by_type_metadata_and_age(notes):
    everything = [f"n/it's {number}.txt" for number in (1, 2, 3)]
    assert names(notes, "home", Selection(filetypes=("note",))) == everything
    assert names(notes, "home", Selection(conditions=key_value_conditions({"number": ("2", "3")}))) == everything[1:]
    assert names(notes, "home", Selection(before=4e9)) == everything
    assert names(notes, "home", Selection(before=1.0)) == []
    assert names(notes, "home", Selection(tag="DR1")) == names(notes, "home", Selection(runs=("R",))) == []
    assert names(notes, "tape", Selection()) == []


def test_a_copy_is_recorded_once_and_keeps_the_form_that_it_has(notes):
    (first, plain), *_ = find_copies(notes, "home", Selection())
    packed = Copy(archive="tape", path=f"{first.path}.gz", size=9, sha256="z", ending=".gz")
    for _ in range(2):
        record_copies(notes, "tape", [(first.id, packed)])
    assert copies_of(notes, [first.id]) == {first.id: [plain, packed]}
    assert find_in_archive(notes, "tape", [first.path])[first.path].packed == (".gz", 9, "z")
    assert [file.copy.path for file in archived_files(notes, "tape")] == ["n/it's 1.txt.gz"]


def test_a_removal_is_remembered_until_the_file_is_there_again(notes):
    (first, copy), *_ = find_copies(notes, "home", Selection())
    for reason in ("too large", "superseded"):
        record_removals(notes, "home", [first.id], by="olga", reason=reason, now=86400.0)
    assert copies_of(notes, [first.id]) == {}
    assert removed_from(notes, "home") == {first.path}
    removal = removals_at(notes, [first.path])[first.path]
    assert removals_of(notes, [first.id]) == {first.id: removal}
    assert removal.message(first.path) == (
        "was removed from home on 1970-01-02 by olga: superseded; it came from outside, ingest it again"
    )
    record_copies(notes, "home", [(first.id, copy)])
    assert removed_from(notes, "home") == set()
    assert len(list(archived_files(notes, "home"))) == 3


@pytest.fixture
def made_again(any_db, new_attempt, a_story, tmp_path):
    """A function that records a file again with another content, and returns its id; ``at_once`` in one ingest."""

    def record(*contents, at_once=False):
        attempt = create_attempt(any_db, new_attempt())
        story = a_story()
        story.tell("engine", "attempt.start")
        for number, (sha256, packed) in enumerate(contents, 1):
            story.start_job(1, queue=f"q{number}")
            story.call(1, 1, queue=f"q{number}", writes=("r/out.fits",), reads=())
            facts = story.journals["worker"]
            [file] = [file for file in facts[-1]["files"] if file["path"] == "r/out.fits"]
            file |= {"sha256": sha256, **({"packed": packed} if packed else {})}
            story.end_job(1, queue=f"q{number}")
            if not at_once:
                ingest(any_db, attempt, story.write(tmp_path / "journals"))
                [row] = find_in_archive(any_db, "home", ["r/out.fits"]).values()
                if number == 1:
                    tape = Copy(archive="tape", path=row.path, size=7, sha256=sha256)
                    record_copies(any_db, "tape", [(row.id, tape)])
        ingest(any_db, attempt, story.write(tmp_path / "journals"))
        [row] = find_in_archive(any_db, "home", ["r/out.fits"]).values()
        return row

    return record


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("forms", [
    [[".gz", 10, "z1"], [".gz", 20, "z2"]],
    [[".gz", 10, "z1"], None],
    [None, [".gz", 20, "z2"]],
    [[".gz", 10, "z1"], [".fz", 20, "z2"]],
])  # fmt: skip
def test_the_record_of_a_compressed_copy_follows_a_file_that_is_made_again(made_again, forms, at_once):
    row = made_again(("old", forms[0]), ("new", forms[1]), at_once=at_once)
    assert row.sha256 == "new"
    assert row.packed == (tuple(forms[1]) if forms[1] else None)


def test_an_archive_with_the_former_content_has_no_copy_any_more(made_again, any_db):
    row = made_again(("old", None), ("new", None))
    assert {copy.archive for copy in copies_of(any_db, [row.id])[row.id]} == {"home"}


def test_an_archive_keeps_a_copy_of_a_file_that_was_made_again_alike(made_again, any_db):
    row = made_again(("same", None), ("same", None))
    assert {copy.archive for copy in copies_of(any_db, [row.id])[row.id]} == {"home", "tape"}
