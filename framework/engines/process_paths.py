"""Paths that an engine gives to the processes it starts: of the packages, and of programs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: The folder that holds the packages; a worker is given nothing else to import from.
ROOT = str(Path(__file__).parents[2])


def program_path() -> str:
    """Return the search path of programs: next to the Python that runs the framework, then PATH."""
    return os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
