"""The programs submit and container: their command lines and errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.submit import read_plan

ROOT = Path(__file__).parents[2]

LINE = {
    "ipst": "jcal01a1q", "memory_steps_mb": [1792], "kill_steps_s": [60], "rung": "02g", "model": "m", "batch": "b",
    "output": "none",
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("('bucket', 'b/j', 'jcal01a1q')\n", r"plan\.out:1: is not a line of a plan"),
        ('{"ipst": "jcal01a1q"}\n', r"plan\.out:1: lacks memory_steps_mb"),
        (json.dumps(LINE) + "\n" + json.dumps(LINE | {"batch": "c"}) + "\n", "jobs of several batches"),
        ("", "holds no job"),
    ],
)
def test_an_invalid_plan_is_refused_and_never_run(text, says, tmp_path):
    (tmp_path / "plan.out").write_text(text)
    with pytest.raises(InputError, match=says):
        read_plan(str(tmp_path / "plan.out"))


@pytest.fixture
def container(tmp_path):
    """The program, with only a stand-in for one runtime on PATH, which records its arguments."""

    def run_container(runtime, *arguments):
        path = tmp_path / "bin" / runtime
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "stand-in for {runtime}"; for word in "$@"; do echo "$word"; done; exit 7\n')
        path.chmod(0o755)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": str(path.parent)}
        command = [sys.executable, "-m", "pipelines.calcloud.container", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run_container


@pytest.mark.parametrize("runtime", ["docker", "podman", "apptainer"])
def test_a_container_runs_any_command_with_its_arguments_unchanged(container, runtime, tmp_path):
    ended = container(runtime, "--mode", "onsite", "hst:1", "--", "echo", "two words", "$HOME")
    printed = ended.stdout.splitlines()
    assert (ended.returncode, printed[0], printed[-4:]) == (
        7,
        f"stand-in for {runtime}",
        ["hst:1", "echo", "two words", "$HOME"],
    )
    assert "CRDS_PATH=/grp/crds/cache" in printed
    assert any(str(tmp_path) in word for word in printed)


def test_a_container_runs_the_processing(container):
    printed = container("docker", "--process", "hst:1", "none", "none", "jcal01a1q").stdout.splitlines()
    assert printed[-8:] == [
        "python", "-m", "pipelines.calcloud.process", "--mode", "remote", "none", "none", "jcal01a1q",
    ]  # fmt: skip


def test_without_a_container_runtime_the_command_is_refused(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = run("container", "hst:1", "--", "true", cwd=tmp_path)
    assert (ended.returncode, "none of docker, podman, apptainer is on PATH" in ended.stderr) == (2, True)
