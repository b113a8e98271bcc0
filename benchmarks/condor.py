"""Jobs of a trivial program on a real pool: the engine, with all its records, beside a DAG written by hand, in one run.

Each job copies one small file, which the archive holds. Both DAGs have the same settings of DAGMan's, and with --far
both have HTCondor bring the file and fetch the copy. The time is from the command that submits to the end of DAGMan:
planning, the FINAL node and the registry are in the engine's.

    tools/htcondor-pool run python -m benchmarks.condor [--jobs 500] [--far]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from framework.engines.htcondor.site import DAGMAN

PIPELINE = Path(__file__).parent / "local.wcl"
#: At most so many times what the DAG by hand takes.
BAR = 1.5


def main() -> int:
    """Run both, and print the ratio; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--far", action="store_true", help="Without a shared file system.")
    options = parser.parse_args()
    # DAGMan keeps no logs in the system's temporary folder.
    with tempfile.TemporaryDirectory(prefix="fw-bench-", dir=Path.home()) as place:
        inputs = Path(place) / "in"
        inputs.mkdir()
        for number in range(1, options.jobs + 1):
            (inputs / f"{number}.txt").write_text(f"{number}\n")
        theirs = by_hand(inputs, Path(place) / "hand", options.jobs, options.far)
        print(f"DAG by hand   {theirs:6.1f} s", flush=True)
        ours = framework(inputs, Path(place) / "home", options.jobs, options.far)
        print(f"fw submit     {ours:6.1f} s")
    ratio = ours / theirs
    print(f"ratio: {ratio:.2f}  (bar {BAR}; {options.jobs} jobs)")
    return 0 if ratio <= BAR else 1


def by_hand(inputs: Path, place: Path, jobs: int, far: bool) -> float:
    """Seconds that DAGMan takes for the copies alone."""
    place.mkdir()
    lines = [f"CONFIG {place}/dagman.config", "SUBMIT-DESCRIPTION copy {"]
    lines += ["  executable = /usr/bin/cp", "  transfer_executable = False", f"  initialdir = {place}"]
    if far:
        lines += ["  should_transfer_files = YES", '  arguments = "$(n).txt copy"']
        lines += [f"  transfer_input_files = {inputs}/$(n).txt", "  transfer_output_files = copy"]
        lines += ['  transfer_output_remaps = "copy = $(n).txt"']
    else:
        lines += ["  should_transfer_files = NO", f'  arguments = "{inputs}/$(n).txt {place}/$(n).txt"']
    lines += ["  request_memory = 64", "}"]
    for number in range(1, jobs + 1):
        lines += [f"JOB n{number} copy", f'VARS n{number} n="{number}"']
    (place / "dagman.config").write_text("".join(f"{key} = {value}\n" for key, value in DAGMAN.items()))
    (place / "hand.dag").write_text("\n".join(lines) + "\n")
    began = time.perf_counter()
    subprocess.run(
        ["condor_submit_dag", "-notification", "never", "hand.dag"], cwd=place, check=True, capture_output=True
    )
    seconds = until_empty(began)
    made = sum((place / f"{number}.txt").exists() for number in range(1, jobs + 1))
    if made != jobs:
        raise SystemExit(f"only {made} copies were made by hand")
    return seconds


def framework(inputs: Path, home: Path, jobs: int, far: bool) -> float:
    """Seconds that a submission takes to its end, checked for what it recorded."""
    fw(home, "ingest", "--types", str(PIPELINE), str(inputs))
    site = "htcondor_transfer" if far else "htcondor"
    began = time.perf_counter()
    python = f"site.{site}.python={sys.executable}"
    fw(home, "submit", str(PIPELINE), "--set", f"target_site={site}", "--set", python, "--set", "request_memory=64")
    print(f"  submitted in {time.perf_counter() - began:.1f} s", flush=True)
    seconds = until_empty(began)
    registry = sqlite3.connect(home / "registry.sqlite")
    recorded = registry.execute(
        "select (select count(*) from pfw_exec e, task t where t.id = e.task_id and t.status = 0),"
        " (select count(*) from opm_used),"
        " (select count(*) from desfile where filetype like 'number%' and sha256 <> ''),"
        " (select count(*) from task where name = 'attempt' and status = 0)"
    ).fetchone()
    registry.close()
    if recorded != (jobs, jobs, 2 * jobs, 1):
        raise SystemExit(f"not everything was recorded: {recorded}")
    shutil.rmtree(home)
    return seconds


def fw(home: Path, *arguments: str) -> None:
    """A command, in a home."""
    command = [sys.executable, "-m", "framework.cli", *arguments]
    done = subprocess.run(
        command, env={**os.environ, "FW_HOME": str(home)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)


def until_empty(began: float) -> float:
    """Seconds until nothing is in the queue any more."""
    while json.loads(subprocess.run(["condor_q", "-json"], capture_output=True, text=True, check=True).stdout or "[]"):
        time.sleep(0.5)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
