"""Files of other archives: jobs wait for them, and what is made goes home; with a stand-in for a tape's command."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT

USE = """
pipeline = use
unitname = N
numbers = 1, 2, 3
blocklist = one
<block>
<one>
modulelist = idle, copy
divide_jobs_by = number
</one>
</block>
<filetype_metadata>
<copy>
</copy>
</filetype_metadata>
<module>
<idle>
wrapperloop = number
number = 4
<exec_1>
execname = true
</exec_1>
</idle>
<copy>
wrapperloop = number
number = 1, 2, 3
<exec_1>
execname = cp
used = file.note
was_generated_by = file.copy
<cmdline>
_1 = ${file.note.fullname}
_2 = ${file.copy.fullname}
</cmdline>
</exec_1>
<file>
<note>
query_fields = filetype, number
filetype = note
match = number
</note>
<copy>
filetype = copy
filename = ${number}.txt
ops_enddir = copy
</copy>
</file>
</copy>
</module>
"""

SITE = """
input_archives = tape
<archive>
<tape>
root = {home}/tape
stage = {stage}
</tape>
<scratch>
root = {home}/scratch
</scratch>
</archive>
"""

#: A stand-in for what talks to a tape robot: files are off line, below ``.off``, until they are asked for.
STAGE = """#!/bin/sh
while [ ! -e {home}/mounted ]; do sleep 0.05; done
tr '\\0' '\\n' | while read -r path; do
    echo "$FW_ARCHIVE $path" >> {home}/asked
    if [ -e "$FW_ARCHIVE_ROOT/.off/$path" ]; then
        mkdir -p "$FW_ARCHIVE_ROOT/$(dirname "$path")"
        cp "$FW_ARCHIVE_ROOT/.off/$path" "$FW_ARCHIVE_ROOT/$path"
    else
        printf '%s\\0' "$path"
    fi
done
"""


@pytest.fixture
def tape(fw, fw_home: Path, tmp_path: Path) -> Path:
    """Three notes that only a tape has, which is not mounted."""
    (tmp_path / "types.wcl").write_text(
        "<filetype_metadata>\n<note>\nfilename = ${number}.md\nops = SKY/notes\n<hdus>\n<primary>\n<r>\n<f>\n"
        "number = number\n</f>\n</r>\n</primary>\n</hdus>\n</note>\n</filetype_metadata>\n"
    )
    for number in (1, 2, 3):
        (tmp_path / f"{number}.md").write_text(f"note {number}\n")
    (tmp_path / "use.wcl").write_text(USE)
    script = tmp_path / "stage.sh"
    script.write_text(STAGE.format(home=fw_home))
    script.chmod(0o755)
    assert fw("ingest", "--types", "types.wcl", "1.md", "2.md", "3.md").status == 0
    (fw_home / "tape").mkdir()
    (fw_home / "archive/SKY").rename(fw_home / "tape/.off")
    (fw_home / "tape/.off").rename(fw_home / "tape/off")
    (fw_home / "tape/.off").mkdir()
    (fw_home / "tape/off").rename(fw_home / "tape/.off/SKY")
    with sqlite3.connect(fw_home / "registry.sqlite") as connection:
        connection.execute("update file_archive_info set archive_name = 'tape'")
    connection.close()
    (fw_home / "site.wcl").write_text(SITE.format(home=fw_home, stage=script))
    return fw_home / "tape"


def test_jobs_wait_for_files_that_are_out_of_reach_and_others_run(fw_here, tape, fw_home, environment, tmp_path, ask):
    call = [sys.executable, "-m", "framework.cli", "submit", "use.wcl"]
    running = subprocess.Popen(
        call, env={**environment, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while "3 jobs waiting for 3 files" not in (said := fw_here("why", "N_r1p01").out) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "3 jobs waiting for 3 files of archive tape" in said
    assert "waits: for SKY/notes/1.md of archive tape" in said
    assert "of archive tape" in fw_here("stat", "N_r1p01").out
    # The job that needs none of them has run meanwhile.
    assert fw_here("why", "N_r1p01", "--json").json["queue"] == {"done": 1, "idle": 3}
    (fw_home / "mounted").touch()
    running.communicate(timeout=120)
    assert running.returncode == 0
    assert sorted((fw_home / "asked").read_text().splitlines()) == [f"tape SKY/notes/{n}.md" for n in (1, 2, 3)]
    assert (fw_home / "archive/SKY/use/none/r1/N/p01/copy/2.txt").read_text() == "note 2\n"
    rows = "select archive_name, count(*) from file_archive_info where path = 'SKY/notes' group by 1 order by 1"
    assert ask(rows) == [("home", 3), ("tape", 3)]
    assert ask("select count(*) from opm_used join desfile on id = desfile_id where filetype = 'note'") == [(3,)]
    # Another run finds them where they are.
    assert fw_here("submit", "use.wcl").status == 0
    assert len((fw_home / "asked").read_text().splitlines()) == 3


def test_what_a_tape_has_lost_fails_its_jobs_alone(fw, fw_here, tape, fw_home):
    (fw_home / "mounted").touch()
    (tape / ".off/SKY/notes/2.md").rename(fw_home / "lost.md")
    said = fw("submit", "use.wcl")
    assert said.status == 1
    assert "SKY/notes/2.md cannot be staged: tape cannot bring it" in said.err
    assert "3 of 4 jobs done" in said.err
    assert "SKY/notes/2.md cannot be staged" in fw_here("why", "N_r1p01").out
    (fw_home / "lost.md").rename(tape / ".off/SKY/notes/2.md")
    assert fw("restart", "N_r1p01").status == 0


def test_a_changed_configuration_finds_what_other_archives_have_and_repeats_nothing_for_that(fw, tape, fw_home, ask):
    (fw_home / "mounted").touch()
    (tape / ".off/SKY/notes/2.md").rename(fw_home / "lost.md")
    assert fw("submit", "use.wcl").status == 1
    (fw_home / "lost.md").rename(tape / ".off/SKY/notes/2.md")
    said = fw("restart", "N_r1p01", "--set", "module.copy.request_memory=300")
    assert said.status == 0, said.err
    tries = ask("select wrapnum, count(*) from pfw_wrapper group by 1 order by 1")
    assert [count for _, count in tries] == [1, 1, 1, 1]


@pytest.mark.slow
def test_a_stage_command_that_fails_is_named_with_its_words(fw, tape, tmp_path):
    (tmp_path / "stage.sh").write_text("#!/bin/sh\necho no robot >&2\nexit 3\n")
    said = fw("submit", "use.wcl")
    assert (said.status, "ended with status 3: no robot" in said.err) == (1, True)


def test_jobs_work_in_a_target_archive_and_results_go_home(fw, fw_here, tape, fw_home, ask):
    (fw_home / "mounted").touch()
    modes = ("use_target_archive_input=job", "use_target_archive_output=job", "target_archive=scratch")
    said = fw("submit", "use.wcl", *(word for mode in modes for word in ("--set", mode)))
    assert said.status == 0
    copy = "SKY/use/none/r1/N/p01/copy/3.txt"
    assert (fw_home / "scratch/SKY/notes/3.md").exists()
    assert [(fw_home / place / copy).read_text() for place in ("scratch", "archive")] == ["note 3\n", "note 3\n"]
    kept = "select archive_name, count(*) from file_archive_info f join desfile d on id = desfile_id where filetype = ?"
    assert ask(f"{kept} group by 1 order by 1", "copy") == [("home", 3), ("scratch", 3)]
    for name in ("home", "scratch"):
        assert fw_here("fsck", name, "--contents").out.endswith("all as it should be\n")
    # What is made may also stay there.
    again = (*modes, "use_home_archive_output=never", "attnum=2")
    assert fw("submit", "use.wcl", *(word for mode in again for word in ("--set", mode))).status == 0
    assert ask(f"{kept} group by 1 order by 1", "copy") == [("home", 3), ("scratch", 6)]


def test_modes_that_make_no_sense_are_refused(fw_here, tape):
    said = fw_here("plan", "use.wcl", "--set", "use_target_archive_output=job")
    assert (said.status, "no archive is named for it" in said.err) == (2, True)
    said = fw_here("plan", "use.wcl", "--set", "input_archives=taep")
    assert (said.status, "unknown archive 'taep'" in said.err, "did you mean 'tape'?" in said.err) == (2, True, True)


def test_what_is_brought_is_told_a_line_a_file(fw_here, tape, fw_home):
    (fw_home / "mounted").touch()
    assert fw_here("submit", "use.wcl").status == 0
    (fw_home / "archive/SKY/notes/1.md").unlink()
    said = fw_here("stage", "N_r1p01", "--json")
    assert [json.loads(line) for line in said.out.splitlines()] == [["SKY/notes/1.md", ""]]


def test_a_file_on_tape_is_staged_before_it_is_got(fw_here, tape, fw_home, tmp_path):
    (fw_home / "mounted").touch()
    (tape / ".off/SKY/notes/2.md").unlink()
    said = fw_here("get", "1.md", "2.md", "--into", "mine")
    assert (said.status, "2.md: tape: tape cannot bring it" in said.err) == (1, True)
    assert (tmp_path / "mine/1.md").read_text() == "note 1\n"
