"""A recorded run to ask about: one call is done, one has failed, one runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from framework.registry.database.opening import open_registry
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.attempts import NewAttempt, NewBlock, NewModule, create_attempt

RUN = "HST1_r1p01"


@dataclass(frozen=True)
class RecordedRun:
    """Where a recorded run lies."""

    url: str
    archive: Path
    attempt: int
    journals: Path

    def tell(self, *facts: dict[str, Any]) -> None:
        """Record more."""
        with (self.journals / "worker.jsonl").open("a") as journal:
            journal.writelines(json.dumps(fact) + "\n" for fact in facts)
        registry = open_registry(self.url)
        ingest(registry, self.attempt, self.journals)
        registry.close()


@pytest.fixture
def recorded(tmp_path: Path, empty_sqlite: Path) -> RecordedRun:
    url, archive, journals = f"sqlite:///{tmp_path}/registry.sqlite", tmp_path / "archive", tmp_path / "journal"
    journals.mkdir()
    modules = (NewModule(name="scrape", number=1, calls=1), NewModule(name="train", number=2, calls=3))
    new = NewAttempt(
        reqnum=1,
        unitname="HST1",
        attnum=1,
        project="hst",
        pipeline="train",
        campaign="cal",
        operator="olga",
        run=RUN,
        values={"archive_root": str(archive)},
        blocks=(NewBlock(number=1, name="main", modules=modules, jobs=2),),
    )
    shutil.copy(empty_sqlite, tmp_path / "registry.sqlite")
    registry = open_registry(url)
    attempt = create_attempt(registry, new)
    registry.close()
    run = RecordedRun(url, archive, attempt, journals)
    run.tell(
        {"e": "open", "t": 1000.0, "format": 1, "run": RUN, "host": "h", "journal": "worker"},
        {"e": "attempt.start", "t": 1000.0},
        {"e": "job.start", "t": 1000.0, "job": 1, "queue": "q1", "block": 1, "keys": {}, "calls": 3, "root": "/w"},
        *call_facts(1, "scrape", 0),
        *call_facts(2, "train", 3),
        *call_facts(3, "train", 0)[:-2],
    )
    for number, text in ((1, "scraped\n"), (2, "no such column"), (3, "epoch 1\n")):
        log = archive / "r" / "log" / f"{number}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text)
    return run


def call_facts(number: int, module: str, status: int) -> list[dict[str, Any]]:
    """A call of two seconds."""
    at = {"job": 1, "queue": "q1", "call": number, "try": 1}
    files = [{"path": f"r/{module}_{number}.csv", "type": "table", "size": 2048, "sha256": "5", "archive": "home"}]
    meta = {"band": "r", "seed": number}
    return [
        {"e": "call.start", "t": 1001.0, **at, "module": module, "wrapper": "generic", "log": f"r/log/{number}.log"},
        {"e": "exec.start", "t": 1001.0, **at, "exec": 1, "program": "python", "args": "python x"},
        {"e": "exec.end", "t": 1002.0, **at, "exec": 1, "status": status, "usage": {"wall": 1.0, "maxrss": 2000}},
        {"e": "call.end", "t": 1003.5, **at, "status": status, "files": [{**file, "meta": meta} for file in files]},
    ]


@pytest.fixture
def verb(recorded: RecordedRun) -> Callable[..., Result]:
    """Runs a verb on the recorded run."""
    import importlib

    def run(name: str, *arguments: str, text: str | None = None) -> Result:
        command = importlib.import_module(f"framework.commands.{name}").command
        return CliRunner().invoke(command, [*arguments, "--registry", recorded.url], input=text)

    return run
