"""Outputs of a call: found, completed with metadata and header cards, and stored in the archive."""

from __future__ import annotations

import os

from framework.worker.files.transfer import READ_ONLY, Checksum, measure, place, store
from framework.worker.job.job_context import CallFailure, JobContext
from framework.worker.job.spec import CallSpec, FileSpec
from framework.worker.job.wildcard_outputs import WildcardOutputs
from framework.worker.journal.facts import file_record
from framework.worker.journal.statuses import BAD_RESULT
from wrappers import Generic, Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from framework.worker.journal.facts import FileObject


class CallOutputs:
    """Output files of one call."""

    def __init__(self, context: JobContext, spec: CallSpec) -> None:
        self._context = context
        self._spec = spec
        #: Planned outputs, and those with wildcards once they are found.
        self.files: list[FileSpec] = [file for file in spec.outputs if not file.pattern]
        self._wildcards: WildcardOutputs | None = None
        #: Records of the files that were made.
        self.records: list[FileObject] = []
        #: Checksums by archive path, of files that are stored or were measured.
        self.stored: dict[str, Checksum] = {}

    def note_present_files(self) -> None:
        """Note which files match the wildcards before the programs begin: only later ones are outputs."""
        self._wildcards = WildcardOutputs(self._spec.outputs, self._context.work_dir.root)

    def store(self, wrapper: Generic, work: Work) -> list[FileSpec]:
        """Store the outputs in the archive; return those that were made, and raise CallFailure if one is missing."""
        present, held = self._find_outputs()
        for file, at in present:
            if file.header:
                self._update_headers(file, at)
            meta = {**file.metadata, **wrapper.metadata(work, file.label, at)}
            self._store(file, at, meta)
        for file, at in held:
            # An object in memory has no size and no checksum.
            meta = {**file.metadata, **wrapper.metadata(work, file.label, at)}
            self.records.append(file_record(file.path, file.filetype, metadata=meta))
        return [file for file, _ in (*present, *held)]

    def _find_outputs(self) -> tuple[list[tuple[FileSpec, str]], list[tuple[FileSpec, str]]]:
        """Return the outputs that are files, and those in memory, each with its path."""
        context = self._context
        missing = self._find_wildcard_outputs()
        present, held = [], []
        for file in self.files:
            at = context.work_dir.at(file.job_path)
            if os.path.isfile(at):
                present.append((file, at))
            elif os.path.lexists(at):
                raise CallFailure(BAD_RESULT, f"{file.label}: {file.job_path} is not a regular file")
            elif context.process.holds(file):
                held.append((file, at))
            elif not file.optional:
                missing.append(f"{file.label}: {file.job_path}")
        if missing:
            raise CallFailure(BAD_RESULT, f"the programs ended well but did not make {'; '.join(missing)}")
        return present, held

    def _update_headers(self, file: FileSpec, at: str) -> None:
        from framework.worker.files.fits_update import HeaderError, update_headers  # few files are given cards

        try:
            update_headers(at, file.header)
        except HeaderError as error:
            raise CallFailure(BAD_RESULT, f"{file.label}: its headers cannot be updated: {error}") from error

    def _find_wildcard_outputs(self) -> list[str]:
        """Find the outputs with wildcards in their names; return those of which none was made."""
        missing = []
        for file in self._spec.outputs:
            if file.pattern and self._wildcards is not None:
                found = self._wildcards.find(file)
                self.files += found
                if not found and not file.optional:
                    missing.append(f"{file.label}: {file.job_path}")
        return missing

    def _store(self, file: FileSpec, at: str, metadata: dict[str, object]) -> None:
        context = self._context
        packed: list[Any] | None = None
        if file.saved and file.compression:
            found, packed = self._store_compressed(file, at)
        elif file.saved:
            target = os.path.join(context.store_root, file.path)
            found = self.stored[file.path] = store(at, target, context.store_mode)
            if file.path in context.read_paths:
                place(target, at)
        else:
            found = self.stored[file.path] = measure(at)
        archive = context.job.archive if file.saved else None
        size, sha256 = found.size, found.sha256
        record = file_record(
            file.path, file.filetype, size=size, sha256=sha256, archive=archive, packed=packed, metadata=metadata
        )
        self.records.append(record)
        context.job_paths[file.path] = file.job_path
        context.made.add(file.path)

    def _store_compressed(self, file: FileSpec, at: str) -> tuple[Checksum, list[Any]]:
        """Store a file compressed; return its own checksum, and the record of the stored form."""
        from framework.worker.files.compression import compress  # few archives keep files compressed

        context = self._context
        target = os.path.join(context.store_root, file.archived)
        found, packed = compress(at, target, file.compression, context.job.compression_args)
        self.stored[file.archived] = packed
        if file.path in context.read_paths:
            os.chmod(at, READ_ONLY)
        else:
            os.unlink(at)
        return found, [file.compression, packed.size, packed.sha256]
