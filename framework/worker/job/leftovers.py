"""Junk: undeclared files that a job left, kept in the archive for inspection."""

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


def keep_junk(work_dir: str, declared: Collection[str], root: str, name: str) -> FileObject | None:
    """Store a tarball of the regular files in a job's directory that are not declared.

    Return the record of the tarball; None where there are no such files.
    """
    files = [path for path in _find_files(work_dir) if path not in declared]
    if not files:
        return None
    target = os.path.join(root, name)
    make_parents(target)
    part = f"{target}.part-{os.getpid()}"
    with tarfile.open(part, "w:gz") as tarball:
        for path in files:
            tarball.add(os.path.join(work_dir, path), arcname=path, recursive=False)
    os.chmod(part, READ_ONLY)
    os.replace(part, target)
    found = measure(target)
    return file_record(name, "junk_tar", size=found.size, sha256=found.sha256)


def _find_files(root: str) -> Iterator[str]:
    """Yield the paths of regular files below a directory, relative to it."""
    for directory, _, names in os.walk(root):
        for name in sorted(names):
            path = os.path.join(directory, name)
            if stat.S_ISREG(os.lstat(path).st_mode):
                yield os.path.relpath(path, root)
