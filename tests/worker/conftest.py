"""PreparedSoftware as a worker makes it ready."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from framework.worker.environments.base import PreparedSoftware
from framework.worker.environments.cache import EnvironmentCache
from framework.worker.programs.programs import Programs
from framework.worker.programs.warden import Warden

IDENTITY = {"FW_RUN": "U_r1p01", "FW_CALL": "1"}


@dataclass
class Worker:
    """A worker's software, what it records, and its log."""

    cache: EnvironmentCache
    log: Path
    told: list[dict[str, Any]] = field(default_factory=list)

    def take(self, definition: dict[str, Any]) -> PreparedSoftware:
        """Make software ready."""
        label = f"{definition['kind']} {definition['name']}"
        with self.log.open("ab+") as log:
            return self.cache.get(label, definition, IDENTITY, log.fileno(), self._tell)

    def _tell(self, fact: dict[str, Any]) -> None:
        assert fact["e"] == "software"
        self.told.append(fact)


@pytest.fixture
def programs() -> Iterator[Programs]:
    warden = Warden()
    yield Programs(warden)
    warden.dismiss()


@pytest.fixture
def a_worker(programs: Programs, tmp_path: Path) -> Callable[..., Worker]:
    """A worker with some variables of its own besides PATH."""

    def make(**variables: str) -> Worker:
        path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
        environment = {"PATH": path, "FW_FENCE": "/run", "FW_WORKER": "/run:1", **variables}
        return Worker(EnvironmentCache(programs, environment, str(tmp_path / "images")), tmp_path / "log")

    return make


@pytest.fixture
def a_script(tmp_path: Path) -> Callable[[str], str]:
    """A set-up script; its path holds what a shell would stumble over."""

    def write(lines: str) -> str:
        path = tmp_path / "it's a $(set) up.sh"
        path.write_text(lines + "\n")
        return str(path)

    return write


@pytest.fixture
def run(programs: Programs, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs a line of shell in some software; its status and what it says."""

    def go(software: PreparedSoftware, line: str, **own: str) -> tuple[int, str]:
        root = tmp_path / "work"
        root.mkdir(exist_ok=True)
        (tmp_path / "archive").mkdir(exist_ok=True)
        argv, environment = software.wrap_command(
            shlex.split(line), {**IDENTITY, **own}, str(root), str(tmp_path / "archive")
        )
        with (tmp_path / "said").open("wb+") as said:
            outcome = software.program_result(argv, programs.run(argv, environment, said.fileno()))
            said.seek(0)
            return outcome.status, said.read().decode()

    return go
