"""Receive the files of a job without a shared file system: put them into the archive, on the submitting machine.

It is called as ``htcondor_receive RUN_DIRECTORY ARCHIVE_ROOT JOB STATUS`` when the job has ended, and exits with that
status; or with 75 where the files are not those of the journals. It may be interrupted, and repeated.
"""

from __future__ import annotations

import os
import shutil
import sys

from framework.worker.files.transfer import Checksum, measure, move
from framework.worker.job.run_directory_access import known_files_path, write_known_files
from framework.worker.journal.file_records import archived_form, is_archived
from framework.worker.journal.journal import read_facts
from framework.worker.journal.statuses import INFRASTRUCTURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(arguments: list[str]) -> int:
    """Receive the folder of one job; return the exit status."""
    run, root, job, status = arguments
    errors = receive(run, root, int(job))
    for error in errors:
        sys.stderr.write(f"job {job}: {error}\n")
    if errors and status == "0":
        return INFRASTRUCTURE
    return int(status) if 0 <= int(status) < 256 else 1


def receive(run: str, root: str, job: int) -> list[str]:
    """Move files into the archive, verified against the journals, and then the journals; return the errors."""
    folder = os.path.join(run, "home", f"j{job}")
    journals = os.path.join(folder, "journal")
    if not os.path.isdir(journals):
        return [] if not os.path.isdir(folder) else [f"{folder} holds no journal"]
    errors: list[str] = []
    known: dict[str, list[Any]] = {}
    names = sorted(os.listdir(journals))
    for name in names:
        for file in _archived_files(os.path.join(journals, name)):
            path, size, sha256 = archived_form(file)
            source, target = os.path.join(folder, "archive", path), os.path.join(root, path)
            error = _receive_file(source, target, path, Checksum(size, sha256))
            if error:
                errors.append(error)
            else:
                known[path] = [size, sha256]
    write_known_files(known_files_path(run, job), known)
    _receive_unfinished_logs(os.path.join(folder, "archive"), root)
    _receive_failed(os.path.join(folder, "failed"), os.path.join(run, "failed"))
    os.makedirs(os.path.join(run, "journal"), exist_ok=True)
    for name in names:
        os.replace(os.path.join(journals, name), os.path.join(run, "journal", name))
    shutil.rmtree(folder, ignore_errors=True)
    return errors


def _archived_files(journal: str) -> list[dict[str, object]]:
    """Return the records of files that belong into the archive, logs among them."""
    return [
        file
        for fact in read_facts(journal)
        if fact["e"] in ("call.end", "job.end")
        for file in fact.get("files", ())
        if is_archived(file)
    ]


def _receive_file(source: str, target: str, path: str, expected: Checksum) -> str | None:
    """Move one file into the archive; return the error, if any."""
    if not os.path.exists(source):
        if os.path.exists(target) and os.stat(target).st_size == expected.size:
            return None  # received before
        return f"{path} did not come home"
    found = measure(source)
    if found != expected:
        return f"{path} is not what the job made: {found.size} bytes came of {expected.size}"
    move(source, target)
    return None


def _receive_unfinished_logs(source: str, root: str) -> None:
    """Move the logs of calls without an end into the archive, where the end that they are given refers to them."""
    for directory, _, names in os.walk(source):
        for name in names:
            path = os.path.join(directory, name)
            target = os.path.join(root, os.path.relpath(path, source))
            if name.endswith(".log") and not os.path.exists(target):
                move(path, target)


def _receive_failed(source: str, target: str) -> None:
    """Move what failed jobs left in their directories into the run's directory."""
    for name in os.listdir(source) if os.path.isdir(source) else ():
        os.makedirs(target, exist_ok=True)
        if not os.path.exists(os.path.join(target, name)):
            shutil.move(os.path.join(source, name), os.path.join(target, name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
