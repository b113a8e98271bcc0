"""The home: where a registry, an archive and runs are kept unless somebody says otherwise."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """``$FW_HOME``, or ~/.local/share/skyfw."""
    return Path(os.environ.get("FW_HOME") or Path.home() / ".local" / "share" / "skyfw").resolve()
