#!/usr/bin/env python3
"""Resolve the newest versions of everything that the project asks for, and write them to constraints.txt.

python tools/constraints.py          (make constraints)

`make` and CI install these versions; `make test-newest` tries what is newest without them. Nothing is installed here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = ROOT / "constraints.txt"
#: The pool's own bindings have a version of their own there; the rest belongs to one set.
LEFT_OUT = ("condor",)
HEAD = """\
# Versions that make and CI install, for Python 3.11 and newer. Made by tools/constraints.py (make constraints).
# Without them: make test-newest.
"""


def main() -> None:
    """Write the file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = sorted(set(project["optional-dependencies"]) - set(LEFT_OUT))
    lines = sorted(resolve(f"{ROOT}[{','.join(extras)}]") - {f"{project['name']}=={project['version']}"}, key=str.lower)
    FILE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{FILE.name}: {len(lines)} packages")


def resolve(wanted: str) -> set[str]:
    """Return ``name==version`` of each package that pip would install for a requirement in an empty environment."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--dry-run", "--ignore-installed", "--report", "-", wanted]
    answer = subprocess.run([*command, *options], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = [package["metadata"] for package in json.loads(answer)["install"]]
    return {f"{each['name']}=={each['version']}" for each in found}


if __name__ == "__main__":
    main()
