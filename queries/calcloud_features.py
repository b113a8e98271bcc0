"""Features files of Hubble datasets in a folder outside the archive.

given: folder
gives: fullname, filetype, ipst; a line for each file, by name
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pipelines.calcloud.sources.dataset import SUFFIX


def ask(sql: Callable[..., list[dict[str, object]]], *, folder: str) -> Iterator[dict[str, object]]:
    """Yield the lines; none if the folder has no such file or does not exist."""
    for path in sorted(Path(folder).absolute().glob(f"*{SUFFIX}")):
        yield {"fullname": str(path), "filetype": "cal_features", "ipst": path.name.removesuffix(SUFFIX)}
