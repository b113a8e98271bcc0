"""The home: where a registry, an archive and runs are kept unless somebody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from framework.engines.run_directory import RunDirectory
from framework.errors import RunError
from wcl.spelling import did_you_mean


def home() -> Path:
    """``$FW_HOME``, or ~/.local/share/skyfw."""
    return Path(os.environ.get("FW_HOME") or Path.home() / ".local" / "share" / "skyfw").resolve()


def run_directory(run: str) -> RunDirectory:
    """Where a run that is about to begin is kept."""
    return RunDirectory(home() / "runs" / run)


def existing_run(run: str) -> RunDirectory:
    """The directory of a run that was submitted here; RunError with the nearest name where there is none."""
    directory = run_directory(run)
    if "/" in run or not directory.path.is_dir():
        runs = home() / "runs"
        known = [path.name for path in runs.iterdir()] if runs.is_dir() else []
        hint = did_you_mean(run, known) or f"the runs of this machine are in {runs}"
        raise RunError(f"no run '{run}' was submitted here: {hint}")
    return directory
