"""Files from outside go into an archive once, replace nothing, and hinder no other; on both databases."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import socket
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import pytest

from framework.archives.copy import OtherFileError, add_file
from framework.archives.directory_store import DirectoryStore
from framework.archives.external_filetypes import ExternalFiletype, filetypes
from framework.archives.file_walk import UnreachableFile, walk
from framework.archives.ingest_files import IncomingFile, IngestResult, ingest
from framework.output.progress import Tally
from framework.registry.database.connection import Registry
from framework.registry.ingest.ingester import ingest as ingest_journals
from framework.registry.questions.archive_copies import record_removals, remove_record
from framework.registry.questions.attempts import create_attempt
from framework.registry.questions.external_files import FileState, record_files
from framework.registry.questions.files import files_of_attempt, find_in_archive
from wcl import read

TYPES = """
<filetype_metadata>
    <note>
        filename = ${name}.txt
        ops = notes
    </note>
</filetype_metadata>
"""

Ingest = Callable[..., IngestResult]


@pytest.fixture
def notes(tmp_path: Path) -> Callable[..., Path]:
    """A function that makes a folder of files by their names."""

    def make(folder: str, files: Mapping[str, str]) -> Path:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        for name, text in files.items():
            (place / name).write_text(text)
        return place

    return make


def ingest_into(
    db: Registry, tmp_path: Path, *paths: Path, archive: str = "home", kinds: list[ExternalFiletype] | None = None
) -> IngestResult:
    (tmp_path / "types.wcl").write_text(TYPES)
    kinds = kinds or filetypes(read(tmp_path / "types.wcl"))
    (tmp_path / archive).mkdir(exist_ok=True)
    with Tally(io.StringIO(), "into home", quiet=True) as tally:
        return ingest(db, archive, DirectoryStore(str(tmp_path / archive)), kinds, paths, tally)


def outcome(result: IngestResult) -> tuple[int, int, int]:
    return len(result.new), len(result.known), len(result.refused)


def contents(tmp_path: Path, archive: str = "home") -> dict[str, str]:
    return {path.name: path.read_text() for path in (tmp_path / archive).rglob("*") if path.is_file()}


def records_and_files_agree(db: Registry, tmp_path: Path) -> bool:
    """Whether each file of the archive is on record with its content, and no other."""
    there = contents(tmp_path)
    rows = find_in_archive(db, "home", [f"notes/{name}" for name in there])
    found = {path.rpartition("/")[2]: row.sha256 for path, row in rows.items()}
    return found == {name: hashlib.sha256(text.encode()).hexdigest() for name, text in there.items()}


def test_what_another_registry_put_there_is_never_replaced(any_registry, tmp_path, notes):
    ours, theirs = any_registry("ours"), any_registry("theirs")
    first = notes("first", {"a.txt": "mine", "b.txt": "mine too"})
    assert outcome(ingest_into(ours, tmp_path, first)) == (2, 0, 0)
    other = notes("other", {"a.txt": "other", "b.txt": "mine too", "c.txt": "new"})
    result = ingest_into(theirs, tmp_path, other)
    assert [file.path for file in result.new] == ["notes/b.txt", "notes/c.txt"]
    [(source, reason)] = result.refused
    assert source == str(other / "a.txt")
    assert "notes/a.txt is there already, and is another file" in reason
    assert contents(tmp_path) == {"a.txt": "mine", "b.txt": "mine too", "c.txt": "new"}


def test_a_file_with_other_content_than_on_record_is_refused_and_the_others_go_in(any_db, tmp_path, notes):
    assert outcome(ingest_into(any_db, tmp_path, notes("one", {"a.txt": "old"}))) == (1, 0, 0)
    result = ingest_into(any_db, tmp_path, notes("two", {"a.txt": "new", "b.txt": "b"}))
    assert outcome(result) == (1, 0, 1)
    assert "it would replace notes/a.txt, which has another content" in result.refused[0][1]
    assert contents(tmp_path) == {"a.txt": "old", "b.txt": "b"}


@pytest.mark.parametrize("how", ["removed", "struck", "elsewhere"])
def test_a_file_on_record_that_the_archive_has_no_more_is_put_back(any_db, tmp_path, notes, how):
    folder = notes("one", {"a.txt": "same"})
    archive = "tape" if how == "elsewhere" else "home"
    ingest_into(any_db, tmp_path, folder, archive=archive)
    [row] = find_in_archive(any_db, archive, ["notes/a.txt"]).values()
    if how == "removed":
        record_removals(any_db, "home", [row.id], by="me", reason="broken transfer", now=1.0)
        (tmp_path / "home/notes/a.txt").unlink()
    elif how == "struck":
        remove_record(any_db, "home", row.id)
        (tmp_path / "home/notes/a.txt").unlink()
    assert outcome(ingest_into(any_db, tmp_path, folder)) == (1, 0, 0)
    again = find_in_archive(any_db, "home", ["notes/a.txt"])["notes/a.txt"]
    assert again.id == row.id
    assert contents(tmp_path) == {"a.txt": "same"}
    assert outcome(ingest_into(any_db, tmp_path, folder)) == (0, 1, 0)


def test_a_removed_file_makes_room_for_a_better_one_and_comes_back_when_that_is_removed(any_db, tmp_path, notes):
    ids: dict[str, int] = {}
    for text in ("truncated", "whole", "truncated"):
        assert outcome(ingest_into(any_db, tmp_path, notes("raw", {"a.txt": text}))) == (1, 0, 0)
        [row] = find_in_archive(any_db, "home", ["notes/a.txt"]).values()
        assert row.sha256 == hashlib.sha256(text.encode()).hexdigest()
        assert ids.setdefault(text, row.id) == row.id
        record_removals(any_db, "home", [row.id], by="me", reason="bad", now=1.0)
        (tmp_path / "home/notes/a.txt").unlink()
    assert len(ids) == 2


def test_a_file_that_another_archive_still_has_makes_no_room(any_db, tmp_path, notes):
    ingest_into(any_db, tmp_path, notes("one", {"a.txt": "old"}), archive="tape")
    result = ingest_into(any_db, tmp_path, notes("two", {"a.txt": "new"}))
    assert outcome(result) == (0, 0, 1)
    assert "the registry has another file at notes/a.txt" in result.refused[0][1]


def test_the_same_file_named_twice_is_taken_once_and_a_twin_is_known(any_db, tmp_path, notes):
    folder = notes("one", {"a.txt": "a"})
    assert outcome(ingest_into(any_db, tmp_path, folder, folder / "a.txt", folder)) == (1, 0, 0)
    twins = notes("two", {"b.txt": "b"}), notes("three", {"b.txt": "b"}), notes("four", {"b.txt": "another"})
    result = ingest_into(any_db, tmp_path, *twins)
    assert outcome(result) == (1, 1, 1)
    assert result.refused[0][0].endswith("four/b.txt")


def _ingest_in_a_process(url: str, tmp_path: Path, folder: Path, barrier: object, results: object) -> None:
    from framework.registry.database.opening import open_registry

    db = open_registry(url)
    barrier.wait()  # type: ignore[attr-defined]
    results.put((folder.name, outcome(ingest_into(db, tmp_path, folder))))  # type: ignore[attr-defined]
    db.close()


@pytest.mark.parametrize("is_same", [True, False])
def test_two_writers_of_the_same_names_end_as_one(any_db, tmp_path, notes, is_same):
    url = any_db.engine.url.render_as_string(hide_password=False)
    any_db.close()
    names = [f"n{number:02}.txt" for number in range(60)]
    folders = [notes(f"w{who}", {name: name if is_same else f"{name} of {who}" for name in names}) for who in (1, 2)]
    start = multiprocessing.get_context("fork")
    barrier, results = start.Barrier(2), start.Queue()
    writers = [
        start.Process(target=_ingest_in_a_process, args=(url, tmp_path, folder, barrier, results)) for folder in folders
    ]
    for writer in writers:
        writer.start()
    found = dict(results.get(timeout=20) for _ in writers)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    counts = list(found.values())
    assert sum(new for new, _, _ in counts) == len(names)
    other = sum(known if is_same else refused for _, known, refused in counts)
    assert other == len(names)
    assert records_and_files_agree(any_db, tmp_path)


def test_what_cannot_be_reached_is_named_and_refused(any_db, tmp_path, notes):
    folder = notes("night", {"a.txt": "a"})
    disk = notes("disk 3", {"b.txt": "b"})
    (folder / "linked").symlink_to(disk)
    (disk / "up").symlink_to(folder)
    (folder / "gone.txt").symlink_to(tmp_path / "not mounted")
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket.txt"))
        result = ingest_into(any_db, tmp_path, folder)
    assert [file.path for file in result.new] == ["notes/a.txt", "notes/b.txt"]
    assert dict(result.refused) == {
        str(folder / "gone.txt"): "a link that leads nowhere",
        str(folder / "pipe.txt"): "it is a named pipe, not a file",
        str(folder / "socket.txt"): "it is a socket, not a file",
    }


def as_an_ordinary_user(work: Callable[[], Iterable[object]]) -> list[str]:
    """Do something as a user without rights, in a child, and return the lines of what came of it."""
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        with open(reading) as lines:
            said = lines.read().splitlines()
        assert os.waitpid(child, 0)[1] == 0
        return said
    try:
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        os.write(writing, "".join(f"{line}\n" for line in work()).encode())
    finally:
        os._exit(0)


def test_a_directory_and_a_file_without_rights_are_named(tmp_path, notes):
    folder = notes("night", {"a.txt": "a", "secret.txt": "s"})
    closed = notes("night/closed", {"b.txt": "b"})
    for parent in (tmp_path, *tmp_path.parents):
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)
    closed.chmod(0)
    try:
        found = as_an_ordinary_user(lambda: walk([folder]))
    finally:
        closed.chmod(0o755)
    assert len(found) == 3
    assert [line for line in found if "closed" in line and "Permission denied" in line]


def test_a_file_that_cannot_be_read_hinders_no_other(any_db, tmp_path, notes):
    folder = notes("night", {"a.txt": "a", "b.txt": "b"})
    (folder / "b.txt").unlink()
    (folder / "b.txt").symlink_to("/proc/self/mem")  # may be opened, and gives an error when it is read
    result = ingest_into(any_db, tmp_path, folder)
    assert ([file.path for file in result.new], [source for source, _ in result.refused]) == (
        ["notes/a.txt"], [str(folder / "b.txt")],
    )  # fmt: skip
    assert "it cannot be read: Input/output error" in result.refused[0][1]
    assert contents(tmp_path) == {"a.txt": "a"}


def test_a_walk_reads_each_directory_once(tmp_path, notes):
    folder = notes("a", {"x.txt": ""})
    (folder / "self").symlink_to(folder)
    assert [path for path in walk([folder, folder]) if not isinstance(path, UnreachableFile)] == [folder / "x.txt"]


def test_a_file_that_a_run_made_never_makes_room(any_db, new_attempt, whole_run, tmp_path):
    attempt = create_attempt(any_db, new_attempt())
    ingest_journals(any_db, attempt, whole_run.write(tmp_path / "journals"))
    made = next(row for row in files_of_attempt(any_db, attempt).values() if row.sha256)
    for archive in ("home", "tape"):
        remove_record(any_db, archive, made.id)
    file = IncomingFile("x", "note", made.path, {}, 5, "0" * 64)
    assert record_files(any_db, "home", [file]) == [FileState.OTHER]


def test_a_file_is_added_once_to_a_directory_whoever_comes_first(tmp_path):
    store = DirectoryStore(str(tmp_path))
    for text in ("first", "first"):
        add_file(store, "a/b.txt", partial(io.BytesIO, text.encode()), _Expected())
    with pytest.raises(OtherFileError, match=r"b\.txt is there already, and is another file"):
        add_file(store, "a/b.txt", lambda: io.BytesIO(b"second"), _Expected())
    assert [(path.name, path.read_text()) for path in (tmp_path / "a").iterdir()] == [("b.txt", "first")]


class _Expected:
    size = None
    sha256 = None
