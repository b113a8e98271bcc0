"""Planned and used memory and time of processed Hubble datasets, to see whether the model still fits.

given: run (of calcloud_process; % stands for anything)
gives: path, filetype, of_run, ipst, planned_model, planned_memory_gb, memory, planned_wallclock_s, wallclock; a
    line for each job that ended with success, by time
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

KEYS = ("ipst", "planned_model", "planned_memory_gb", "memory", "planned_wallclock_s", "wallclock")
METRICS = """
select d.path, d.filetype, d.metadata, a.run
  from desfile d, file_archive_info f, pfw_attempt a
 where d.filetype = 'cal_metrics' and f.desfile_id = d.id and a.id = d.pfw_attempt_id and a.run like :run
 order by d.id
"""


def ask(sql: Callable[..., list[Mapping[str, Any]]], *, run: str) -> Iterator[Mapping[str, Any]]:
    """Yield the lines."""
    for row in sql(METRICS, run=run):
        known = row["metadata"] if isinstance(row["metadata"], dict) else json.loads(row["metadata"])
        if known.get("status") == 0 and known.get("planned_wallclock_s") and known.get("wallclock"):
            yield {
                "path": row["path"],
                "filetype": row["filetype"],
                "of_run": row["run"],
                **{k: known[k] for k in KEYS},
            }
