"""What a run was submitted with is on record: framework, folder of the pipeline, configuration, host."""

from __future__ import annotations

import hashlib
import os
import subprocess
import time

import pytest

from framework.runs.git import git_states


@pytest.fixture
def git(tmp_path):
    """Runs git in a repository of the test's own."""
    folder = tmp_path / "repository"
    folder.mkdir()

    def run(*words):
        own = ["-c", "user.name=n", "-c", "user.email=e", "-c", "init.defaultBranch=main"]
        done = subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    run("init", "-q")
    return run, folder


def test_a_folder_stands_at_a_commit_with_what_was_changed_since(git):
    run, folder = git
    assert git_states([(folder, ())]) == [{"commit": None, "branch": "main", "dirty": False, "changed": []}]
    for name in ("a b.wcl", "c.wcl", "d.wcl"):
        (folder / name).write_text(name)
    run("add", ".")
    run("commit", "-qm", "x")
    commit = run("rev-parse", "HEAD")
    clean = {"commit": commit, "branch": "main", "dirty": False, "changed": []}
    assert git_states([(folder, ())]) == [clean]
    run("mv", "d.wcl", "e.wcl")
    (folder / "a b.wcl").write_text("changed")
    (folder / "é new").write_text("")
    assert git_states([(folder, ()), (folder, ("c.wcl",))]) == [
        {**clean, "dirty": True, "changed": ["a b.wcl", "e.wcl", "é new"]},
        clean,
    ]


def test_a_folder_without_a_commit_says_why(git, tmp_path, monkeypatch):
    _, folder = git
    (folder / ".gitignore").write_text("build/\n")
    (folder / "build" / "deep").mkdir(parents=True)
    (folder / "build" / "deep" / "a.wcl").write_text("")
    plain = tmp_path / "plain"
    plain.mkdir()
    assert git_states([(folder / "build/deep", ()), (plain, ())]) == [
        {"none": "not in git: ignored by the repository around it"},
        {"none": "not a git repository"},
    ]
    monkeypatch.setenv("PATH", str(plain))
    assert git_states([(folder, ())]) == [{"none": "git is not installed"}]


def test_a_repository_cannot_have_its_own_programs_run(git, tmp_path, monkeypatch):
    run, folder = git
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    run("config", "core.fsmonitor", str(hook))
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # as within a hook of another one
    assert git_states([(folder, ())])[0]["branch"] == "main"
    assert not (tmp_path / "ran").exists()


def test_git_that_hangs_is_not_waited_for(git, tmp_path, monkeypatch):
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("framework.runs.git.SECONDS", 0.2)
    began = time.monotonic()
    assert git_states([(tmp_path, ())]) == [{"none": "git gave no answer in 0.2 s"}]
    assert time.monotonic() - began < 5


def test_a_run_is_recorded_with_what_it_was_submitted_with(fw, git, a_pipeline, ask):
    run, folder = git
    pipeline = folder / "small.wcl"
    pipeline.write_text(a_pipeline(top="{# a template #}campaign = {{ campaign }}").read_text())
    run("add", ".")
    run("commit", "-qm", "x")
    said = fw("submit", pipeline, "--var", "campaign=spring")
    assert said.status == 0, said.err
    ((host, typed, rendered, *sums),) = ask(
        "select submit_host, submitwcl, renderedwcl, submitwcl_sha256, renderedwcl_sha256, fullsubmitwcl_sha256,"
        " fullsubmitwcl from pfw_attempt"
    )
    assert host == os.uname().nodename
    assert ("{{ campaign }}" in typed, "campaign = spring" in rendered) == (True, True)
    assert sums[:3] == [hashlib.sha256(text.encode()).hexdigest() for text in (typed, rendered, sums[3])]
    shown = fw("stat", "U_r1p01").out
    assert f"{folder}, commit {run('rev-parse', 'HEAD')[:12]}\n" in shown
    software = fw("stat", "U_r1p01", "--json").json["software"]
    assert {"skyfw", "sqlalchemy", "click"} <= {
        name.rpartition("-")[0] for name in software["framework"]["found"]["packages"]
    }
    assert software["pipeline"]["found"]["git"]["dirty"] is False
    # Another run after a change says so.
    (folder / "notes").write_text("")
    assert fw("submit", pipeline, "--var", "campaign=spring").status == 0
    said = fw("diff", "U_r1p01", "U_r1p02")
    assert (said.status, "pipeline changed files: nothing → notes" in said.out) == (1, True)
