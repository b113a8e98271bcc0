"""How fast executions enter the registry, beside what plain SQL needs for the same rows, in one run.

An execution is a call with one program, 3 inputs, 2 outputs with 5 metadata keys each, derived from the first input.
The floor writes the same rows into the same tables, from values that are at hand, without reading a journal.

    python -m benchmarks.registry [--executions 20000] [--postgres URL]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from framework.registry.attempts import NewAttempt, NewBlock, NewModule, create_attempt
from framework.registry.database import Registry, open_registry
from framework.registry.ingest import ingest

CALLS_PER_JOB = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=20_000)
    parser.add_argument("--postgres", metavar="URL", help="an empty database to measure as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        journals = Path(folder) / "journal"
        write_journals(journals, arguments.executions)
        floor = arguments.executions / raw_seconds(Path(folder) / "raw.sqlite", arguments.executions)
        print(f"raw sqlite floor: {floor:,.0f} executions/s")
        measure(open_registry(f"sqlite:///{folder}/registry.sqlite"), journals, arguments.executions, floor)
        if arguments.postgres:
            measure(open_registry(arguments.postgres), journals, arguments.executions, floor)


def measure(registry: Registry, journals: Path, executions: int, floor: float) -> None:
    """Ingest once, and print how fast."""
    with tempfile.TemporaryDirectory() as folder:
        write_raw_journal(Path(folder))
        ingest(registry, create_attempt(registry, an_attempt("RAW", 1)), folder)
    attempt = create_attempt(registry, an_attempt("BENCH", executions))
    start = time.perf_counter()
    ingest(registry, attempt, journals)
    rate = executions / (time.perf_counter() - start)
    print(f"{registry.dialect} ingest: {rate:,.0f} executions/s, {floor / rate:.2f} times the floor's time")


def an_attempt(unit: str, executions: int) -> NewAttempt:
    """The run whose journals are written here."""
    block = NewBlock(number=1, name="main", modules=(NewModule(name="detrend", number=1, calls=executions),))
    return NewAttempt(
        reqnum=1,
        unitname=unit,
        attnum=1,
        project="bench",
        pipeline="bench",
        operator="bench",
        run=f"{unit}_r1p01",
        blocks=(block,),
    )


def write_journals(directory: Path, executions: int) -> None:
    """Two workers' journals and the engine's."""
    directory.mkdir()
    jobs = range(1, executions // CALLS_PER_JOB + 1)
    for name, facts in {
        "engine": engine_facts(),
        "worker1": worker_facts(jobs[::2]),
        "worker2": worker_facts(jobs[1::2]),
    }.items():
        opening = {"e": "open", "t": 1.7e9, "format": 1, "run": "BENCH_r1p01", "host": name, "pid": 1, "journal": name}
        with (directory / f"{name}.jsonl").open("w") as file:
            for fact in [opening, *facts]:
                file.write(json.dumps(fact, separators=(",", ":")) + "\n")


def write_raw_journal(directory: Path) -> None:
    """A run that made all inputs."""
    files = [
        {"path": f"raw/2025/{n:05}.fits", "type": "raw", "size": 1, "sha256": "", "archive": "home"}
        for n in range(5000)
    ]
    at = {"job": 1, "queue": "local.1", "call": 1, "try": 1}
    fact = {"e": "call.end", "t": 1.6e9, **at, "status": 0, "files": files}
    (directory / "worker.jsonl").write_text(json.dumps(fact) + "\n")


def engine_facts() -> Iterator[dict[str, Any]]:
    yield {"e": "attempt.start", "t": 1.7e9}
    yield {"e": "block.start", "t": 1.7e9, "block": 1}


def worker_facts(jobs: range) -> Iterator[dict[str, Any]]:
    for number in jobs:
        t = 1.7e9 + number
        job = {"job": number, "queue": f"local.{number}"}
        yield {
            "e": "job.start",
            "t": t,
            **job,
            "block": 1,
            "keys": {},
            "calls": CALLS_PER_JOB,
            "root": f"/tmp/{number}",
        }
        for call in range((number - 1) * CALLS_PER_JOB + 1, number * CALLS_PER_JOB + 1):
            yield from call_facts(job, call, t)
        yield {"e": "job.end", "t": t + 1, **job, "status": 0, "disk": 100}


def call_facts(job: dict[str, Any], call: int, t: float) -> Iterator[dict[str, Any]]:
    at = {**job, "call": call, "try": 1}
    folder = f"bench/r1/BENCH/p01/{call // 1000:04}"
    outputs = [f"{folder}/{kind}_{call:08}.fits" for kind in ("red", "cat")]
    inputs = [f"raw/2025/{(call + k) % 5000:05}.fits" for k in range(3)]
    keys = {"visit": call, "ccd": call % 112}
    start = {
        "module": "detrend",
        "wrapper": "generic",
        "keys": keys,
        "log": f"{folder}/{call:08}.log",
        "plan": "0.json",
    }
    usage = {"wall": 0.5, "utime": 0.4, "stime": 0.1, "maxrss": 52000, "minflt": 900, "majflt": 0}
    yield {"e": "call.start", "t": t + 0.01, **at, **start}
    yield {"e": "call.run", "t": t + 0.02, **at}
    program = {"program": "detrend", "args": f"detrend -i {inputs[0]} -o {outputs[0]}", "version": "1.0"}
    yield {"e": "exec.start", "t": t + 0.03, **at, "exec": 1, **program}
    yield {"e": "exec.end", "t": t + 0.5, **at, "exec": 1, "status": 0, "usage": usage}
    yield {"e": "call.store", "t": t + 0.6, **at}
    meta = {"visit": call, "ccd": call % 112, "band": "r", "exptime": 30.0, "field": "SSP-Wide"}
    files = [
        {"path": path, "type": kind, "size": 4096, "sha256": f"{call:064x}", "archive": "home", "meta": meta}
        for path, kind in zip(outputs, ("red", "cat"), strict=True)
    ]
    relations = {
        "used": [[1, path] for path in inputs],
        "made": [[1, path] for path in outputs],
        "derived": [[path, inputs[0]] for path in outputs],
    }
    yield {"e": "call.end", "t": t + 0.7, **at, "status": 0, "files": files, **relations, "messages": [], "disk": 8192}


def raw_seconds(path: Path, executions: int) -> float:
    """The same rows into the same tables and indexes, by the driver alone, from values that are at hand."""
    open_registry(f"sqlite:///{path}").close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("pragma synchronous = normal; pragma cache_size = -65536")
    rows = {name: list(raw_rows(name, executions)) for name in RAW_TABLES}
    start = time.perf_counter()
    for first in range(0, executions, RAW_TRANSACTION):
        connection.execute("begin")
        for name, (many, columns) in RAW_TABLES.items():
            statement = f"insert into {name} ({columns}) values ({', '.join('?' * len(columns.split(', ')))})"  # noqa: S608
            connection.executemany(statement, rows[name][first * many : (first + RAW_TRANSACTION) * many])
        connection.execute("commit")
    seconds = time.perf_counter() - start
    connection.close()
    return seconds


#: Executions in one transaction of the floor.
RAW_TRANSACTION = 1000

#: How many rows of each table an execution has, and which columns.
RAW_TABLES = {
    "task": (2, "id, name, info_table, start_time, end_time, status, exec_host, parent_task_id, root_task_id"),
    "pfw_wrapper": (1, "task_id, wrapnum, trynum, name, modname, wrapkeys, log, pfw_attempt_id, pfw_job_task_id"),
    "pfw_exec": (
        1,
        "task_id, execnum, name, cmdargs, wallclock, utime, stime, maxrss, pfw_attempt_id, pfw_job_task_id, "
        "pfw_wrapper_task_id",
    ),
    "desfile": (
        2,
        "id, pfw_attempt_id, wgb_task_id, filetype, filename, path, path_version, filesize, sha256, metadata",
    ),
    "file_archive_info": (2, "desfile_id, archive_name, filename, path"),
    "opm_used": (3, "task_id, desfile_id"),
    "opm_was_generated_by": (2, "task_id, desfile_id"),
    "opm_was_derived_from": (2, "child_desfile_id, parent_desfile_id"),
}


def raw_rows(table: str, executions: int) -> Iterator[tuple[Any, ...]]:
    meta = json.dumps({"visit": 1, "ccd": 2, "band": "r", "exptime": 30.0, "field": "SSP-Wide"})
    for n in range(1, executions + 1):
        call, program, folder = 2 * n, 2 * n + 1, f"bench/r1/BENCH/p01/{n // 1000:04}"
        raw = [-1 - (n + k) % 5000 for k in range(3)]
        if table == "task":
            yield (call, "wrapper", "pfw_wrapper", 1.7e9, 1.7e9, 0, "host", 1, 1)
            yield (program, "exec", "pfw_exec", 1.7e9, 1.7e9, 0, "host", call, 1)
        elif table == "pfw_wrapper":
            yield (call, n, 1, "generic", "detrend", f'{{"visit":{n}}}', f"{folder}/{n:08}.log", 1, n // 10)
        elif table == "pfw_exec":
            arguments = f"detrend -i raw/2025/{n:05}.fits -o {folder}/red_{n:08}.fits"
            yield (program, 1, "detrend", arguments, 0.5, 0.4, 0.1, 52000, 1, n // 10, call)
        elif table == "opm_used":
            yield from ((program, file) for file in raw)
        else:
            for file, kind in ((2 * n, "red"), (2 * n + 1, "cat")):
                name = f"{kind}_{n:08}.fits"
                yield {
                    "desfile": (file, 1, program, kind, name, f"{folder}/{name}", "", 4096, f"{n:064x}", meta),
                    "file_archive_info": (file, "home", name, folder),
                    "opm_was_generated_by": (program, file),
                    "opm_was_derived_from": (file, raw[0]),
                }[table]


if __name__ == "__main__":
    main()
