"""A repair takes nothing away from those who write to an archive, whatever registry or end they have."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from framework.archives.archive import Archive
from framework.archives.fsck import check, repair
from framework.archives.writers import ArchiveInUseError, lock_for_repair, lock_for_writing, writers_at_work
from framework.errors import InfrastructureError
from framework.registry.database.connection import Registry

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    (tmp_path / "home").mkdir()
    return Archive("home", str(tmp_path / "home"), {})


def work(use: Callable[[], AbstractContextManager[None]], told: Connection) -> None:
    """Use an archive in a process of its own, until it is told to end."""
    with use():
        told.send("at work")
        told.recv()


@contextmanager
def another_process(use: Callable[[], AbstractContextManager[None]]) -> Iterator[tuple[int, Connection]]:
    here, there = FORK.Pipe()
    process = FORK.Process(target=work, args=(use, there))
    process.start()
    try:
        yield process.pid or 0, here
    finally:
        process.kill()
        process.join()


def test_a_repair_is_refused_while_another_process_writes_and_is_told_who(archive: Archive) -> None:
    with another_process(lambda: lock_for_writing(archive, "fw ingest")) as (pid, told):
        told.recv()
        with pytest.raises(ArchiveInUseError, match=rf"fw ingest \(process {pid} on "), lock_for_repair(archive):
            pass
        with lock_for_writing(archive, "fw import"):  # writers hinder nobody but a repair
            assert len(writers_at_work(archive)) == 2
    assert writers_at_work(archive) == []


def test_a_writer_that_was_killed_hinders_no_repair(archive: Archive) -> None:
    with another_process(lambda: lock_for_writing(archive, "fw ingest")) as (pid, told):
        told.recv()
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert writers_at_work(archive) == []
        with lock_for_repair(archive):
            assert [path.name for path in Path(archive.root, ".writers").iterdir()] == ["lock"]


def test_a_writer_waits_for_the_end_of_a_repair(archive: Archive) -> None:
    with another_process(lambda: lock_for_repair(archive)) as (_, repairer):
        repairer.recv()
        with another_process(lambda: lock_for_writing(archive, "fw ingest")) as (_, told):
            assert not told.poll(0.2)
            repairer.send("end")
            assert told.recv() == "at work"


def test_two_repairs_do_not_meet(archive: Archive) -> None:
    with (
        lock_for_repair(archive),
        pytest.raises(ArchiveInUseError, match="another fw fsck --repair"),
        lock_for_repair(archive),
    ):
        pass


def test_an_archive_that_has_vanished_is_not_made_anew_by_a_repair(archive: Archive) -> None:
    Path(archive.root).rmdir()
    with pytest.raises(InfrastructureError, match="there is no directory"), lock_for_repair(archive):
        pass
    assert not Path(archive.root).exists()


def test_a_check_leaves_out_what_writers_have_not_recorded(archive: Archive, any_db: Registry, tmp_path: Path) -> None:
    (tmp_path / "home/new.txt").write_text("not yet on record")
    with lock_for_writing(archive, "fw ingest"):
        checked = check(any_db, archive, contents=False)
    assert (checked.findings, [who[:9] for who in checked.writers]) == ([], ["fw ingest"])
    alone = check(any_db, archive, contents=False)
    assert [finding.path for finding in alone.findings] == ["new.txt"]
    list(repair(any_db, archive, {}, alone.findings, tmp_path / "aside"))
    assert (tmp_path / "aside/home/new.txt").exists()
