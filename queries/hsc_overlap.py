"""Raw images and the patches of the sky that their corners touch.

given: skymap (path of the sky map file), tract; project
gives: path, tract, patch, visit, ccd, filter; a line for each image and patch, by visit, detector and patch
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.hsc.sky.geometry import DetectorImage, SkyMap, find_overlaps

RAWS = """
select d.path, d.metadata from desfile d, file_archive_info f
 where d.filetype = 'hsc_raw' and f.desfile_id = d.id and d.path like :below
 order by d.path
"""


def ask(
    sql: Callable[..., list[Mapping[str, Any]]], *, skymap: str, tract: str, project: str
) -> Iterator[dict[str, object]]:
    """Yield a line for each image and patch that overlap; none if no image touches the tract."""
    sky_map = SkyMap.from_json(Path(skymap).read_text(encoding="utf-8"))
    raws: dict[tuple[int, int], tuple[str, str]] = {}
    images = []
    for row in sql(RAWS, below=f"{project}/%"):
        metadata = row["metadata"] if isinstance(row["metadata"], dict) else json.loads(row["metadata"])
        first, second, third, fourth = ((float(metadata[f"rac{n}"]), float(metadata[f"decc{n}"])) for n in range(1, 5))
        corners = (first, second, third, fourth)
        images.append(DetectorImage(visit=metadata["visit"], ccd=metadata["ccd"], corners=corners))
        raws[metadata["visit"], metadata["ccd"]] = (row["path"], metadata["filter"])
    for overlap in sorted(find_overlaps(sky_map, images), key=lambda one: (one.visit, one.ccd, one.tract, one.patch)):
        if str(overlap.tract) != tract:
            continue
        path, name = raws[overlap.visit, overlap.ccd]
        yield {
            "path": path, "tract": overlap.tract, "patch": overlap.patch, "visit": overlap.visit, "ccd": overlap.ccd,
            "filter": name,
        }  # fmt: skip
