"""How fast executions enter the registry, and how fast a million files answer, beside plain SQL in the same run.

An execution is a call with one program, 3 inputs, 2 outputs with 5 metadata keys each, derived from the first input.
The floors write the same rows into the same tables, and ask the same questions, by the driver alone.

    python -m benchmarks.registry [--files 1000000] [--postgres URL]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from hashlib import sha256
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from framework.registry.database.connection import Registry
from framework.registry.database.opening import open_registry
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.ancestry import ancestors, find_file
from framework.registry.questions.attempts import NewAttempt, NewBlock, NewModule, create_attempt
from framework.registry.questions.file_selection import find_files
from framework.registry.questions.filetypes import declare
from framework.registry.questions.key_values import key_value_conditions
from framework.registry.questions.runs import find_run, progress
from framework.registry.questions.selection import Condition, Selection
from framework.registry.questions.where_clause import parse_where_clause
from framework.registry.schema.filetype_views import Declaration, Key

CALLS_PER_JOB = 10
#: Files that one file came from, in two steps.
ANCESTORS = 10_000
#: Jobs of the attempt whose state is asked for.
JOBS = 100_000
KEYS = (
    Key("visit", "integer", True, True),
    Key("ccd", "integer", True, True),
    Key("band", "text", True, True),
    Key("exptime", "real", False, True),
    Key("field", "text", False, True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=40_000)
    parser.add_argument("--postgres", metavar="URL", help="an empty database to measure as well")
    arguments = parser.parse_args()
    executions = arguments.files // 2
    jobs = min(JOBS, executions // 5)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_journals(place / "bench", "BENCH", executions - jobs, CALLS_PER_JOB)
        write_journals(place / "jobs", "JOBS", jobs, 1, first=executions - jobs)
        write_raw_journal(place / "raw")
        write_tree_journal(place / "tree")
        print(f"{arguments.files:,} files of {executions:,} executions; an attempt of {jobs:,} jobs")
        measure(open_registry(f"sqlite:///{folder}/registry.sqlite"), place, executions, jobs)
        if arguments.postgres:
            measure(open_registry(arguments.postgres), place, executions, jobs)


def measure(registry: Registry, journals: Path, executions: int, jobs: int) -> None:
    """Ingest everything once, ask, and print how fast beside the floors."""
    declare(registry, [Declaration("red", None, KEYS), Declaration("cat", None, KEYS)], ["visit"])
    for unit, folder in (("RAW", "raw"), ("TREE", "tree")):
        ingest(registry, create_attempt(registry, an_attempt(unit, 1)), journals / folder)
    ours = timed(
        lambda: ingest(registry, create_attempt(registry, an_attempt("BENCH", executions - jobs)), journals / "bench"),
        lambda: ingest(registry, create_attempt(registry, an_attempt("JOBS", jobs)), journals / "jobs"),
    )
    floor = raw_seconds(registry, executions)
    for kind, mine, least in (("", ours.wall, floor.wall), (" of this process's CPU", ours.cpu, floor.cpu)):
        rates = f"{executions / mine:,.0f} executions/s{kind}; floor {executions / least:,.0f}"
        print(f"{registry.dialect}: ingest {rates}; {mine / least:.2f} times its time")
    settle(registry)
    # As a command does: in a process whose memory is not what ingesting left of it.
    with ProcessPoolExecutor(1, get_context("spawn")) as another:
        another.submit(ask, registry.url, executions).result()


def ask(url: str, executions: int) -> None:
    """Print how fast the questions are answered."""
    registry = open_registry(url)
    for name, (question, plain) in questions(registry, executions).items():
        ours, theirs = median_ms(question), median_ms(plain)
        print(
            f"{registry.dialect}: {name} {ours.wall:.2f} ms ({ours.cpu:.2f} of this process's CPU); "
            f"plain SQL {theirs.wall:.2f} ms ({theirs.cpu:.2f})"
        )


class Seconds(NamedTuple):
    """How long something took; the CPU's tell more where others use the machine."""

    wall: float
    cpu: float


def timed(*work: Callable[[], Any]) -> Seconds:
    wall, cpu = time.perf_counter(), time.process_time()
    for each in work:
        each()
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def settle(registry: Registry) -> None:
    """What a database does by itself sooner or later, done now."""
    with registry.write() as connection:
        connection.exec_driver_sql("analyze")


def questions(registry: Registry, executions: int) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Questions by name, each as the commands ask it and as plain SQL."""
    visits = iter(range(1, executions, max(1, executions // 997)))
    tree = find_file(registry, "tree/top.fits").id
    attempt = find_run(registry, "JOBS_r1p01").attempt_id

    def plain(sql: str) -> Callable[[], Any]:
        def ask() -> Any:
            with registry.read() as connection:
                return connection.exec_driver_sql(sql).all()

        return ask

    up = (
        f"with recursive up (id) as (select id from desfile where id = {tree} union select u.desfile_id from up "
        "join desfile f on f.id = up.id join opm_used u on u.task_id = f.wgb_task_id) select count(*) from up"
    )
    states = (
        "select t.status, count(*) from pfw_job j join task t on t.id = j.task_id "
        f"where j.pfw_attempt_id = {attempt} group by t.status"
    )

    def find(filetypes: tuple[str, ...], *conditions: Condition) -> Any:
        return find_files(registry, Selection(filetypes=filetypes, conditions=conditions))

    return {
        "files by a key": (
            lambda: find(("red",), *key_value_conditions({"visit": [str(next(visits))]})),
            lambda: plain(f"select * from red where visit = {next(visits)}")(),
        ),
        "files by a condition": (
            lambda: find((), parse_where_clause(f"visit = {next(visits)} and band = 'r'")),
            lambda: plain(f"select * from visit where visit = {next(visits)}")(),
        ),
        f"ancestry of {ANCESTORS:,} files": (lambda: ancestors(registry, tree), plain(up)),
        "status of the attempt of many jobs": (
            lambda: progress(registry, find_run(registry, "JOBS_r1p01")),
            plain(states),
        ),
    }


def median_ms(question: Callable[[], Any], times: int = 15) -> Seconds:
    question()
    taken = [timed(question) for _ in range(times)]
    return Seconds(*(1000 * statistics.median(column) for column in zip(*taken, strict=True)))


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


def write_journals(directory: Path, unit: str, executions: int, calls_per_job: int, first: int = 0) -> None:
    """Two workers' journals and the engine's."""
    jobs = range(1, executions // calls_per_job + 1)
    for name, facts in {
        "engine": engine_facts(),
        "worker1": worker_facts(jobs[::2], calls_per_job, unit, first),
        "worker2": worker_facts(jobs[1::2], calls_per_job, unit, first),
    }.items():
        write_journal(directory, unit, name, facts)


def write_journal(directory: Path, unit: str, name: str, facts: Iterator[dict[str, Any]]) -> None:
    directory.mkdir(exist_ok=True)
    opening = {"e": "open", "t": 1.7e9, "format": 1, "run": f"{unit}_r1p01", "host": name, "pid": 1, "journal": name}
    with (directory / f"{name}.jsonl").open("w") as file:
        for fact in chain([opening], facts):
            file.write(json.dumps(fact, separators=(",", ":")) + "\n")


def write_raw_journal(directory: Path) -> None:
    """A run that made all inputs."""
    files = [
        {"path": f"raw/2025/{n:05}.fits", "type": "raw", "size": 1, "sha256": "", "archive": "home"}
        for n in range(5000)
    ]
    at = {"job": 1, "queue": "local.1", "call": 1, "try": 1}
    write_journal(directory, "RAW", "worker", iter([{"e": "call.end", "t": 1.6e9, **at, "status": 0, "files": files}]))


def write_tree_journal(directory: Path) -> None:
    """A file that came from a hundred, each of which came from a hundred others."""
    write_journal(directory, "TREE", "worker", tree_facts())


def tree_facts() -> Iterator[dict[str, Any]]:
    width = int(ANCESTORS**0.5)
    for call in range(1, width + 2):
        leaves = [f"tree/leaf_{call}_{n}.fits" for n in range(width)]
        middle = f"tree/middle_{call}.fits"
        at = {"e": "call.end", "t": 1.6e9, "job": 1, "queue": "local.1", "try": 1, "status": 0}
        if call > width:
            middles = [f"tree/middle_{n}.fits" for n in range(1, width + 1)]
            yield {**at, "call": 2 * call, **made_of("tree/top.fits", middles)}
            return
        made = [{"path": path, "type": "leaf", "size": 1, "sha256": "", "archive": "home"} for path in leaves]
        yield {**at, "call": 2 * call - 1, "files": made, "made": [[1, path] for path in leaves]}
        yield {**at, "call": 2 * call, **made_of(middle, leaves)}


def made_of(path: str, inputs: list[str]) -> dict[str, Any]:
    return {
        "files": [{"path": path, "type": "middle", "size": 1, "sha256": "", "archive": "home"}],
        "made": [[1, path]],
        "used": [[1, each] for each in inputs],
        "derived": [[path, each] for each in inputs],
    }


def engine_facts() -> Iterator[dict[str, Any]]:
    yield {"e": "attempt.start", "t": 1.7e9}
    yield {"e": "block.start", "t": 1.7e9, "block": 1}


def worker_facts(jobs: range, calls_per_job: int, unit: str, first: int) -> Iterator[dict[str, Any]]:
    for number in jobs:
        t = 1.7e9 + number
        job = {"job": number, "queue": f"local.{number}"}
        begun = {"block": 1, "keys": {}, "calls": calls_per_job, "root": f"/tmp/{number}"}
        yield {"e": "job.start", "t": t, **job, **begun}
        for call in range((number - 1) * calls_per_job + 1, number * calls_per_job + 1):
            yield from call_facts(job, call, t, unit, first + call)
        yield {"e": "job.end", "t": t + 1, **job, "status": 0, "disk": 100}


def call_facts(job: dict[str, Any], call: int, t: float, unit: str, visit: int) -> Iterator[dict[str, Any]]:
    at = {**job, "call": call, "try": 1}
    folder = f"bench/r1/{unit}/p01/{call // 1000:04}"
    outputs = [f"{folder}/{kind}_{call:08}.fits" for kind in ("red", "cat")]
    inputs = [f"raw/2025/{(call + k) % 5000:05}.fits" for k in range(3)]
    keys = {"visit": visit, "ccd": visit % 112}
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
    meta = {"visit": visit, "ccd": visit % 112, "band": "r", "exptime": 30.0, "field": "SSP-Wide"}
    files = [
        {
            "path": path,
            "type": kind,
            "size": 4096,
            "sha256": sha256(path.encode()).hexdigest(),
            "archive": "home",
            "meta": meta,
        }
        for path, kind in zip(outputs, ("red", "cat"), strict=True)
    ]
    relations = {
        "used": [[1, path] for path in inputs],
        "made": [[1, path] for path in outputs],
        "derived": [[path, inputs[0]] for path in outputs],
    }
    yield {"e": "call.end", "t": t + 0.7, **at, "status": 0, "files": files, **relations, "messages": [], "disk": 8192}


def raw_seconds(registry: Registry, executions: int) -> Seconds:
    """The same rows into the same tables and indexes, by the driver alone, from values that are at hand."""
    with tempfile.TemporaryDirectory() as folder:
        if registry.dialect == "sqlite":
            return raw_sqlite_seconds(Path(folder) / "raw.sqlite", executions)
        return raw_copy_seconds(registry, executions)


def raw_sqlite_seconds(path: Path, executions: int) -> Seconds:
    empty = open_registry(f"sqlite:///{path}")
    declare(empty, [Declaration("red", None, KEYS), Declaration("cat", None, KEYS)])
    empty.close()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("pragma synchronous = normal; pragma cache_size = -65536")

    def write(rows: dict[str, list[tuple[Any, ...]]]) -> None:
        connection.execute("begin")
        for name, (_, columns) in RAW_TABLES.items():
            statement = f"insert into {name} ({columns}) values ({', '.join('?' * len(columns.split(', ')))})"
            connection.executemany(statement, rows[name])
        connection.execute("commit")

    seconds = total(timed(partial(write, rows)) for rows in raw_batches(executions))
    connection.close()
    return seconds


def raw_copy_seconds(registry: Registry, executions: int) -> Seconds:
    """On a server: COPY into tables like those of the registry, which are dropped again."""
    with registry.write() as connection:
        connection.exec_driver_sql("create schema floor")
        for name in RAW_TABLES:
            connection.exec_driver_sql(f"create table floor.{name} (like {name} including all)")

    def write(texts: dict[str, str]) -> None:
        with registry.write() as connection:
            driver: Any = connection.connection.driver_connection
            for name, (_, columns) in RAW_TABLES.items():
                with driver.cursor() as cursor, cursor.copy(f"copy floor.{name} ({columns}) from stdin") as copy:
                    copy.write(texts[name])

    written = (
        {name: "".join("\t".join(map(bulk_text, row)) + "\n" for row in rows[name]) for name in RAW_TABLES}
        for rows in raw_batches(executions)
    )
    seconds = total(timed(partial(write, texts)) for texts in written)
    with registry.write() as connection:
        connection.exec_driver_sql("drop schema floor cascade")
    return seconds


def total(parts: Iterable[Seconds]) -> Seconds:
    return Seconds(*map(sum, zip(*parts, strict=True)))


def bulk_text(value: Any) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(value)) if value == RAW_TIME else str(value)


def raw_batches(executions: int) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    for first in range(1, executions + 1, RAW_TRANSACTION):
        numbers = range(first, min(first + RAW_TRANSACTION, executions + 1))
        yield {name: list(raw_rows(name, numbers)) for name in RAW_TABLES}


#: Executions in one transaction of the floor.
RAW_TRANSACTION = 1000
RAW_TIME = 1.7e9

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


def raw_rows(table: str, numbers: range) -> Iterator[tuple[Any, ...]]:
    for n in numbers:
        meta = json.dumps({"visit": n, "ccd": n % 112, "band": "r", "exptime": 30.0, "field": "SSP-Wide"})
        call, program, folder = 2 * n, 2 * n + 1, f"bench/r1/BENCH/p01/{n // 1000:04}"
        raw = [-1 - (n + k) % 5000 for k in range(3)]
        if table == "task":
            yield (call, "wrapper", "pfw_wrapper", RAW_TIME, RAW_TIME, 0, "host", 1, 1)
            yield (program, "exec", "pfw_exec", RAW_TIME, RAW_TIME, 0, "host", call, 1)
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
                    "desfile": (file, 1, program, kind, name, f"{folder}/{name}", "", 4096, digest(name), meta),
                    "file_archive_info": (file, "home", name, folder),
                    "opm_was_generated_by": (program, file),
                    "opm_was_derived_from": (file, raw[0]),
                }[table]


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    main()
