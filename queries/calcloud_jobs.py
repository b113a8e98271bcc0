"""Planned Hubble jobs, each with its requests and its input files.

given: plan (a file of JSON lines, or the run that made one), inputs (the folder of raw and features files), overhead_mb
    and overhead_s (what a job takes besides its calibration), memory_scale and time_scale (1, or less for a campaign
    that is simulated on a small machine)
gives: fullname, ipst, memory_mb and minutes (first and after each failure, joined by commas), rung, model,
    predicted_memory_gb, predicted_wallclock_s; a line for each input file, by dataset
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

PLANS = """
select d.path, v.val as root
  from desfile d, pfw_attempt a, pfw_attempt_val v
 where d.filetype = 'cal_plan' and d.pfw_attempt_id = a.id and a.run = :run
   and v.pfw_attempt_id = a.id and v.key = 'archive_root'
 order by d.id desc
"""


def ask(
    sql: Callable[..., list[Mapping[str, Any]]],
    *,
    plan: str,
    inputs: str,
    overhead_mb: str,
    overhead_s: str,
    memory_scale: str,
    time_scale: str,
) -> Iterator[dict[str, object]]:
    """Yield the lines; LookupError if there is no plan, or a dataset of it has no file."""
    memory, seconds = float(memory_scale), float(time_scale)
    more_mb, more_s = int(overhead_mb), float(overhead_s)
    files = _files_by_dataset(Path(inputs).absolute())
    lines = _lines(plan, sql)
    missing = [line["ipst"] for line in lines if line["ipst"].lower() not in files]
    if missing:
        raise LookupError(f"{inputs} has no file of {len(missing)} planned datasets, such as {missing[0]}")
    for line in lines:
        known = {
            "filetype": "cal_raw",
            "ipst": line["ipst"],
            "memory_mb": ",".join(str(math.ceil(step * memory) + more_mb) for step in line["memory_steps_mb"]),
            "minutes": ",".join(f"{(step * seconds + more_s) / 60:.6g}" for step in line["kill_steps_s"]),
            "rung": line["rung"],
            "model": line["model"],
            "predicted_memory_gb": line.get("predicted_memory_gb", ""),
            "predicted_wallclock_s": line.get("predicted_wallclock_s", ""),
        }
        for path in files[line["ipst"].lower()]:
            yield {"fullname": path, **known}


def _lines(plan: str, sql: Callable[..., list[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    path = plan
    if not os.path.isfile(plan):
        found = sql(PLANS, run=plan)
        if not found:
            raise LookupError(f"'{plan}' is neither a file nor a run that made a plan")
        path = os.path.join(found[0]["root"], found[0]["path"])
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def _files_by_dataset(folder: Path) -> dict[str, list[str]]:
    """Return the files whose names begin with a dataset's name, and those in folders of that name, by dataset."""
    found: dict[str, list[str]] = {}
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir():
            inner = sorted(str(path) for path in Path(entry.path).iterdir() if path.is_file())
            found.setdefault(entry.name.lower(), []).extend(inner)
        else:
            found.setdefault(entry.name[:9].lower(), []).append(entry.path)
    return found
