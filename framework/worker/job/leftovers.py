"""Junk: what a job leaves that nobody declared, kept in the archive to be looked at."""

from __future__ import annotations

import os
import stat
import tarfile

from framework.worker.files.transfer import READ_ONLY, make_parents, measure
from framework.worker.journal.facts import file_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from framework.worker.journal.facts import FileObject


def keep_junk(place: str, declared: Collection[str], root: str, name: str) -> FileObject | None:
    """Pack the plain files of a job's directory, without those declared, into the archive; None where there are none.

    What it returns is what a journal tells of the tarball.
    """
    files = [path for path in _files(place) if path not in declared]
    if not files:
        return None
    target = os.path.join(root, name)
    make_parents(target)
    part = f"{target}.part-{os.getpid()}"
    with tarfile.open(part, "w:gz") as tarball:
        for path in files:
            tarball.add(os.path.join(place, path), arcname=path, recursive=False)
    os.chmod(part, READ_ONLY)
    os.replace(part, target)
    found = measure(target)
    return file_record(name, "junk_tar", size=found.size, sha256=found.sha256)


def _files(place: str) -> Iterator[str]:
    for directory, _, names in os.walk(place):
        for name in sorted(names):
            path = os.path.join(directory, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield os.path.relpath(path, place)
