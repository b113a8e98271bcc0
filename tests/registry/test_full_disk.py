"""A disk that is full is an error that says so, and costs no record."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from framework.errors import RegistryError
from framework.registry.database.opening import open_registry
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.attempts import create_attempt


@pytest.fixture
def small_disk(tmp_path, unable):
    """A file system of 3 MB."""
    if os.getuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "none", mounted(tmp_path)], check=False).returncode:
        unable("only root may mount a small file system")
    subprocess.run(["mount", "-o", "remount,size=3m", tmp_path / "disk"], check=True)
    yield tmp_path / "disk"
    subprocess.run(["umount", tmp_path / "disk"], check=True)


def mounted(tmp_path):
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


@pytest.mark.root
def test_a_full_disk_is_named_and_loses_nothing(small_disk, empty_sqlite, new_attempt, a_story, tmp_path, rows):
    story = a_story()
    for call in range(1, 1001):
        story.call(1, call)
    journals = story.write(tmp_path / "journals")
    shutil.copy(empty_sqlite, small_disk / "registry.sqlite")
    db = open_registry(f"sqlite:///{small_disk}/registry.sqlite")
    attempt = create_attempt(db, new_attempt())
    (small_disk / "ballast").write_bytes(bytes(2_000_000))
    with pytest.raises(RegistryError, match=r"registry\.sqlite: .*full.*: free some space"):
        ingest(db, attempt, journals)
    subprocess.run(["mount", "-o", "remount,size=60m", small_disk], check=True)
    ingest(db, attempt, journals)
    assert rows(db, "select count(*) from pfw_wrapper") == [(1000,)]
    db.close()
