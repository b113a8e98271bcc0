"""What the world may do to a run: a full disk, a registry that is away; nothing is lost, and the way on is said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest


@pytest.fixture
def small_disk(tmp_path: Path, unable: Callable[[str], NoReturn]) -> Iterator[Path]:
    """A file system of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if os.geteuid() != 0 or mounted.returncode:
        unable("a file system of its own needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.root
def test_a_full_disk_stops_a_run_and_loses_nothing(fw, a_pipeline, small_disk, tmp_path):
    home = small_disk / "home"
    pipeline = a_pipeline('head -c 700000 /dev/zero > "$2"; echo "$1" >> "$2"', numbers="(1:8)")
    said = fw("submit", pipeline, FW_HOME=str(home))
    assert said.status in (1, 3)
    assert "No space left on device" in said.err
    assert "fw restart U_r1p01" in said.err
    finished = {path.name: path.stat().st_ino for path in (home / "archive").rglob("made/*.txt")}
    assert 0 < len(finished) < 8

    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    said = fw("restart", "U_r1p01", FW_HOME=str(home))
    assert said.status == 0, said.err
    made = {path.name: path.stat().st_ino for path in (home / "archive").rglob("made/*.txt")}
    assert len(made) == 9
    assert finished.items() <= made.items()
    rows = fw("sql", "select count(*) as n from desfile where filetype = 'made'", "--json", FW_HOME=str(home)).json
    assert rows == [{"n": 8}]


@pytest.mark.root
def test_a_registry_on_a_full_disk_does_not_fail_the_jobs(fw, a_pipeline, small_disk, fw_home):
    registry = small_disk / "registry.sqlite"
    filler = small_disk / "filler"
    pipeline = a_pipeline(
        f'[ "$1" != 1 ] || head -c 9000000 /dev/zero > {filler} 2>/dev/null; echo "$1" > "$2"', numbers="(1:40)"
    )
    said = fw("submit", pipeline, FW_REGISTRY=f"sqlite:///{registry}")
    assert said.status == 3, said.err
    assert "full" in said.err
    assert len(list((fw_home / "archive").rglob("made/*.txt"))) == 41
    filler.unlink()
    assert fw("restart", "U_r1p01", FW_REGISTRY=f"sqlite:///{registry}").status == 0
    rows = fw("sql", "select count(*) as n from pfw_wrapper", "--json", FW_REGISTRY=f"sqlite:///{registry}").json
    assert rows == [{"n": 41}]


def test_a_registry_that_cannot_be_reached_is_said_before_anything_runs(fw, a_pipeline, fw_home):
    said = fw("submit", a_pipeline(), FW_REGISTRY="postgresql://nobody@127.0.0.1:9/none")
    assert said.status == 3
    assert "FW_REGISTRY" in said.err
    assert not (fw_home / "runs").exists()


def test_a_home_that_cannot_be_written_is_said(fw, a_pipeline, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    said = fw("submit", a_pipeline(), FW_HOME=str(blocked))
    assert said.status == 3
    assert str(blocked) in said.err
