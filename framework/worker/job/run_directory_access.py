"""Access of a pool's job to the directory of its run, on a shared file system or from its scratch directory."""

from __future__ import annotations

import json
import os
from contextlib import suppress

from framework.worker.files.transfer import IN_TRANSIT, READ_ONLY, Checksum, lost_log_path, make_parents
from framework.worker.job.chirp import FACT_MARK, Chirp, linked
from framework.worker.job.pool_execution import PoolExecution, execution_id
from framework.worker.job.spec import JobSpec
from framework.worker.journal.journal import Journal, facts_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from framework.worker.job.records import JournalOpening, PoolSettings
    from framework.worker.journal.facts import FactObject

#: Facts that are written into the job's event log while it runs; the journal arrives with all of them at its end.
LIVE = frozenset({"job.start", "call.start", "call.run", "exec.start", "exec.end", "call.store"})


def journal_name(start: int, job: int, execution_id: str) -> str:
    """Return the name of an execution's journal; ``start`` counts submissions and restarts of the run."""
    return f"worker-{start}-j{job}-{execution_id}"


def known_files_path(run: str, job: int) -> str:
    """Return the path of the table of files that a job of a run has made."""
    return os.path.join(run, "known", f"{job // 1000:04d}", f"j{job}.json")


def write_known_files(path: str, known: dict[str, list[Any]]) -> None:
    """Write size and sha256 of files, by their paths, for the jobs that read them; whole or not at all."""
    make_parents(path)
    part = f"{path}.part-{os.getpid()}"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(known, file, separators=(",", ":"))
    os.replace(part, path)


class SharedRunDirectory:
    """Run's directory on a file system that the job shares."""

    def __init__(self, settings: PoolSettings, job: JobSpec, execution: PoolExecution) -> None:
        self.run = settings["directory"]
        self.start: int = settings["start"]
        self.job = job
        self.execution = execution
        self.journal = os.path.join(self.run, "journal")
        self.failed = os.path.join(self.run, "failed")
        self.store_root, self.store_mode = job.archive_root, READ_ONLY

    def open_journal(self, opening: JournalOpening) -> Journal:
        """Open the journal of this execution."""
        return Journal(self.journal, self.next_journal_name(), **opening)

    def next_journal_name(self) -> str:
        """Return the name of this execution's journal.

        A schedd that was killed may have lost the count of an execution: then the next free number is taken.
        """
        name = journal_name(self.start, self.job.number, self.execution.id)
        while self.execution.starts is not None and self.read_journal(name + ".jsonl"):
            self.execution.starts += 1
            name = journal_name(self.start, self.job.number, self.execution.id)
        return name

    def earlier_facts(self) -> Iterator[dict[str, object]]:
        """Yield the facts that earlier executions of this job recorded."""
        for starts in range(self.execution.starts or 0):
            name = journal_name(self.start, self.job.number, execution_id(self.execution.cluster, starts))
            yield from facts_in(self.read_journal(name + ".jsonl"))

    def read_journal(self, name: str) -> Iterable[bytes]:
        """Return the lines of a journal; none where it is missing."""
        try:
            with open(os.path.join(self.journal, name), "rb") as file:
                return file.readlines()
        except OSError:
            return ()

    def read_known_files(self) -> dict[str, Checksum]:
        """Return size and sha256 of the files that the parents of this job made."""
        found: dict[str, Checksum] = {}
        for parent in self.job.parents:
            with suppress(OSError, ValueError), open(self.known_files_path(parent), encoding="utf-8") as file:
                found.update({path: Checksum(*checksum) for path, checksum in json.load(file).items()})
        return found

    def known_files_path(self, job: int) -> str:
        """Return the path of the table of files that a job has made."""
        return known_files_path(self.run, job)

    def record_known_files(self, stored: dict[str, Checksum]) -> None:
        """Record what this job made, so that its children can verify their inputs."""
        known = {path: [checksum.size, checksum.sha256] for path, checksum in stored.items()}
        write_known_files(self.known_files_path(self.job.number), known)

    def fetch_inputs(self, stored: Iterable[str]) -> None:
        """Fetch input files, among them those that an earlier execution of this job stored; here all are at hand."""

    def rename_lost_log(self, log: str, execution_id: str) -> None:
        """Give the log of a lost execution a name that this execution does not use."""
        with suppress(OSError):
            os.rename(
                os.path.join(self.store_root, log), os.path.join(self.store_root, lost_log_path(log, execution_id))
            )


class ScratchRunDirectory(SharedRunDirectory):
    """Job's scratch directory in the place of the run's directory, where no file system is shared.

    One folder of it is transferred to the run's directory when the job ends.
    """

    def __init__(self, settings: PoolSettings, job: JobSpec, execution: PoolExecution) -> None:
        super().__init__(settings, job, execution)
        self.folder = os.path.join(execution.scratch, f"j{job.number}")
        self.journal = os.path.join(self.folder, "journal")
        self.failed = os.path.join(self.folder, "failed")
        self.store_root, self.store_mode = os.path.join(self.folder, "archive"), IN_TRANSIT
        self.chirp = Chirp.of_job()
        self._archive_root = job.archive_root
        job.archive_root = execution.scratch

    def open_journal(self, opening: JournalOpening) -> Journal:
        return ReportingJournal(self.journal, self.next_journal_name(), self.chirp, **opening)

    def read_journal(self, name: str) -> Iterable[bytes]:
        """Return the lines of a journal.

        The journal of an evicted execution was transferred with the job; others are requested from the run's directory.
        """
        if transferred := list(super().read_journal(name)):
            return transferred
        if self.chirp is None:
            return ()
        for folder in (os.path.join("home", f"j{self.job.number}", "journal"), "journal"):
            found = self.chirp.read(os.path.join(self.run, folder, name))
            if found is not None:
                return found.splitlines(keepends=True)
        return ()

    def known_files_path(self, job: int) -> str:
        return os.path.join(self.execution.scratch, f"j{job}.json")

    def record_known_files(self, stored: dict[str, Checksum]) -> None:
        """Do nothing: the files are recorded where they are received (framework/worker/job/htcondor_receive.py)."""

    def fetch_inputs(self, stored: Iterable[str]) -> None:
        for path in stored:
            self._fetch(os.path.join(self.run, "home", f"j{self.job.number}", "archive", path), path)
        for path in self._archived_inputs():
            self._fetch(os.path.join(self._archive_root, path), path)
        for path in self._external_inputs():
            self._fetch(path, os.path.basename(path))
        self._locate_external_inputs()

    def _archived_inputs(self) -> list[str]:
        """Return the archive paths of inputs that the job does not make itself."""
        made = {file.archived for call in self.job.calls for file in call.outputs}
        needed = {file.archived for call in self.job.calls for file in call.inputs if not file.external}
        return sorted(needed - made)

    def _external_inputs(self) -> list[str]:
        """Return the paths of external inputs that this machine does not have."""
        external = {file.path for call in self.job.calls for file in call.inputs if file.external}
        return sorted(path for path in external if "://" not in path and not os.path.exists(path))

    def _locate_external_inputs(self) -> None:
        """Note where external files were transferred to: they have their own names in the scratch directory."""
        for call in self.job.calls:
            for file in call.inputs:
                if file.external and "://" not in file.path:
                    transferred = os.path.join(self.execution.scratch, os.path.basename(file.path))
                    if not os.path.exists(file.path) and os.path.exists(transferred):
                        file.transferred_to = transferred

    def _fetch(self, source: str, name: str) -> None:
        """Fetch a file that HTCondor did not transfer: an optional one, or one with a name that it does not take."""
        target = os.path.join(self.execution.scratch, name)
        if self.chirp is not None and not os.path.exists(target):
            make_parents(target)
            self.chirp.fetch(linked(self.run, source), target)


class ReportingJournal(Journal):
    """Journal that also writes some facts into the job's event log, for those who follow the run."""

    def __init__(self, directory: str, name: str, chirp: Chirp | None, *, run: str, attempt: int, start: int) -> None:
        self._chirp = chirp
        super().__init__(directory, name, run=run, attempt=attempt, start=start)

    def append(self, fact: FactObject) -> None:
        """Append a fact with its time, and report it to the pool if it tells how far the job is."""
        super().append(fact)
        if self._chirp is not None and fact["e"] in LIVE:
            self._chirp.write_event(FACT_MARK + json.dumps(fact, separators=(",", ":")))
