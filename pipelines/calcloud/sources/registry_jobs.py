"""Finished jobs from the framework's registry: `registry:`, or `registry:run=S1%` for those of some runs.

The registry is queried by the command `fw query`, so that this family does not import the framework.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.dataset import encode_header, parse_keywords
from pipelines.calcloud.sources.rows import csv_from_rows
from pipelines.calcloud.sources.schema import SIMULATED, bin_of

REGISTRY = "registry:"
FILETYPE = "cal_metrics"


def read_registry(name: str) -> bytes:
    """Read the jobs that ended with success.

    Parameters
    ----------
    name : str
        `registry:`, with conditions of `fw query` after the colon.

    Returns
    -------
    bytes
        CSV with a row for each job: features, memory (GB) and wallclock (s); the newest job of a dataset first.

    Raises
    ------
    InputError
        If the registry cannot be queried, or has no such job.
    """
    rows = sorted(_rows(query_metrics(name)), key=lambda row: -float(str(row["timestamp"])))
    if not rows:
        raise InputError(f"{name}: the registry has no finished job of this kind (calcloud_process makes them)")
    return csv_from_rows(rows)


def query_metrics(name: str) -> list[dict[str, object]]:
    """Return the metadata of the recorded metrics, with the run of each; InputError if `fw query` fails.

    Parameters
    ----------
    name : str
        `registry:`, with conditions after the colon.

    Returns
    -------
    list[dict[str, object]]
        Metrics of each job; memory is in GB and wallclock in seconds.

    Raises
    ------
    InputError
        If `fw query` cannot be run, or fails.
    """
    conditions = [part.strip() for part in name.removeprefix(REGISTRY).split(",") if part.strip()]
    # Next to the interpreter, if both are in one environment.
    program = Path(sys.executable).with_name("fw")
    command = [str(program) if program.exists() else "fw", "query", FILETYPE, *conditions, "--json"]
    try:
        completed = subprocess.run(command, capture_output=True, text=True, check=False)
        found = json.loads(completed.stdout) if completed.returncode == 0 else None
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: the registry cannot be queried ({error})") from error
    if found is None:
        raise InputError(f"{name}: the registry cannot be queried ({completed.stderr.strip()[:300]})")
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
