"""``fw remove``: copies go by rule, and what they were, who removed them and why stays."""

from __future__ import annotations

import getpass
import shutil

import pytest

from tests.commands.test_archives import RUN, a_run  # noqa: F401 (a fixture)

WHY = ("--reason", "superseded", "--yes")


@pytest.fixture
def archive(a_run, fw_home, tmp_path):  # noqa: F811
    """A home with a finished run and a file from outside, which knows a second archive."""
    shutil.copytree(a_run, fw_home)
    (fw_home / "site.wcl").write_text(f"<archive>\n<second>\nroot = {fw_home}/second\n</second>\n</archive>\n")
    (fw_home / "second").mkdir()
    (tmp_path / "types.wcl").write_text(
        "<filetype_metadata>\n<note>\nfilename = ${name}.md\nops = SKY/notes\n</note>\n</filetype_metadata>\n"
    )
    (tmp_path / "clouds.md").write_text("clouds\n")
    return fw_home / "archive"


def test_a_removal_is_first_only_told(fw_here, archive):
    said = fw_here("remove", "hello_r1p01", "--filetype", "greeting")
    assert said.status == 0
    assert f"{RUN}/greetings/moon.txt" in said.out.splitlines()
    assert "would be removed from home; 0 kept" in said.err
    assert (archive / RUN / "greetings/moon.txt").exists()
    assert "say why with --reason" in fw_here("remove", "hello_r1p01", "--yes").err


def test_what_is_removed_stays_on_record_and_its_absence_is_explained(fw_here, archive, ask):
    digest = ask("select sha256 from desfile where filename = 'moon.txt'")
    assert fw_here("remove", "--filetype", "greeting", "--where", "filename=moon.txt", *WHY).status == 0
    assert not (archive / RUN / "greetings/moon.txt").exists()
    assert ask("select sha256 from desfile where filename = 'moon.txt'") == digest
    assert ask("select archive_name, removed_by, reason from file_tombstone") == [
        ("home", getpass.getuser(), "superseded")
    ]
    assert fw_here("fsck").out.endswith("all as it should be\n")
    said = fw_here("get", "moon.txt")
    assert (said.status, f"by {getpass.getuser()}: superseded; rerun hello_r1p01 to have it again" in said.err) == (
        1,
        True,
    )
    assert "together.txt" in fw_here("lineage", f"{RUN}/greetings/moon.txt", "--down").out


def test_what_was_removed_and_is_there_still_is_found_and_set_aside(fw_here, archive, fw_home):
    """A kill between the record and the removal leaves the file."""
    kept = archive / RUN / "greetings/moon.txt"
    shutil.copy(kept, fw_home / "moon.txt")
    fw_here("remove", "--filetype", "greeting", "--where", "filename=moon.txt", *WHY)
    shutil.copy(fw_home / "moon.txt", kept)
    found = fw_here("fsck", "--json").json["findings"]
    assert [(each["kind"], each["path"]) for each in found] == [("removed", f"{RUN}/greetings/moon.txt")]
    assert fw_here("fsck", "--repair", "--yes").status == 0
    assert not kept.exists()


def test_the_last_copy_of_what_came_from_outside_is_kept(fw_here, archive, fw_home):
    assert fw_here("ingest", "--types", "types.wcl", "clouds.md").status == 0
    said = fw_here("remove", "--filetype", "note", *WHY)
    assert "kept: it is the last copy of what came from outside" in said.out
    assert (archive / "SKY/notes/clouds.md").exists()
    assert fw_here("replicate", "--filetype", "note", "--to", "second").status == 0
    # A copy that is only on record is none.
    (fw_home / "second/SKY/notes/clouds.md").rename(fw_home / "gone.md")
    assert "last copy" in fw_here("remove", "--filetype", "note", *WHY).out
    (fw_home / "gone.md").rename(fw_home / "second/SKY/notes/clouds.md")
    assert fw_here("remove", "--filetype", "note", *WHY).status == 0
    assert not (archive / "SKY/notes/clouds.md").exists()
    assert fw_here("get", "clouds.md", "--into", "mine").status == 0
    assert fw_here("remove", "--from", "second", "--filetype", "note", "--force", *WHY).status == 0
    assert "it came from outside, ingest it again" in fw_here("get", "clouds.md", "--into", "other").err


def test_only_what_is_old_enough_goes_and_a_plan_stays(fw_here, archive, ask):
    assert "0 files" in fw_here("remove", "hello_r1p01", "--older-than", "1", *WHY).err
    said = fw_here("remove", "hello_r1p01", "--older-than", "0", *WHY)
    assert "the plan by which its run could be run again" in said.out
    assert {
        kind for (kind,) in ask("select distinct filetype from file_archive_info join desfile on id = desfile_id")
    } == {"plan"}
    assert fw_here("rerun", "hello_r1p01", "1").status == 0


def test_a_plan_that_needs_what_was_removed_says_who_removed_it(fw_here, archive, tmp_path):
    fw_here("remove", "--filetype", "greeting", "--where", "filename=moon.txt", *WHY)
    (tmp_path / "use.wcl").write_text(
        f"""
pipeline = use
unitname = U
blocklist = one
<block>
<one>
modulelist = copy
</one>
</block>
<filetype_metadata>
<copy>
</copy>
</filetype_metadata>
<directory_pattern>
<old>
ops = {RUN}/greetings
runtime = old
</old>
</directory_pattern>
<module>
<copy>
<exec_1>
execname = cp
used = file.raw
was_generated_by = file.copy
<cmdline>
_1 = ${{file.raw.fullname}}
_2 = ${{file.copy.fullname}}
</cmdline>
</exec_1>
<file>
<raw>
filename = moon.txt
dirpat = old
</raw>
<copy>
filetype = copy
filename = copy.txt
ops_enddir = copy
</copy>
</file>
</copy>
</module>
"""
    )
    said = fw_here("plan", "use.wcl")
    assert said.status == 2
    assert "moon.txt was removed from home on " in said.err
    assert "superseded; rerun hello_r1p01 to have it again" in said.err
