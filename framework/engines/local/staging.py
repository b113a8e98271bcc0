"""Staging during a local run: files of other archives that its jobs wait for."""

from __future__ import annotations

import selectors
from collections import Counter
from collections.abc import Iterable, Iterator

from framework.engines.run_directory import RunDirectory
from framework.engines.staged_inputs import AwaitedFiles
from framework.engines.subcommand import Stager
from framework.model.run import PlannedRun
from framework.output.text import counted


class Staging:
    """Files that jobs wait for, and the stager that fetches them while there is one."""

    def __init__(self, directory: RunDirectory, registry: str, selector: selectors.BaseSelector) -> None:
        self._directory = directory
        self._registry = registry
        self._selector = selector
        self._awaited: AwaitedFiles | None = None
        self.stager: Stager | None = None

    def find_awaited(self, plan: PlannedRun, done: Iterable[int]) -> Counter[int]:
        """Find out which files jobs that are not done wait for; return how many each waits for."""
        self._awaited = AwaitedFiles(plan, done)
        return self._awaited.count_by_job

    def begin(self) -> Iterator[str]:
        """Start a stager if files are awaited and none runs; yield what is awaited, as lines for a person."""
        if self._awaited is None or not self._awaited.archives or self.stager is not None:
            return
        self.stager = Stager(self._directory, self._registry)
        self._selector.register(self.stager.stdout_fd, selectors.EVENT_READ, self.stager)
        yield from self._awaited.report_lines()

    def read_ready_jobs(self) -> tuple[list[int], list[str]]:
        """Read what the stager reports; return the jobs for which a file has come, once a file, and errors."""
        if self.stager is None or self._awaited is None:
            return [], []
        files = self.stager.read_files()
        if files is None:
            return [], self._end()
        jobs, errors = [], []
        for path, error in files:
            waiting = self._awaited.remove(path)
            if error:
                errors.append(f"{path} cannot be staged: {error}")
            else:
                jobs += waiting
        return jobs, errors

    def _end(self) -> list[str]:
        if self.stager is None or self._awaited is None:
            return []
        self._selector.unregister(self.stager.stdout_fd)
        stager, self.stager = self.stager, None
        error = stager.wait()
        if not self._awaited.archives:
            return []
        return [f"{counted(len(self._awaited.archives), 'file')} did not come: {error or 'no reason was given'}"]
