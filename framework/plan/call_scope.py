"""What the texts of one call are filled in from: its loop values, where its files lie, and the module around it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache

from framework.model.plan import File, ListFile
from wcl import Quoted, Scope


class CallValues:
    """The values of a call."""

    def __init__(
        self, around: Scope, values: Mapping[str, str], files: Iterable[File] = (), lists: Iterable[ListFile] = ()
    ) -> None:
        self.values = values
        self._around = around
        self._files = files
        self._lists = lists
        #: ``file.raw.fullname`` and its like: where things lie in the job, several joined by commas. Each is one word.
        self.paths = _full_names(files, lists)

    @cached_property
    def scope(self) -> Scope:
        """Everything, as the careful way wants it."""
        names: dict[str, str] = {name: Quoted(path) for name, path in self.paths.items()}
        for made in self._lists:
            # All files of a list as words of their own, whatever their names hold.
            within = [file.job_path for file in self._files if file.label.startswith(f"{made.label}.")]
            names[f"{made.label}.members".lower()] = shlex.join(within).replace("$", "$$")
        return self._around.child(self.values).child(names)


def _full_names(files: Iterable[File], lists: Iterable[ListFile]) -> dict[str, str]:
    paths: dict[str, str] = {}
    for file in files:
        name = _full_name(file.label)
        paths[name] = f"{paths[name]},{file.job_path}" if name in paths else file.job_path
        if file.pattern:
            paths[f"{file.label}.directory".lower()] = file.job_path.rpartition("/")[0] or "."
    for made in lists:
        paths[_full_name(made.label)] = made.job_path
    return paths


@lru_cache(4096)
def _full_name(label: str) -> str:
    return f"{label}.fullname".lower()
