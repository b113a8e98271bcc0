"""What archives do on the local engine they do on a pool: compressed files, junk, a tape's files, and odd names."""

from __future__ import annotations

import gzip
import tarfile

import pytest

from tests.engines.test_junk import LEAVES
from tests.engines.test_staging import tape  # noqa: F401 (a fixture)
from tests.htcondor.conftest import FAR, SHARED, compare, sets
from tests.registry.test_names import NAMES, odd, paths  # noqa: F401 (a fixture)

both_sites = pytest.mark.parametrize("site", [SHARED, FAR], ids=["shared", "transfer"])


@both_sites
def test_compressed_files_come_to_the_same_as_on_the_local_engine(fw, pool, a_pipeline, tmp_path, site):
    path, here, there = a_pipeline(file="compress_files = True"), tmp_path / "here", tmp_path / "there"
    assert fw("submit", path, FW_HOME=str(here)).status == 0
    done = fw("submit", path, "--wait", *sets(site), FW_HOME=str(there))
    assert done.status == 0, done.err
    assert compare(here, there, "U_r1p01") == []
    assert gzip.decompress((there / "archive/SKY/small/none/r1/U/p01/made/2.txt.gz").read_bytes()) == b"2\n"
    assert fw("fsck", "--contents", FW_HOME=str(there)).status == 0


@both_sites
def test_what_jobs_leave_comes_home_when_that_is_asked_for(fw, pool, a_pipeline, fw_home, ask, site):
    done = fw("submit", a_pipeline(LEAVES), "--wait", *sets([*site, "create_junk_tarball=True", "max_retries=0"]))
    assert done.status == 1
    inside = {}
    for number, path in ask("select j.jobnum, d.path from pfw_job j join desfile d on d.path = j.junktar"):
        with tarfile.open(fw_home / "archive" / path) as tarball:
            inside[number] = sorted(tarball.getnames())
    assert inside == {1: ["scratch.txt"], 2: ["made/2.txt", "scratch.txt"], 3: ["scratch.txt"]}


@both_sites
def test_files_of_a_tape_are_there_before_the_jobs_begin(fw, pool, tape, fw_home, site):  # noqa: F811
    (fw_home / "mounted").touch()
    done = fw("submit", "use.wcl", "--wait", *sets(site))
    assert done.status == 0, done.err
    assert sorted((fw_home / "asked").read_text().splitlines()) == [f"tape SKY/notes/{n}.md" for n in (1, 2, 3)]
    assert (fw_home / "archive/SKY/use/none/r1/N/p01/copy/2.txt").read_text() == "note 2\n"


@both_sites
def test_files_of_any_name_come_through(fw, pool, odd, fw_home, site):  # noqa: F811
    assert fw("ingest", "--types", odd, "notes").status == 0
    done = fw("submit", odd, "--wait", *sets(site))
    assert done.status == 0, done.err
    again = paths(fw("query", "made", "filename=again %", "--json"))
    assert {name: (fw_home / "archive" / path).read_bytes().decode() for name, path in again.items()} == {
        name: name for name in NAMES
    }
    assert fw("fsck", "--contents").status == 0
