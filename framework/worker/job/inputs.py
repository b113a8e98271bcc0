"""Inputs of a call: linked or copied into its job's directory, and checked when its programs have ended."""

from __future__ import annotations

import os

from framework.worker.files.transfer import Checksum, check, copy, link, place
from framework.worker.job.job_context import CallFailure, JobContext
from framework.worker.job.spec import CallSpec, FileSpec
from framework.worker.journal.facts import file_record
from framework.worker.journal.statuses import BAD_RESULT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from framework.worker.journal.facts import FileObject


class CallInputs:
    """Input files and lists of one call."""

    def __init__(self, context: JobContext, spec: CallSpec) -> None:
        self._context = context
        self._spec = spec
        #: Archive paths of optional inputs that are missing.
        self._absent: set[str] = set()
        #: Records of the inputs that lie outside every archive.
        self.external: list[FileObject] = []

    @property
    def present(self) -> list[FileSpec]:
        """Inputs without the optional ones that are missing."""
        return [file for file in self._spec.inputs if file.path not in self._absent]

    def stage(self) -> None:
        """Put the inputs into the job's directory, and write the lists of them."""
        with self._context.staging:
            for file in self._spec.inputs:
                self._context.users[file.path] += 1
                if not self._context.process.holds(file):
                    self._stage(file)
        for listed in self._spec.lists:
            with open(self._context.work_dir.at(listed.job_path), "w", encoding="utf-8") as output:
                for number, line in enumerate(listed.lines):
                    if not listed.files or not self._absent.intersection(listed.files[number]):
                        output.write(line + "\n")

    def check(self) -> None:
        """Remove copies that programs may have changed; raise CallFailure if a file of the archive was changed."""
        with self._context.staging:
            for file in self._spec.inputs:
                self._context.users[file.path] -= 1
            files = [file for file in self.present if not self._context.process.holds(file)]
            self._remove_copies([file for file in files if not self._context.users[file.path]])

    def _remove_copies(self, files: list[FileSpec]) -> None:
        context = self._context
        for file in files:
            at = context.work_dir.at(file.job_path)
            archived = context.archive_location(file.path)
            try:
                status = os.stat(at)
            except OSError:
                context.job_paths.pop(file.path, None)
                continue
            if not file.external and context.checksums.is_changed(archived):
                raise CallFailure(BAD_RESULT, f"the program changed {file.path}, which the archive keeps")
            is_copy = file.external or not os.path.exists(archived) or status.st_ino != os.stat(archived).st_ino
            if is_copy and context.job_paths.get(file.path) == file.job_path and file.path not in context.made:
                os.unlink(at)
                context.job_paths.pop(file.path, None)

    def _stage(self, file: FileSpec) -> None:
        """Put one input into the job's directory, or note that it is missing where it is optional."""
        context = self._context
        target = context.work_dir.at(file.job_path)
        present_path = context.job_paths.get(file.path)
        if present_path is not None:
            if present_path != file.job_path and not os.path.lexists(target):
                place(context.work_dir.at(present_path), target)
            return
        if file.optional and self._is_absent(file):
            self._absent.add(file.path)
            return
        expected = context.known.get(file.archived) or _planned_checksum(file)
        if file.external:
            self._stage_external(file, target, expected)
        else:
            self._stage_archived(file, target, expected)
        context.job_paths[file.path] = file.job_path
        if file.rename:
            place(target, os.path.join(os.path.dirname(target), file.rename))

    def _is_absent(self, file: FileSpec) -> bool:
        if not file.external:
            return not os.path.exists(self._context.archive_location(file.archived))
        return "://" not in file.path and not os.path.exists(file.transferred_to or file.path)

    def _stage_archived(self, file: FileSpec, target: str, expected: Checksum | None) -> None:
        """Put a file of the archive into the job's directory, verified as the archive holds it."""
        checksums, archived = self._context.checksums, self._context.archive_location(file.archived)
        if file.compression:
            from framework.worker.files.compression import decompress  # few archives keep files compressed

            check(archived, expected, checksums)
            decompress(archived, target, file.compression)
        elif self._context.copies_inputs:
            copy(archived, target, expected)
        else:
            link(archived, target, expected, checksums)

    def _stage_external(self, file: FileSpec, target: str, expected: Checksum | None) -> None:
        """Copy or download a file from outside every archive, and note its record."""
        if "://" in file.path:
            from framework.worker.files.download import download  # few jobs download anything

            found = download(file.path, target, expected, self._context.job.max_transfers)
        else:
            found = copy(file.transferred_to or file.path, target, expected)
        record = file_record(
            file.path, file.filetype, size=found.size, sha256=found.sha256, archive="external", metadata=file.metadata
        )
        self.external.append(record)


def _planned_checksum(file: FileSpec) -> Checksum | None:
    """Return size and checksum that were known when the run was planned."""
    return None if file.size is None or file.sha256 is None else Checksum(file.size, file.sha256)
