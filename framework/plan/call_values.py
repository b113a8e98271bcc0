"""Values of one call: its loop values, the paths of its files in the job, and the module around it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from functools import cached_property, lru_cache

from framework.model.job import File, ListFile
from wcl import Quoted, Scope


class CallValues:
    """Values that the texts of a call are filled in from."""

    def __init__(
        self,
        module_scope: Scope,
        values: Mapping[str, str],
        files: Iterable[File] = (),
        lists: Iterable[ListFile] = (),
    ) -> None:
        #: Values of the loop.
        self.values = values
        self._module_scope = module_scope
        self._files = files
        self._lists = lists
        #: Paths in the job by name, such as ``file.raw.fullname``; several joined by commas. Each is one word.
        self.paths = _full_names(files, lists)

    @cached_property
    def scope(self) -> Scope:
        """Scope with all values, for texts that are not plain."""
        names: dict[str, str] = {name: Quoted(path) for name, path in self.paths.items()}
        for made in self._lists:
            # All files of a list as words of their own, whatever their names hold.
            members = [file.job_path for file in self._files if file.label.startswith(f"{made.label}.")]
            names[f"{made.label}.members".lower()] = shlex.join(members).replace("$", "$$")
        return self._module_scope.child(self.values).child(names)


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
