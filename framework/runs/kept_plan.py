"""Archived plan of a run: its files in the archive, and the jobs in them."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from framework.errors import InfrastructureError, RunError
from framework.model.job import Job
from framework.registry.questions.file_selection import find_files
from framework.registry.questions.runs import attempt_values
from framework.registry.questions.selection import Selection
from framework.worker.job.shard_format import current_record

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.runs import Run


@dataclass(frozen=True)
class KeptFile:
    """A file of an archived plan."""

    #: In the archive.
    path: str
    #: On this machine.
    location: str


def plan_files(registry: Registry, run: Run) -> dict[str, KeptFile]:
    """Return the files of a run's archived plan by name, without the suffix of compression.

    Raises RunError where the archive keeps none.
    """
    root = attempt_values(registry, run.attempt_id).get("archive_root", "")
    found = {
        os.path.basename(file.path).removesuffix(".gz"): KeptFile(file.path, os.path.join(root, file.path))
        for file in find_files(registry, Selection(filetypes=("plan",), runs=(run.run,)))
    }
    if "full.wcl" not in found:
        raise RunError(f"{run.run} keeps no plan in its archive: a run keeps it as soon as it begins")
    return found


def newest_file(found: Mapping[str, KeptFile], stem: str) -> KeptFile:
    """Return the file of the submission, or of the last restart with a changed configuration."""
    names = [name for name in found if name.partition(".")[0].rpartition("_")[0] == stem or name == f"{stem}.wcl"]
    return found[max(names, key=lambda name: (len(name), name))]


def read_lines(location: str) -> Iterator[str]:
    """Yield the lines of an archived file."""
    try:
        with gzip.open(location, "rt", encoding="utf-8", errors="surrogateescape") as file:
            yield from file
    except (OSError, EOFError) as error:
        raise InfrastructureError(f"the plan of the run cannot be read: {location}: {error}") from error


def read_records(location: str) -> Iterator[Any]:
    """Yield the header of a shard of the plan, and then its jobs, as plain data."""
    try:
        parts: Iterator[Any] = map(json.loads, read_lines(location))
        for header in islice(parts, 1):
            yield header
            yield from (current_record(header, part) for part in parts)
    except ValueError as error:
        raise InfrastructureError(f"the plan of the run cannot be read: {location}: {error}") from error


def read_jobs(location: str) -> Iterator[Job]:
    """Yield the jobs of a shard of the plan."""
    try:
        yield from (msgspec.convert(part, Job) for part in islice(read_records(location), 1, None))
    except msgspec.ValidationError as error:
        message = f"{location} was written by another version ({error}): compare with the run's pipeline itself"
        raise RunError(message) from error
