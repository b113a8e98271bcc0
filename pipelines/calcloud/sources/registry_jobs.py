"""Finished jobs of the framework's own registry: `registry:`, or `registry:run=S1%` for those of some runs.

The registry is asked by the command `fw query`, so that this family needs nothing of the framework but its words.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.dataset import encode_header, parse_keywords
from pipelines.calcloud.sources.rows import csv_of
from pipelines.calcloud.sources.schema import SIMULATED, bin_of

REGISTRY = "registry:"
FILETYPE = "cal_metrics"


def read_registry(name: str) -> bytes:
    """A row for each job that ended well, as CSV; of a dataset that ran again, the last run first."""
    rows = sorted(_rows(ask(name)), key=lambda row: -float(str(row["timestamp"])))
    if not rows:
        raise InputError(f"{name}: the registry has no finished job of this kind (calcloud_process makes them)")
    return csv_of(rows)


def ask(name: str) -> list[dict[str, Any]]:
    """The metadata of all recorded metrics."""
    conditions = [part.strip() for part in name.removeprefix(REGISTRY).split(",") if part.strip()]
    # Beside the interpreter that runs this, where both are of one environment.
    beside = Path(sys.executable).with_name("fw")
    command = [str(beside) if beside.exists() else "fw", "query", FILETYPE, *conditions, "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: the registry cannot be asked ({error})") from error
    if found is None:
        raise InputError(f"{name}: the registry cannot be asked ({done.stderr.strip()[:300]})")
    return [{**file["metadata"], "run": file["run"]} for file in found]


def _rows(metrics: list[dict[str, Any]]) -> Iterator[Mapping[str, object]]:
    for row in metrics:
        if row.get("status") != 0 or not row.get("features") or not row.get("memory") or not row.get("wallclock"):
            continue
        features = encode_header(row["ipst"], parse_keywords(row["features"], f"{row['run']}: {row['ipst']}"))
        scaled = float(row.get("memory_scale", 1)) != 1 or float(row.get("time_scale", 1)) != 1
        yield {
            "ipst": row["ipst"],
            **features,
            "memory": row["memory"],
            "wallclock": row["wallclock"],
            "mem_bin": bin_of(float(row["memory"])),
            "timestamp": row.get("timestamp", 0),
            "run": row["run"],
            SIMULATED: int(scaled),
        }
