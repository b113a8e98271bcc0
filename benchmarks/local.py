"""A thousand jobs of a trivial program: the local engine, with all its records, beside ``xargs -P2``, in one run.

Each job copies one small file, which the archive holds, as it does an observatory's. The engine's time is that of the
whole command: start, query, plan, registry, workers, checksums, logs, ingest. Both sides are taken in turn, and the
medians are compared.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PIPELINE = Path(__file__).parent / "local.wcl"
#: From DESIGN: at most so many times what xargs takes.
BAR = 2.5


def main() -> int:
    """Run both sides in turn and print the figures; 0 whatever they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fw-bench-") as place:
        inputs = Path(place) / "in"
        inputs.mkdir()
        for number in range(1, options.jobs + 1):
            (inputs / f"{number}.txt").write_text(f"{number}\n")
        engine, floor = [], []
        for turn in range(options.rounds):
            floor.append(xargs(inputs, Path(place) / f"out{turn}", options.jobs))
            home = Path(place) / f"home{turn}"
            fw(home, "ingest", "--types", str(PIPELINE), str(inputs))
            engine.append(framework(home, options.jobs))
    ours, theirs = statistics.median(engine), statistics.median(floor)
    print(f"xargs -P2     {theirs:6.2f} s  ({', '.join(f'{seconds:.2f}' for seconds in floor)})")
    print(f"fw submit     {ours:6.2f} s  ({', '.join(f'{seconds:.2f}' for seconds in engine)})")
    print(f"ratio: {ours / theirs:.2f}  (bar {BAR})")
    return 0


def xargs(inputs: Path, outputs: Path, jobs: int) -> float:
    """Seconds that xargs takes for the copies."""
    outputs.mkdir()
    numbers = "".join(f"{number}\n" for number in range(1, jobs + 1))
    began = time.perf_counter()
    command = ["xargs", "-P2", "-I{}", "cp", f"{inputs}/{{}}.txt", f"{outputs}/{{}}.txt"]
    subprocess.run(command, input=numbers, text=True, check=True)
    return time.perf_counter() - began


def fw(home: Path, *arguments: str) -> None:
    """A command, in a home."""
    command = [str(Path(sys.executable).parent / "fw"), *arguments]
    subprocess.run(command, env={**os.environ, "FW_HOME": str(home)}, check=True, capture_output=True)


def framework(home: Path, jobs: int) -> float:
    """Seconds that a submission takes, checked for what it recorded."""
    began = time.perf_counter()
    fw(home, "submit", str(PIPELINE), "--slots", "2")
    seconds = time.perf_counter() - began
    registry = sqlite3.connect(home / "registry.sqlite")
    recorded = registry.execute(
        "select (select count(*) from pfw_exec e, task t where t.id = e.task_id and t.status = 0),"
        " (select count(*) from opm_used),"
        " (select count(*) from desfile where filetype like 'number%' and sha256 <> '')"
    ).fetchone()
    registry.close()
    if recorded != (jobs, jobs, 2 * jobs):
        raise SystemExit(f"not everything was recorded: {recorded}")
    shutil.rmtree(home)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
