"""Software versions of a submission: the framework, and the folder of the pipeline, each with its git state."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from framework.registry.questions.attempts import NewSoftware
from framework.runs.git import git_states
from framework.worker.environments.base import fingerprint

ROOT = Path(__file__).parents[2]
#: The framework's own parts beside the pipelines.
PARTS = ("framework", "wrappers", "wcl", "queries")


def framework_version() -> NewSoftware:
    """Return the version of the framework that this process runs."""
    return _framework(git_states([(ROOT, PARTS)])[0])


def submission_versions(pipeline: Path) -> tuple[NewSoftware, ...]:
    """Return the versions of the framework and of the folder that holds a pipeline's file."""
    folder = pipeline.absolute().parent
    own, of_pipeline = git_states([(ROOT, PARTS), (folder, ())])
    found = {"folder": str(folder), "git": of_pipeline}
    return _framework(own), _software_version("pipeline", pipeline.name, found)


def _framework(git: dict[str, object]) -> NewSoftware:
    packages = sorted(set(_installed_packages()))
    version = next((name.partition("-")[2] for name in packages if name.startswith("skyfw-")), None)
    machine = os.uname()
    found = {
        "version": version,
        "python": platform.python_version(),
        "prefix": sys.prefix,
        "machine": f"{machine.sysname} {machine.release} {machine.machine}",
        "packages": packages,
        "git": git,
    }
    return _software_version("framework", "skyfw", found)


def _installed_packages() -> Iterator[str]:
    """Yield the names and versions of the packages that this Python can import, in the order of their names."""
    for directory in sys.path:
        try:
            with os.scandir(directory or ".") as entries:
                names = [entry.name for entry in entries]
        except OSError:
            continue
        yield from (name.removesuffix(".dist-info") for name in names if name.endswith(".dist-info"))


def _software_version(kind: str, name: str, found: Mapping[str, Any]) -> NewSoftware:

    return NewSoftware(role=kind, sha256=fingerprint(kind, name, found), kind=kind, name=name, found=found)
