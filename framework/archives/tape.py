"""Staging: having the files of an archive that keeps them out of reach (on tapes) brought within it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from framework.archives.archive import Archive

#: Words of a stage command that are kept to say why it failed.
LAST_WORDS = 500


def bring_near(archive: Archive, paths: Sequence[str]) -> dict[str, str]:
    """Ask for files, and wait until they are there; those that cannot be had, each with the reason.

    The archive's ``stage`` command is told their paths, each ended by a NUL, on its standard input, and where the
    archive is in ``FW_ARCHIVE`` and ``FW_ARCHIVE_ROOT``. It ends with 0 when all of them can be read. It may name
    those that cannot, the same way, on its standard output.
    """
    if not archive.stage or not paths:
        return {}
    environment = {**os.environ, "FW_ARCHIVE": archive.name, "FW_ARCHIVE_ROOT": archive.root}
    asked = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths)
    try:
        done = subprocess.run(archive.stage, input=asked, capture_output=True, env=environment, check=False)
    except OSError as error:
        return dict.fromkeys(paths, f"{archive.stage[0]} cannot be run: {error.strerror}")
    refused = {path.decode("utf-8", "surrogateescape") for path in done.stdout.split(b"\0")}.intersection(paths)
    if done.returncode and not refused:
        said = done.stderr.decode("utf-8", "replace").strip()[-LAST_WORDS:] or "it says nothing"
        return dict.fromkeys(paths, f"{archive.stage[0]} ended with status {done.returncode}: {said}")
    return dict.fromkeys(refused, f"{archive.name} cannot bring it: {archive.stage[0]} says so")
