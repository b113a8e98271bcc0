"""Files of which only their program knows how many there are: found by their names once it has ended."""

from __future__ import annotations

import os
import re

from framework.worker.job.spec import FileSpec

#: What is no text: a name of bytes that are not UTF-8.
_NO_TEXT = re.compile(r"[\ud800-\udfff]")
#: Bytes of such a name, as for those that are planned.
LONGEST_NAME = 200


class InvalidNameError(Exception):
    """A program gave a file a name that no archive takes; the message says which."""


class WildcardOutputs:
    """The outputs of a call with wildcards in their names; made before its programs begin."""

    def __init__(self, outputs: list[FileSpec], root: str) -> None:
        self._root = root
        self._wild = [file for file in outputs if file.pattern]
        #: What lies there already is not this call's: inputs, lists, what earlier calls of the job left.
        self._before = {file.job_path: self._names(file) for file in self._wild}

    def found(self, file: FileSpec) -> list[FileSpec]:
        """The files that fit, by their names."""
        pattern = re.compile(file.pattern)
        found = []
        for name in sorted(self._names(file) - self._before[file.job_path]):
            if (named := pattern.fullmatch(name)) is not None:
                if _NO_TEXT.search(name) or len(os.fsencode(name)) > LONGEST_NAME:
                    raise InvalidNameError(f"{file.label}: {name!r} cannot be a name in an archive")
                found.append(file.with_name(name, named.groupdict()))
        return found

    def _names(self, file: FileSpec) -> set[str]:
        try:
            return set(os.listdir(os.path.join(self._root, os.path.dirname(file.job_path))))
        except OSError:
            return set()  # the program removed the directory, and with it whatever it had made there
