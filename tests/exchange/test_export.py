"""``fw export`` and ``fw import``: what others' readers find in it, and a run with its files on another site."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from prov.model import PROV, ProvActivity, ProvAgent, ProvDocument, ProvEntity, ProvGeneration, ProvUsage

from framework.archives.directory_store import DirectoryStore

CHECK = Path(__file__).parent / "check_crate.py"
ARCHIVE = "archive/SKY/small/none/r1/U/p01"


@pytest.fixture
def a_run(fw, a_pipeline):
    """A run of three calls whose names would hurt who is careless with them."""
    said = fw("submit", a_pipeline(numbers="a+b, x:@%~^", module="max_retries = 0"))
    assert said.status == 0, said.err
    return "U_r1p01"


def test_prov_is_read_back_with_every_file_call_and_link(fw, ask, a_run, tmp_path):
    said = fw("export", a_run, "run.json", "--format", "prov")
    assert said.status == 0, said.err
    document = ProvDocument.deserialize(tmp_path / "run.json", format="json")

    def count(kind):
        return len(list(document.get_records(kind)))

    ((files, executions, used, made),) = ask(
        "select (select count(*) from desfile), (select count(*) from task where name not in ('block', 'job')),"
        " (select count(*) from opm_used), (select count(*) from opm_was_generated_by)"
    )
    assert count(ProvEntity) == files + 2  # with the configuration as typed and as understood
    assert (count(ProvActivity), count(ProvUsage), count(ProvGeneration)) == (executions, used, made)
    labels = {str(value) for one in document.get_records(ProvAgent) for value in one.get_attribute("prov:type")}
    assert labels == {"prov:Person", "prov:SoftwareAgent"}
    (first,) = (
        one for one in document.get_records(ProvEntity) if "x:@%~^.txt" in map(str, one.get_attribute("prov:label"))
    )
    assert str(first.identifier) == "fw:file/SKY/small/none/r1/U/p01/made/x%3A%40%25~%5E.txt"
    # A second time by way of PROV-N's model, nothing is lost.
    assert ProvDocument.deserialize(content=document.serialize(format="json"), format="json") == document
    assert json.loads(fw("export", a_run, "-", "--format", "prov").out) == json.loads(
        (tmp_path / "run.json").read_text()
    )
    assert PROV["startTime"] in {
        name for one in document.get_records(ProvActivity) for name, _ in one.formal_attributes
    }


def crate_of(path):
    graph = json.loads((path / "ro-crate-metadata.json").read_text())["@graph"]
    return {entity["@id"]: entity for entity in graph}, len(graph)


def references(value):
    if isinstance(value, dict):
        if set(value) == {"@id"}:
            yield value["@id"]
        else:
            for part in value.values():
                yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_a_crate_names_each_thing_once_and_holds_the_files_that_it_says(fw, a_run, tmp_path):
    said = fw(
        "export", a_run, "crate", "--format", "rocrate", "--with-files", "--license", "https://spdx.org/licenses/MIT"
    )
    assert said.status == 0, said.err
    entities, count = crate_of(tmp_path / "crate")
    assert len(entities) == count
    here = {at for at in entities if at.startswith(("files/", "pipeline.wcl")) and "#" not in at}
    assert {
        os.path.relpath(path, tmp_path / "crate") for path in (tmp_path / "crate").rglob("*") if path.is_file()
    } == {
        "ro-crate-metadata.json",
        *(unquote(at) for at in here),
    }
    elsewhere = {"https://w3id.org/ro/crate/1.1"}
    assert {at for entity in entities.values() for at in references(list(entity.values()))} - set(entities) <= elsewhere
    actions = [entity for entity in entities.values() if entity["@type"] == "CreateAction"]
    assert len(actions) == 4  # the run's and those of three calls
    assert fw("export", a_run, "crate", "--format", "rocrate").status == 1  # it is there already


@pytest.mark.slow
def test_the_validator_finds_nothing_wrong_with_a_crate(fw, a_run, tmp_path, unable):
    python = os.environ.get("ROCRATE_PYTHON")
    if not python:
        unable("ROCRATE_PYTHON names no Python with roc-validator and rocrate<0.14")
    assert python
    for name, more in (("crate", ["--with-files"]), ("crate.zip", [])):
        assert fw("export", a_run, name, "--format", "rocrate", *more).status == 0
        said = subprocess.run([python, CHECK, tmp_path / name], capture_output=True, text=True, check=False)
        assert (said.returncode, said.stdout) == (0, "0 issues\n"), said.stdout + said.stderr


def test_a_run_with_its_files_can_be_verified_on_another_site(fw, fw_home, a_run, tmp_path):
    fw("rerun", "--verify", a_run, 1)
    assert fw("export", a_run, "run.skyfw", "--with-files").status == 0
    other = {"FW_HOME": str(tmp_path / "other")}
    shutil.move(fw_home, tmp_path / "gone")
    said = fw("import", "run.skyfw", **other)
    assert said.status == 0, said.err
    files = [path for path in (tmp_path / "gone/archive").rglob("*") if path.is_file()]
    assert said.out == f"{a_run}: imported, {len(files)} files\n"
    assert fw("import", "run.skyfw", **other).out == f"{a_run}: was here\n"
    assert fw("fsck", "--contents", **other).status == 0
    assert fw("log", a_run, **other).out == fw("log", a_run, FW_HOME=str(tmp_path / "gone")).out
    assert "verified by" in fw("job", a_run, **other).out
    assert fw("rerun", "--verify", a_run, **other).status == 0
    assert (tmp_path / "other" / ARCHIVE / "made/together.txt").stat().st_mode & 0o777 == 0o444


def test_compressed_files_are_handed_over_as_they_were_made(fw, fw_home, a_pipeline, tmp_path):
    assert fw("submit", a_pipeline(file="compress_files = True")).status == 0
    assert "made/1.txt " in fw("whence", fw_home / ARCHIVE / "made/1.txt.gz").out
    assert fw("export", "U_r1p01", "run.skyfw", "--with-files").status == 0
    assert fw("export", "U_r1p01", "run.zip", "--format", "rocrate", "--with-files").status == 0
    for name in ("run.skyfw", "run.zip"):
        with zipfile.ZipFile(tmp_path / name) as file:
            assert file.read(f"files/{ARCHIVE.removeprefix('archive/')}/made/1.txt") == b"1\n"
    assert fw("export", "U_r1p01", "run", "--format", "rocrate").status == 0
    assert f"file://{fw_home}/{ARCHIVE}/made/1.txt.gz" in crate_of(tmp_path / "run")[0]
    other = {"FW_HOME": str(tmp_path / "other")}
    assert fw("import", "run.skyfw", **other).status == 0
    assert (tmp_path / "other" / ARCHIVE / "made/1.txt").read_text() == "1\n"
    assert fw("fsck", "--contents", **other).status == 0
    assert fw("rerun", "--verify", "U_r1p01", **other).status == 0


def test_files_by_reference_are_on_record_where_this_site_has_them(fw, fw_home, a_run, tmp_path):
    assert fw("export", a_run, "run.skyfw").status == 0
    (fw_home / ARCHIVE / "made/together.txt").unlink()
    second = {"FW_REGISTRY": f"sqlite:///{tmp_path}/second.sqlite"}  # of the same site
    said = fw("import", "run.skyfw", **second)
    assert said.out == f"{a_run}: imported, 1 file in no archive here\n"
    assert fw("get", "a+b.txt", "--into", "mine", **second).status == 0


def test_what_is_refused_leaves_nothing(fw, fw_home, a_run, tmp_path):
    assert fw("export", a_run, "run.skyfw", "--with-files").status == 0
    other = tmp_path / "other"
    (other / ARCHIVE / "made").mkdir(parents=True)
    (other / ARCHIVE / "made/together.txt").write_text("something else")
    said = fw("import", "run.skyfw", FW_HOME=str(other))
    assert (said.status, "is there already, and is another file" in said.err) == (1, True)
    assert [path for path, _ in DirectoryStore(str(other / "archive")).files()] == [
        f"{ARCHIVE.removeprefix('archive/')}/made/together.txt"
    ]
    assert fw("sql", "select count(*) as n from task", "--json", FW_HOME=str(other)).json == [{"n": 0}]
    # A directory of the archive that leads elsewhere is not followed.
    shutil.rmtree(other / "archive")
    (tmp_path / "elsewhere").mkdir()
    (other / "archive").mkdir()
    (other / "archive/SKY").symlink_to(tmp_path / "elsewhere")
    said = fw("import", "run.skyfw", FW_HOME=str(other))
    assert (said.status, "a link leads out of the archive" in said.err) == (3, True)
    assert [path for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()] == []


def test_what_cannot_be_exported_is_said(fw, fw_home, a_run, tmp_path, ask):
    assert fw("export", a_run, "x", "--format", "prov", "--with-files").status == 2
    assert fw("export", a_run, "x", "--format", "rocrate", "--ancestors").status == 2
    assert fw("export", a_run, "-").status == 2
    said = fw("export", "U_r1p02", "x")
    assert (said.status, "no run is called 'U_r1p02'" in said.err) == (2, True)
    made = fw_home / ARCHIVE / "made/together.txt"
    made.chmod(0o644)
    made.write_text("spoilt")
    said = fw("export", a_run, "x", "--with-files")
    assert (said.status, "is not what is recorded of it" in said.err) == (1, True)
    assert sorted(path.name for path in tmp_path.glob("x*")) == []
    said = fw("import", "small.wcl")
    assert (said.status, "not a bundle that fw export has written" in said.err) == (1, True)
    assert fw("import", "none.skyfw").status == 3
    fw("export", a_run, "run.skyfw")
    assert fw("import", "run.skyfw", "--archive", "moon").status == 2
    with zipfile.ZipFile(tmp_path / "run.skyfw") as bundle:
        assert json.loads(bundle.read("manifest.json"))["runs"] == [a_run]
