"""The HSC pipeline with three of its steps as programs, and in one process a patch: time and bytes, in one run.

Both layouts are taken in turn on the same simulated images, in homes of their own, and the medians are compared. A
layout's bytes are the sizes of all that its programs wrote; the steps' seconds are those of the three steps' calls,
from the first input's placing to the last output's storing, and their CPU is what their programs took.
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
from dataclasses import astuple, dataclass
from pathlib import Path

PIPELINES = Path(__file__).parents[1] / "pipelines"
LAYOUTS = {"programs": "hsc_coadd.wcl", "one process": "hsc_coadd_inprocess.wcl"}
STEPS = "('make_coadd_temp_exp', 'assemble_coadd', 'detect_coadd_sources')"
FIGURES = f"""
    with step as (select * from pfw_wrapper where modname in {STEPS})
    select (select sum(t.end_time - t.start_time) from step s, task t where t.id = s.task_id),
           (select sum(e.utime + e.stime) from step s, pfw_exec e where e.pfw_wrapper_task_id = s.task_id),
           (select sum(filesize) / 1e6 from desfile
             where pfw_attempt_id = :attempt and filetype not in ('log', 'plan')),
           (select sum(filesize) / 1e6 from desfile d, pfw_exec e, step s
             where d.wgb_task_id = e.task_id and e.pfw_wrapper_task_id = s.task_id)
"""


@dataclass(frozen=True)
class Figures:
    """What a run of one layout took."""

    command_seconds: float
    steps_seconds: float
    steps_cpu: float
    megabytes: float
    steps_megabytes: float


def main() -> int:
    """Run both layouts in turn and print the figures; 0 whatever they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[Figures]] = {name: [] for name in LAYOUTS}
    with tempfile.TemporaryDirectory(prefix="fw-bench-") as place:
        images = Path(place) / "images"
        subprocess.run([sys.executable, "-m", "pipelines.hsc.simulate", str(images)], check=True)
        for turn in range(options.rounds):
            for name, pipeline in LAYOUTS.items():
                home = Path(place) / f"{turn}-{pipeline}"
                found[name].append(one_run(home, images, PIPELINES / pipeline))
                shutil.rmtree(home)
    print("layout        command s   steps s   steps CPU s   written MB   of that by the steps MB")
    for name, figures in found.items():
        middle = [statistics.median(values) for values in zip(*map(astuple, figures), strict=True)]
        print(
            f"{name:<12} {middle[0]:>10.1f} {middle[1]:>9.1f} {middle[2]:>13.1f} {middle[3]:>12.1f} {middle[4]:>12.1f}"
        )
    return 0


def one_run(home: Path, images: Path, pipeline: Path) -> Figures:
    """The pipeline in a home of its own."""
    fw(home, "ingest", "--types", str(PIPELINES / "hsc/filetypes.wcl"), str(images))
    fw(home, "submit", str(PIPELINES / "hsc_schema.wcl"))
    began = time.perf_counter()
    fw(home, "submit", str(pipeline), "--slots", "2")
    seconds = time.perf_counter() - began
    registry = sqlite3.connect(home / "registry.sqlite")
    (attempt,) = registry.execute("select id from pfw_attempt where unitname = 'Ht0'").fetchone()
    figures = registry.execute(FIGURES, {"attempt": attempt}).fetchone()
    registry.close()
    return Figures(seconds, *figures)


def fw(home: Path, *arguments: str) -> None:
    """A command, in a home."""
    command = [str(Path(sys.executable).parent / "fw"), *arguments]
    subprocess.run(command, env={**os.environ, "FW_HOME": str(home)}, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
