"""Commands where something around them is missing: streams, directories, registries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "pipelines/hello.wcl"


@pytest.fixture
def in_shell(environment, tmp_path):
    """Runs a line of shell in which $FW stands for the command."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        known = {
            **environment,
            "PYTHONPATH": str(ROOT),
            "FW": f"{sys.executable} -m framework.cli",
            "HELLO": str(HELLO),
        }
        return subprocess.run(
            ["sh", "-c", line], env=known, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_output_to_a_full_device_is_said_in_a_line(in_shell):
    said = in_shell("$FW doctor > /dev/full")
    assert (said.returncode, said.stderr) == (3, "error: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_a_run_does_not_need_the_standard_streams(in_shell, fw, closed):
    assert in_shell(f"$FW submit $HELLO {closed}").returncode == 0
    assert fw("sql", "select status from task where name = 'attempt'", "--json").json == [{"status": 0}]


@pytest.mark.parametrize("audience", ["a full device", "a pipe that nobody reads"])
def test_a_run_goes_on_when_nobody_can_be_told_of_its_failures(environment, a_pipeline, fw, tmp_path, audience):
    pipeline = a_pipeline('[ $(($1 % 2)) = 0 ] || { echo "no $1"; exit 3; }; echo "$1" > "$2"', numbers="(1:8)")
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full" if audience == "a full device" else writing, "w") as stream:
        command = [sys.executable, "-m", "framework.cli", "submit", str(pipeline)]
        own = {**environment, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=own, cwd=tmp_path, stderr=stream, timeout=60, check=False)
    if audience == "a full device":
        os.close(writing)
    assert done.returncode == 1
    states = fw(
        "sql", "select t.status, count(*) n from pfw_wrapper w, task t where t.id = w.task_id group by 1", "--json"
    )
    assert states.json == [{"status": 0, "n": 4}, {"status": 3, "n": 4}]


def test_a_submission_from_a_directory_that_is_gone_is_refused(in_shell):
    said = in_shell("mkdir gone; cd gone; rmdir ../gone; $FW submit $HELLO")
    assert said.returncode == 2
    assert said.stderr == "error: the directory that this was called in is gone: change to another one\n"


def test_a_run_is_not_restarted_into_a_registry_that_does_not_know_it(fw, fw_home):
    assert fw("submit", HELLO).status == 0
    for file in fw_home.glob("registry.sqlite*"):
        file.unlink()
    said = fw("restart", "hello_r1p01")
    assert said.status == 1
    assert "has no record of this hello_r1p01: name the registry that has" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("words", [["--help"], ["schema"], ["query", "--help"]], ids=" ".join)
def test_nobody_who_reads_the_output_is_no_error(environment, words):
    reader, writer = os.pipe()
    os.close(reader)
    said = subprocess.run(
        [sys.executable, "-m", "framework.cli", *words], env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=writer, stderr=subprocess.PIPE, check=False, timeout=60,
    )  # fmt: skip
    os.close(writer)
    assert (said.returncode, said.stderr) == (0, b"")


def test_code_of_a_site_that_exits_does_not_look_like_success(fw, fw_home, tmp_path):
    fw_home.mkdir()
    (fw_home / "site.wcl").write_text("<functions>\nsite.leave = leaving:leave\n</functions>\n")
    (tmp_path / "leaving.py").write_text("import sys\n\n\ndef leave(n):\n    sys.exit(4)\n")
    (tmp_path / "a.wcl").write_text("n = $FUNC{site.leave,4}\n")
    assert fw("explain", "a.wcl", "n").status == 4
