"""Reception: what a job without a shared file system sends home is put where it belongs, on the submitting side.

It is called as ``reception RUN_DIRECTORY ARCHIVE_ROOT JOB STATUS`` when the job has ended, and exits with that status;
or with 75 when what came is not what the journals say. Done twice, or by halves and then again, it comes to the same.
"""

from __future__ import annotations

import os
import shutil
import sys

from framework.worker.files.transfer import Checksum, measure, move
from framework.worker.job.htcondor_job import write_known
from framework.worker.job.job_context import INFRASTRUCTURE
from framework.worker.journal.file_records import archived_form, is_archived
from framework.worker.journal.journal import read_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main(arguments: list[str]) -> int:
    """Take one job's folder in."""
    run, root, job, status = arguments
    wrong = receive(run, root, int(job))
    for trouble in wrong:
        sys.stderr.write(f"job {job}: {trouble}\n")
    if wrong and status == "0":
        return INFRASTRUCTURE
    return int(status) if 0 <= int(status) < 256 else 1


def receive(run: str, root: str, job: int) -> list[str]:
    """Files into the archive, checked against the journals; then the journals to theirs. What is wrong, if anything."""
    folder = os.path.join(run, "home", f"j{job}")
    journals = os.path.join(folder, "journal")
    if not os.path.isdir(journals):
        return [] if not os.path.isdir(folder) else [f"{folder} holds no journal"]
    wrong: list[str] = []
    known: dict[str, list[Any]] = {}
    names = sorted(os.listdir(journals))
    for name in names:
        for file in _kept(os.path.join(journals, name)):
            path, size, sha256 = archived_form(file)
            trouble = _take(
                os.path.join(folder, "archive", path), os.path.join(root, path), path, Checksum(size, sha256)
            )
            if trouble:
                wrong.append(trouble)
            else:
                known[path] = [size, sha256]
    write_known(os.path.join(run, "known", f"{job // 1000:04d}", f"j{job}.json"), known)
    _take_unfinished_logs(os.path.join(folder, "archive"), root)
    _take_failed(os.path.join(folder, "failed"), os.path.join(run, "failed"))
    os.makedirs(os.path.join(run, "journal"), exist_ok=True)
    for name in names:
        os.replace(os.path.join(journals, name), os.path.join(run, "journal", name))
    shutil.rmtree(folder, ignore_errors=True)
    return wrong


def _kept(journal: str) -> list[dict[str, Any]]:
    """The files that finished calls and their logs say are in the archive."""
    return [
        file
        for fact in read_facts(journal)
        if fact["e"] in ("call.end", "job.end")
        for file in fact.get("files", ())
        if is_archived(file)
    ]


def _take(source: str, target: str, path: str, expected: Checksum) -> str:
    """Put one file into the archive; what is wrong with it, if anything."""
    if not os.path.exists(source):
        if os.path.exists(target) and os.stat(target).st_size == expected.size:
            return ""  # it was taken in before
        return f"{path} did not come home"
    found = measure(source)
    if found != expected:
        return f"{path} is not what the job made: {found.size} bytes came of {expected.size}"
    move(source, target)
    return ""


def _take_unfinished_logs(source: str, root: str) -> None:
    """The words of calls that were ended before they could end: whoever closes them finds the log in the archive."""
    for directory, _, names in os.walk(source):
        for name in names:
            path = os.path.join(directory, name)
            target = os.path.join(root, os.path.relpath(path, source))
            if name.endswith(".log") and not os.path.exists(target):
                move(path, target)


def _take_failed(source: str, target: str) -> None:
    """What failed calls left is kept apart."""
    for name in os.listdir(source) if os.path.isdir(source) else ():
        os.makedirs(target, exist_ok=True)
        if not os.path.exists(os.path.join(target, name)):
            shutil.move(os.path.join(source, name), os.path.join(target, name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
