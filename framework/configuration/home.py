"""Home directory of an installation: by default it holds the registry, an archive and the runs."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return ``$FW_HOME``, or else ``~/.local/share/skyfw``, as an absolute path."""
    return Path(os.environ.get("FW_HOME") or Path.home() / ".local" / "share" / "skyfw").resolve()
