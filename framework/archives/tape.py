"""Staging of files from archives that keep them offline, as on tape."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from framework.archives.archive import Archive

#: Characters of a stage command's stderr that are shown where it fails.
STDERR_SHOWN = 500


def stage_files(archive: Archive, paths: Sequence[str]) -> dict[str, str]:
    """Stage files and wait until they are online; return the errors by path.

    The archive's ``stage`` command reads the paths, each ended by a NUL, from its standard input, and the archive
    from ``FW_ARCHIVE`` and ``FW_ARCHIVE_ROOT``. It exits with 0 when all files can be read. It may write the paths of
    those that cannot be read to its standard output, in the same form.
    """
    if not archive.stage or not paths:
        return {}
    environment = {**os.environ, "FW_ARCHIVE": archive.name, "FW_ARCHIVE_ROOT": archive.root}
    request = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths)
    try:
        done = subprocess.run(archive.stage, input=request, capture_output=True, env=environment, check=False)
    except OSError as error:
        return dict.fromkeys(paths, f"{archive.stage[0]} cannot be run: {error.strerror}")
    refused = {path.decode("utf-8", "surrogateescape") for path in done.stdout.split(b"\0")}.intersection(paths)
    if done.returncode and not refused:
        message = done.stderr.decode("utf-8", "replace").strip()[-STDERR_SHOWN:] or "it says nothing"
        return dict.fromkeys(paths, f"{archive.stage[0]} ended with status {done.returncode}: {message}")
    return dict.fromkeys(refused, f"{archive.name} cannot bring it: {archive.stage[0]} says so")
