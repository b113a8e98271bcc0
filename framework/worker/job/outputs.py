"""Outputs: the files that a call has made, looked for, given what they lack, and put where they are kept."""

from __future__ import annotations

import os

from framework.worker.files.transfer import READ_ONLY, Checksum, measure, place, store
from framework.worker.job.job_context import BAD_RESULT, CallFailure, JobContext
from framework.worker.job.spec import CallSpec, FileSpec
from framework.worker.job.wildcard_outputs import WildcardOutputs
from framework.worker.journal.facts import file_record
from wrappers import Generic, Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class CallOutputs:
    """Those of one call."""

    def __init__(self, bench: JobContext, spec: CallSpec) -> None:
        self._bench = bench
        self._spec = spec
        #: What it makes, with those of which only its programs know how many there are, once they are found.
        self.files: list[FileSpec] = [file for file in spec.outputs if not file.pattern]
        self._unknown: WildcardOutputs | None = None
        #: What is to be recorded of them.
        self.facts: list[dict[str, Any]] = []
        #: Path and facts of what is in the archive now.
        self.stored: dict[str, Checksum] = {}

    def begin(self) -> None:
        """What is there before the programs begin was not made by them."""
        self._unknown = WildcardOutputs(self._spec.outputs, self._bench.workplace.root)

    def store(self, wrapper: Generic, work: Work) -> list[FileSpec]:
        """Put what was made into the archive, and note what is to be recorded of it; those that were made."""
        bench = self._bench
        missing = self._find_unknown()
        present = []
        held = []
        for file in self.files:
            at = bench.workplace.at(file.job_path)
            if os.path.isfile(at):
                present.append((file, at))
            elif os.path.lexists(at):
                raise CallFailure(BAD_RESULT, f"{file.label}: {file.job_path} is not a regular file")
            elif bench.process.holds(file):
                held.append((file, at))
            elif not file.optional:
                missing.append(f"{file.label}: {file.job_path}")
        if missing:
            raise CallFailure(BAD_RESULT, f"the programs ended well but did not make {'; '.join(missing)}")
        for file, at in present:
            if file.header:
                self._update_headers(file, at)
            meta = {**file.metadata, **wrapper.metadata(work, file.label, at)}
            self._store(file, at, meta)
        for file, at in held:
            # It never was bytes: it has no size and no checksum.
            meta = {**file.metadata, **wrapper.metadata(work, file.label, at)}
            self.facts.append(file_record(file.path, file.filetype, metadata=meta))
        return [file for file, _ in (*present, *held)]

    def _update_headers(self, file: FileSpec, at: str) -> None:
        from framework.worker.files.fits_update import HeaderError, update_headers  # few files are given cards

        try:
            update_headers(at, file.header)
        except HeaderError as error:
            raise CallFailure(BAD_RESULT, f"{file.label}: its headers cannot be updated: {error}") from error

    def _find_unknown(self) -> list[str]:
        """Look for what only the programs know of; what should be there and is not."""
        missing = []
        for file in self._spec.outputs:
            if file.pattern and self._unknown is not None:
                found = self._unknown.find(file)
                self.files += found
                if not found and not file.optional:
                    missing.append(f"{file.label}: {file.job_path}")
        return missing

    def _store(self, file: FileSpec, at: str, metadata: dict[str, Any]) -> None:
        bench = self._bench
        packed: list[Any] | None = None
        if file.saved and file.compression:
            found, packed = self._store_packed(file, at)
        elif file.saved:
            target = os.path.join(bench.store_root, file.path)
            found = self.stored[file.path] = store(at, target, bench.store_mode)
            if file.path in bench.wanted:
                place(target, at)
        else:
            found = self.stored[file.path] = measure(at)
        archive = bench.job.archive if file.saved else None
        size, sha256 = found.size, found.sha256
        record = file_record(
            file.path, file.filetype, size=size, sha256=sha256, archive=archive, packed=packed, metadata=metadata
        )
        self.facts.append(record)
        bench.placed[file.path] = file.job_path
        bench.made.add(file.path)

    def _store_packed(self, file: FileSpec, at: str) -> tuple[Checksum, list[Any]]:
        """Store a file compressed; its own size and checksum, and what is recorded of the copy."""
        from framework.worker.files.compression import compress  # few archives keep files compressed

        bench = self._bench
        target = os.path.join(bench.store_root, file.archived)
        found, packed = compress(at, target, file.compression, bench.job.compression_args)
        self.stored[file.archived] = packed
        if file.path in bench.wanted:
            os.chmod(at, READ_ONLY)
        else:
            os.unlink(at)
        return found, [file.compression, packed.size, packed.sha256]
