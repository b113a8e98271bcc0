"""Outputs with wildcards in their names: files that are found by their names when the programs have ended."""

from __future__ import annotations

import os
import re

from framework.worker.job.spec import FileSpec

#: Bytes of a name that are not UTF-8, as Python decodes them.
_UNDECODED = re.compile(r"[\ud800-\udfff]")
#: Bytes of a name, as for planned files.
LONGEST_NAME = 200


class InvalidNameError(Exception):
    """A program gave a file a name that archives do not take."""


class WildcardOutputs:
    """Outputs of a call with wildcards in their names; to be made before its programs begin."""

    def __init__(self, outputs: list[FileSpec], root: str) -> None:
        self._root = root
        self._wild = [file for file in outputs if file.pattern]
        #: Names that exist before: inputs, lists, and files of earlier calls of the job.
        self._before = {file.job_path: self._names(file) for file in self._wild}

    def find(self, file: FileSpec) -> list[FileSpec]:
        """Return the new files that fit the pattern of an output, in the order of their names."""
        pattern = re.compile(file.pattern)
        found = []
        for name in sorted(self._names(file) - self._before[file.job_path]):
            if (named := pattern.fullmatch(name)) is not None:
                if _UNDECODED.search(name) or len(os.fsencode(name)) > LONGEST_NAME:
                    raise InvalidNameError(f"{file.label}: {name!r} cannot be a name in an archive")
                found.append(file.with_name(name, named.groupdict()))
        return found

    def _names(self, file: FileSpec) -> set[str]:
        try:
            return set(os.listdir(os.path.join(self._root, os.path.dirname(file.job_path))))
        except OSError:
            return set()  # the program removed the directory
