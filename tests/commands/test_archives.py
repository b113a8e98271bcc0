"""``fw get`` brings files out of archives, ``fw fsck`` checks these against the registry and puts them right."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from framework.archives.archive import Archive
from framework.archives.writers import lock_for_writing

HELLO = Path(__file__).parents[2] / "pipelines" / "hello.wcl"
RUN = "SKY/hello/none/r1/hello/p01"


@pytest.fixture(scope="module")
def a_run(tmp_path_factory):
    """A home with a finished run, to copy."""
    import subprocess
    import sys

    home = tmp_path_factory.mktemp("hello") / "home"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FW_")}
    path = os.pathsep.join([os.path.dirname(sys.executable), environment.get("PATH", os.defpath)])
    environment |= {"FW_HOME": str(home), "PATH": path}
    subprocess.run([sys.executable, "-m", "framework.cli", "submit", HELLO], env=environment, check=True, timeout=120)
    return home


@pytest.fixture
def archive(a_run, fw_home):
    """The archive of a home of the test's own, which knows a second archive that has nothing yet."""
    shutil.copytree(a_run, fw_home)
    (fw_home / "site.wcl").write_text(f"<archive>\n<tape>\nroot = {fw_home}/tape\n</tape>\n</archive>\n")
    (fw_home / "tape").mkdir()
    return fw_home / "archive"


def spoil(path: Path, text: str) -> None:
    path.chmod(0o644)
    path.write_text(text)


def on_tape(fw_home: Path, path: str, text: str | None = None) -> None:
    """Let the second archive have a file too, as it is or with another content."""
    import sqlite3

    target = fw_home / "tape" / path
    target.parent.mkdir(parents=True)
    shutil.copy(fw_home / "archive" / path, target)
    if text is not None:
        spoil(target, text)
    with sqlite3.connect(fw_home / "registry.sqlite") as connection:
        connection.execute(
            "insert into file_archive_info (desfile_id, archive_name, filename, path) "
            "select id, 'tape', filename, '' from desfile where path = ?",
            (path,),
        )
    connection.close()


def test_files_are_got_by_name_or_by_type(fw, archive, tmp_path):
    said = fw("get", "together.txt", f"{RUN}/greetings/moon.txt", "--into", "mine")
    assert (said.status, said.out.splitlines()) == (0, ["mine/together.txt", "mine/moon.txt"])
    assert (tmp_path / "mine/moon.txt").read_text() == (archive / RUN / "greetings/moon.txt").read_text()
    assert fw("get", "--filetype", "greeting", "--where", "name=mars", "--into", "mine").out.splitlines() == [
        "mine/mars.txt",
        "mine/mars_loud.txt",
    ]


def test_getting_again_changes_nothing_and_another_file_is_never_overwritten(fw, archive, tmp_path):
    assert fw("get", "moon.txt").status == 0
    assert fw("get", "moon.txt").status == 0
    spoil(tmp_path / "moon.txt", "my own")
    said = fw("get", "moon.txt")
    assert (said.status, "is there already, and is another file" in said.err) == (1, True)
    assert (tmp_path / "moon.txt").read_text() == "my own"


def test_a_spoilt_copy_is_not_handed_out_and_the_next_archive_is_tried(fw, archive, fw_home, tmp_path):
    on_tape(fw_home, f"{RUN}/greetings/moon.txt")
    for name in ("moon.txt", "mars.txt"):
        spoil(archive / RUN / "greetings" / name, "spoilt")
    assert fw("get", "moon.txt").status == 0
    assert "moon" in (tmp_path / "moon.txt").read_text().lower()
    said = fw("get", "mars.txt")
    assert (said.status, "home: has other content" in said.err, (tmp_path / "mars.txt").exists()) == (1, True, False)


def test_an_archive_that_is_as_recorded_passes(fw, archive):
    said = fw("fsck", "--contents")
    assert (said.status, said.err) == (0, "")
    assert said.out.endswith("files on record: all as it should be\n")


def test_what_is_wrong_is_found_both_ways(fw, archive):
    greetings = archive / RUN / "greetings"
    (greetings / "moon.txt").unlink()
    spoil(greetings / "mars.txt", "spoilt and longer than it was before")
    text = (greetings / "world.txt").read_text()
    spoil(greetings / "world.txt", text.upper())
    (greetings / "stray name.txt").write_text("whose?")
    quick, whole = fw("fsck", "--json"), fw("fsck", "--contents", "--json")
    assert (quick.status, whole.status) == (1, 1)

    def kinds(said):
        return sorted((each["kind"], each["path"].rpartition("/")[2]) for each in said.json["findings"])

    found = [("missing", "moon.txt"), ("orphan", "stray name.txt"), ("size", "mars.txt")]
    assert kinds(quick) == found
    assert kinds(whole) == sorted([*found, ("content", "world.txt")])


def test_a_repair_is_first_only_told(fw, archive):
    (archive / RUN / "greetings/moon.txt").unlink()
    said = fw("fsck", "--repair")
    assert said.status == 1
    assert "would copy it from another archive, or strike it" in said.out
    assert fw("fsck").out == fw("fsck").out
    assert "1 missing" in fw("fsck").out


def test_a_repair_copies_sets_aside_and_strikes_but_deletes_nothing(fw, archive, fw_home):
    greetings = archive / RUN / "greetings"
    on_tape(fw_home, f"{RUN}/greetings/moon.txt")
    (greetings / "moon.txt").unlink()
    spoil(greetings / "mars.txt", "spoilt")
    (greetings / "stray.txt").write_text("whose?")
    said = fw("fsck", "--repair", "--yes")
    assert said.status == 0
    assert (greetings / "moon.txt").exists()
    aside = fw_home / "lost+found" / "home" / RUN / "greetings"
    assert ((aside / "mars.txt").read_text(), (aside / "stray.txt").read_text()) == ("spoilt", "whose?")
    assert fw("fsck", "--contents").status == 0
    # What the struck file was, and what came from it, stays on record.
    assert "together.txt" in fw("lineage", f"{RUN}/greetings/mars.txt", "--down").out
    assert "no archive keeps it" in fw("get", "mars.txt").err


def test_a_bad_copy_elsewhere_is_not_taken(fw, archive, fw_home):
    on_tape(fw_home, f"{RUN}/greetings/moon.txt", "rotten")
    (archive / RUN / "greetings/moon.txt").unlink()
    assert "struck from home" in fw("fsck", "--repair", "--yes").out


def test_an_unknown_archive_is_refused(fw, archive):
    said = fw("fsck", "tapes")
    assert (said.status, "did you mean 'tape'?" in said.err) == (2, True)


def test_a_repair_waits_for_nobody_and_takes_nothing_from_who_writes_there(fw, archive):
    (archive / "new.txt").write_text("not on record yet")
    with lock_for_writing(Archive("home", str(archive), {}), "fw ingest"):
        said, checked = fw("fsck", "--repair", "--yes"), fw("fsck")
    assert (said.status, "work there: fw ingest (process" in said.err) == (3, True)
    assert (checked.status, "without a record are not looked at" in checked.err) == (0, True)
    assert (archive / "new.txt").exists()
    assert "set aside" in fw("fsck", "--repair", "--yes").out


def test_a_root_that_has_vanished_is_not_made_anew(fw, archive, fw_home, tmp_path):
    (tmp_path / "a.txt").write_text("a\n")
    (tmp_path / "types.wcl").write_text(
        "<filetype_metadata>\n<note>\nfilename = ${name}.txt\nops = n\n</note>\n</filetype_metadata>\n"
    )
    on_tape(fw_home, f"{RUN}/greetings/moon.txt")
    (fw_home / "tape").rename(fw_home / "elsewhere")
    assert fw("export", "hello_r1p01", "run.skyfw").status == 0
    archive.rename(fw_home / "not mounted")
    for verb in (
        ("ingest", "--types", "types.wcl", "a.txt"),
        ("import", "run.skyfw"),
        ("replicate", "--all", "--to", "tape"),
        ("fsck", "--repair", "--yes"),
    ):
        said = fw(*verb)
        assert (said.status, "there is no directory" in said.err) == (3, True), (verb, said)
    assert not archive.exists()
    assert not (fw_home / "tape").exists()
    (fw_home / "not mounted").rename(archive)
    assert fw("ingest", "--types", "types.wcl", "a.txt").status == 0
