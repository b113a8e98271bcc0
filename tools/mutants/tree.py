"""A copy of the repository, in which mutants live."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

#: Folders and files that mutants are drawn from.
JUDGED = (
    "framework/plan/**/*.py",
    "framework/engines/**/*.py",
    "framework/registry/questions/selection*.py",
    "framework/registry/questions/where_clause.py",
)
#: What only a pool executes, and ``make test-htcondor`` judges.
POOL_ONLY = tuple(f"framework/engines/htcondor/{name}.py" for name in ("engine", "late_script", "observer", "pool"))


def judged_files(root: Path) -> list[str]:
    """Return the modules that mutants are drawn from, by their paths in the repository."""
    found = {str(path.relative_to(root)) for pattern in JUDGED for path in root.glob(pattern)}
    return sorted(found - set(POOL_ONLY))


class Tree:
    """The files that git knows or would add, in a directory of their own."""

    def __init__(self, repository: Path, directory: Path) -> None:
        self.root = directory / "tree"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=repository, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        for name in filter(None, listed.split("\0")):
            if (repository / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(repository / name, self.root / name)
        if (repository.parent / "shared").is_dir():
            (directory / "shared").symlink_to((repository.parent / "shared").resolve())
        self._written = 0

    def write(self, name: str, text: str) -> None:
        """Write a module so that no bytecode of an earlier text is taken for it."""
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        self._written += 10
        # Bytecode knows its module by size and time in whole seconds.
        os.utime(path, (1_000_000_000 + self._written,) * 2)

    def environment(self) -> dict[str, str]:
        """Return the variables with which the copy is imported and not the repository."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return {**kept, "PYTHONPATH": str(self.root)}
