"""Raw images and the patches of the sky that their corners touch.

given: skymap (path of the sky map file), tract; project
gives: path, tract, patch, visit, ccd, filter; a line for each image and patch, by visit, detector and patch
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipelines.hsc.sky.geometry import DetectorImage, SkyMap, find_overlaps

RAWS = """
select d.path, d.metadata from desfile d, file_archive_info f
 where d.filetype = 'hsc_raw' and f.desfile_id = d.id and d.path like :below
 order by d.path
"""


def ask(sql: Callable[..., list[dict[str, Any]]], *, skymap: str, tract: str, project: str) -> Iterator[dict[str, Any]]:
    """The lines; nothing where no image touches the tract."""
    import json

    sky_map = SkyMap.from_json(Path(skymap).read_text(encoding="utf-8"))
    raws: dict[tuple[int, int], tuple[str, str]] = {}
    images = []
    for row in sql(RAWS, below=f"{project}/%"):
        known = row["metadata"] if isinstance(row["metadata"], dict) else json.loads(row["metadata"])
        first, second, third, fourth = ((float(known[f"rac{n}"]), float(known[f"decc{n}"])) for n in range(1, 5))
        images.append(DetectorImage(visit=known["visit"], ccd=known["ccd"], corners=(first, second, third, fourth)))
        raws[known["visit"], known["ccd"]] = (row["path"], known["filter"])
    for found in sorted(find_overlaps(sky_map, images), key=lambda one: (one.visit, one.ccd, one.tract, one.patch)):
        if str(found.tract) != tract:
            continue
        path, name = raws[found.visit, found.ccd]
        yield {
            "path": path, "tract": found.tract, "patch": found.patch, "visit": found.visit, "ccd": found.ccd,
            "filter": name,
        }  # fmt: skip
