"""How long a submission takes to plan and to write down, from a registry of a million files, for growing runs.

The pipeline has the shape of the HSC one (``plan.wcl``): 100 detectors a visit, 25 patches a tract, five bands. Each
size is planned in a process of its own, whose greatest memory is told. The floor makes the names of the visits' files
and writes a line of JSON for each of their calls, with nothing asked and nothing checked.

    python -m benchmarks.plan [--files 1000000] [--calls 1000 10000 100000]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PIPELINE = Path(__file__).parent / "plan.wcl"
CCDS, PATCHES, BANDS = 100, 25, "grizy"
#: Visits of one tract in one band.
DEPTH = 10
#: Calls for each visit: its detectors and its warps.
CALLS_PER_VISIT = CCDS + PATCHES
#: From DESIGN, at 100,000 calls.
BAR = "bar: 5 s and 400 MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fw-bench-") as folder:
        os.environ["FW_HOME"] = folder
        apart(fill, arguments.files, folder, visits_for(max(arguments.calls)))
        for calls in arguments.calls:
            apart(floor, calls, folder)
            apart(planned, calls, folder)
    print(BAR)


def visits_for(calls: int) -> int:
    """As many visits as give about so many calls."""
    return max(1, calls // (CALLS_PER_VISIT + 11))


def apart(function: Callable[..., None], *arguments: object) -> None:
    """Run in a process of its own, so that memory is its own."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def planned(calls: int, folder: str) -> None:
    """Plan the visits of a night that give so many calls, and write the plan as a submission does."""
    from framework.engines.run_directory import RunDirectory
    from framework.registry.database.opening import open_registry
    from framework.runs.submission import plan_next
    from framework.runs.submitted_pipeline import read_submission

    registry = open_registry()
    night = {"module.process.file.raw.night": f"n{calls}"}
    mark(Path(folder) / "registry.sqlite", calls)
    began = time.perf_counter()
    plan = plan_next(read_submission(PIPELINE, night, {}), registry)
    asked = time.perf_counter()
    RunDirectory(Path(folder) / f"run{calls}").write_plan(plan, 1)
    written = time.perf_counter()
    found = list(plan.calls)
    reads = sum(len(call.inputs) for call in found)
    count, jobs = len(found), sum(len(block.jobs) for block in plan.blocks)
    print(
        f"{count:>7,} calls, {jobs:,} jobs, {reads:,} inputs: planned {asked - began:6.2f} s, written "
        f"{written - asked:5.2f} s, {(written - began) / count * 1e6:5.0f} us a call, {peak_mb():4.0f} MB"
    )


def floor(calls: int, folder: str) -> None:
    """The same names and a line a call."""
    began = time.perf_counter()
    with (Path(folder) / "floor.jsonl").open("w") as file:
        for visit, ccd, band, tract, patch in details(visits_for(calls)):
            name = f"bench/r1/plan/p01/corr/{visit:07}/calexp-{band}-{visit:07}-{ccd:03}-r1p01.fits"
            line = {"call": [visit, ccd, tract, patch], "argv": ["python", "process.py", name], "outputs": [name]}
            file.write(json.dumps(line) + "\n")
    print(f"{'':>7} floor for the visits' calls: {time.perf_counter() - began:6.2f} s, {peak_mb():4.0f} MB")


def peak_mb() -> float:
    """The most memory of this process; getrusage would tell the parent's where that is more."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def details(visits: int) -> Iterator[tuple[int, int, str, int, int]]:
    """Visit, detector, band, tract and patch of each raw image."""
    for visit in range(visits):
        field, number = divmod(visit, DEPTH * len(BANDS))
        for ccd in range(CCDS):
            yield visit, ccd, BANDS[number // DEPTH], field, ccd * PATCHES // CCDS


def fill(files: int, folder: str, visits: int) -> None:
    """The night's raw images, flats, and products of other nights up to the number of files, all in the archive."""
    from framework.registry.database.opening import open_registry

    path = Path(folder) / "registry.sqlite"
    open_registry(f"sqlite:///{path}").close()
    rows = [*raw_rows(visits), *flat_rows()]
    rows.extend(other_rows(files - len(rows)))
    connection = sqlite3.connect(path)
    connection.executemany(
        "insert into desfile (id, filetype, filename, path, path_version, filesize, metadata)"
        " values (?, ?, ?, ?, '', 4096, ?)",
        ((n, kind, name, f"{at}/{name}", meta) for n, (kind, at, name, meta) in enumerate(rows, 1)),
    )
    connection.executemany(
        "insert into file_archive_info (desfile_id, archive_name, filename, path) values (?, 'home', ?, ?)",
        ((n, name, at) for n, (_, at, name, _) in enumerate(rows, 1)),
    )
    connection.commit()
    connection.close()


def raw_rows(visits: int) -> Iterator[tuple[str, str, str, str]]:
    for visit, ccd, band, tract, patch in details(visits):
        meta = {"visit": visit, "ccd": ccd, "band": band, "tract": tract, "patch": patch, "night": "other"}
        yield "bench_raw", f"raw/{visit:07}", f"HSC-{visit:07}-{ccd:03}.fits", json.dumps(meta)


def flat_rows() -> Iterator[tuple[str, str, str, str]]:
    for ccd in range(CCDS):
        for band in BANDS:
            yield "bench_flat", "calib", f"flat-{band}-{ccd:03}.fits", json.dumps({"ccd": ccd, "band": band})


def other_rows(count: int) -> Iterator[tuple[str, str, str, str]]:
    for n in range(count):
        meta = json.dumps({"visit": 10_000_000 + n // CCDS, "ccd": n % CCDS, "band": BANDS[n % len(BANDS)]})
        yield f"old_{n % 20}", f"old/{n // 1000:04}", f"old-{n:08}.fits", meta


def mark(path: Path, calls: int) -> None:
    """Let the first visits belong to the night that is planned."""
    connection = sqlite3.connect(path)
    connection.execute(
        "update desfile set metadata = json_set(metadata, '$.night', ?)"
        " where filetype = 'bench_raw' and json_extract(metadata, '$.visit') < ?",
        (f"n{calls}", visits_for(calls)),
    )
    connection.commit()
    connection.close()


if __name__ == "__main__":
    main()
