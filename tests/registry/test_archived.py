"""What archives have of files, and what was removed from them, alike on both databases."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from framework.registry.questions.archive_copies import (
    archived_files,
    record_copies,
    record_removals,
    removals_at,
    removals_of,
    removed_from,
)
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
