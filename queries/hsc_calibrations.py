"""Calibration frames of the camera: bias, dark and flat of each detector.

given: project
gives: path, kind, ccd, filter (NONE for frames of no filter), calibdate; a line for each frame, by path
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

FRAMES = """
select d.path, d.filetype, d.metadata from desfile d, file_archive_info f
 where d.filetype in ('hsc_bias', 'hsc_dark', 'hsc_flat') and f.desfile_id = d.id and d.path like :below
 order by d.path
"""


def ask(sql: Callable[..., list[Mapping[str, Any]]], *, project: str) -> Iterator[Mapping[str, Any]]:
    """Yield a line for each frame, by path."""
    for row in sql(FRAMES, below=f"{project}/%"):
        metadata = row["metadata"] if isinstance(row["metadata"], dict) else json.loads(row["metadata"])
        yield {
            "path": row["path"], "kind": row["filetype"], "ccd": metadata["ccd"], "calibdate": metadata["calibdate"],
            "filter": metadata.get("filter", "NONE"),
        }  # fmt: skip
