"""Inputs: the files that a call reads, brought to their places in its job, and looked at when it has read them."""

from __future__ import annotations

import os

from framework.worker.files.transfer import Checksum, check, copy, link, place
from framework.worker.job.job_context import BAD_RESULT, CallFailure, JobContext
from framework.worker.job.spec import CallSpec, FileSpec
from framework.worker.journal.facts import file_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class CallInputs:
    """Those of one call."""

    def __init__(self, bench: JobContext, spec: CallSpec) -> None:
        self._bench = bench
        self._spec = spec
        #: Those that may be missing, and are.
        self._absent: set[str] = set()
        #: What is to be recorded of those that no archive has.
        self.outside: list[dict[str, Any]] = []

    @property
    def present(self) -> list[FileSpec]:
        """Those that are there."""
        return [file for file in self._spec.inputs if file.path not in self._absent]

    def bring(self) -> None:
        """Bring them to their places, and write the lists of them."""
        with self._bench.placing:
            for file in self._spec.inputs:
                self._bench.users[file.path] += 1
                if not self._bench.process.holds(file):
                    self._place(file)
        for listed in self._spec.lists:
            with open(self._bench.workplace.at(listed.job_path), "w", encoding="utf-8") as output:
                for number, line in enumerate(listed.lines):
                    if not listed.files or not self._absent.intersection(listed.files[number]):
                        output.write(line + "\n")

    def check(self) -> None:
        """A program may spoil its own copies, and the next call gets new ones; what the archive keeps it may not."""
        with self._bench.placing:
            for file in self._spec.inputs:
                self._bench.users[file.path] -= 1
            files = [file for file in self.present if not self._bench.process.holds(file)]
            self._withdraw_copies([file for file in files if not self._bench.users[file.path]])

    def _withdraw_copies(self, files: list[FileSpec]) -> None:
        bench = self._bench
        for file in files:
            at = bench.workplace.at(file.job_path)
            kept = bench.kept_at(file.path)
            try:
                here = os.stat(at)
            except OSError:
                bench.placed.pop(file.path, None)
                continue
            if not file.external and bench.measurer.is_changed(kept):
                raise CallFailure(BAD_RESULT, f"the program changed {file.path}, which the archive keeps")
            own = file.external or not os.path.exists(kept) or here.st_ino != os.stat(kept).st_ino
            if own and bench.placed.get(file.path) == file.job_path and file.path not in bench.made:
                os.unlink(at)
                bench.placed.pop(file.path, None)

    def _place(self, file: FileSpec) -> None:
        """Bring a file to its place; one that may be missing, and is, is left out of the call."""
        bench = self._bench
        target = bench.workplace.at(file.job_path)
        there = bench.placed.get(file.path)
        if there is not None:
            if there != file.job_path and not os.path.lexists(target):
                place(bench.workplace.at(there), target)
            return
        if (
            file.optional
            and file.external
            and "://" not in file.path
            and not os.path.exists(file.transferred_to or file.path)
        ):
            self._absent.add(file.path)
            return
        if file.optional and not file.external and not os.path.exists(bench.kept_at(file.archived)):
            self._absent.add(file.path)
            return
        expected = bench.known.get(file.archived)
        if expected is None and file.size is not None and file.sha256 is not None:
            expected = Checksum(file.size, file.sha256)
        if not file.external:
            self._take_out(file, target, expected)
        elif "://" in file.path:
            from framework.worker.files.download import download  # few jobs fetch anything

            self._note_outside(file, download(file.path, target, expected, bench.job.max_transfers))
        else:
            self._note_outside(file, copy(file.transferred_to or file.path, target, expected))
        bench.placed[file.path] = file.job_path
        if file.rename:
            place(target, os.path.join(os.path.dirname(target), file.rename))

    def _is_absent(self, file: FileSpec) -> bool:
        if not file.external:
            return not os.path.exists(self._bench.kept_at(file.archived))
        return "://" not in file.path and not os.path.exists(file.transferred_to or file.path)

    def _take_out(self, file: FileSpec, target: str, expected: Checksum | None) -> None:
        """Bring a file of the archive, checked as the archive keeps it."""
        measurer, kept = self._bench.measurer, self._bench.kept_at(file.archived)
        if file.compression:
            from framework.worker.files.compression import decompress  # few archives keep files compressed

            check(kept, expected, measurer)
            decompress(kept, target, file.compression)
        elif self._bench.is_apart:
            copy(kept, target, expected)
        else:
            link(kept, target, expected, measurer)

    def _note_outside(self, file: FileSpec, found: Checksum) -> None:
        record = file_record(
            file.path, file.filetype, size=found.size, sha256=found.sha256, archive="external", metadata=file.metadata
        )
        self.outside.append(record)
