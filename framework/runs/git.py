"""Git state of folders: the commit that each stands at, and the files that have been changed since."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

#: A repository that takes longer is not waited for.
SECONDS = 10
#: So many changed files are named.
MOST_NAMED = 100

#: Nothing that the repository names itself is run, and nothing is written into it.
_STATUS = (
    *("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("status", "--porcelain=v2", "--branch", "--untracked-files=normal", "--ignored=matching", "-z", "--"),
)


def git_states(folders: Sequence[tuple[Path, Sequence[str]]]) -> list[dict[str, object]]:
    """Return the git state of each folder, or of the parts of it that matter; all are asked at once.

    Keys: ``commit``, ``branch``, ``dirty`` and the ``changed`` files; or ``none`` with the reason why there is no
    commit.
    """
    asked = [_ask(folder, parts) for folder, parts in folders]
    return [_answer(folder, process) for (folder, _), process in zip(folders, asked, strict=True)]


def _ask(folder: Path, parts: Sequence[str]) -> subprocess.Popen[bytes] | str:
    # A hook that submits a run has variables that name its own repository.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        return subprocess.Popen(
            [*_STATUS, *(parts or ["."])],
            cwd=folder,
            env={**environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        return "git is not installed" if isinstance(error, FileNotFoundError) else f"git: {error.strerror}"


def _answer(folder: Path, process: subprocess.Popen[bytes] | str) -> dict[str, object]:
    if isinstance(process, str):
        return {"none": process}
    try:
        said, complaint = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"none": f"git gave no answer in {SECONDS} s"}
    if process.returncode:
        first = (complaint.decode("utf-8", "replace").strip().splitlines() or ["no reason given"])[0]
        return {"none": "not a git repository" if "not a git repository" in first else first}
    return _read(folder.resolve(), said.decode("utf-8", "backslashreplace").split("\0"))


def _read(folder: Path, entries: list[str]) -> dict[str, object]:
    headers = dict(entry[2:].split(" ", 1) for entry in entries if entry.startswith("# "))
    if any(_is_around(folder, entry[2:]) for entry in entries if entry.startswith("! ")):
        return {"none": "not in git: ignored by the repository around it"}
    changed = sorted(set(_changed_paths(entries)))
    commit = headers.get("branch.oid", "(initial)")
    return {
        "commit": None if commit == "(initial)" else commit,
        "branch": headers.get("branch.head"),
        "dirty": bool(changed),
        "changed": changed[:MOST_NAMED],
    }


def _changed_paths(entries: list[str]) -> list[str]:
    """Return the changed paths, relative to the repository; a renamed file has its old name as an entry of its own."""
    found = []
    waiting = iter(entries)
    for entry in waiting:
        kind, _, rest = entry.partition(" ")
        fields = {"1": 7, "2": 8, "u": 9, "?": 0}.get(kind)
        if fields is not None:
            found.append(rest.split(" ", fields)[-1])
        if kind == "2":
            next(waiting, None)
    return found


def _is_around(folder: Path, ignored: str) -> bool:
    """Return whether an ignored directory is the folder itself or lies above it."""
    return ignored.endswith("/") and any(
        folder.is_relative_to(root / ignored.rstrip("/")) for root in (folder.parent, *folder.parents)
    )
