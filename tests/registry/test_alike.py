"""Whatever is done to a registry, both databases answer every question alike."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from framework.registry.admin.check import check
from framework.registry.admin.user_sql import execute_read_only
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.ancestry import Ancestry, ancestors, descendants
from framework.registry.questions.archive_copies import (
    archived_files,
    open_run_paths,
    record_copies,
    record_removals,
    removals_at,
    removals_of,
    remove_record,
    removed_from,
)
from framework.registry.questions.attempts import create_attempt, next_attnum
from framework.registry.questions.calls import calls, finished_calls
from framework.registry.questions.external_files import record_files
from framework.registry.questions.file_selection import find_copies
from framework.registry.questions.files import (
    Copy,
    copies_of,
    files_of_attempt,
    filetypes,
    find_by_content,
    find_call_outputs,
    find_in_archive,
    find_producer,
    find_producer_inputs,
)
from framework.registry.questions.filetypes import declare
from framework.registry.questions.key_values import key_value_conditions
from framework.registry.questions.messages import failures, messages
from framework.registry.questions.program_versions import versions
from framework.registry.questions.query_fields import find_newest_by_name
from framework.registry.questions.run_messages import run_messages
from framework.registry.questions.runs import find_run, modules, progress, run_progress, runs
from framework.registry.questions.selection import Selection
from framework.registry.questions.tags import add_tag, remove_tag, tagged_runs
from framework.registry.schema.filetype_views import Declaration, Key, drop_views
from framework.registry.schema.tables import desfile, metadata, pfw_attempt
from framework.worker.journal.message_level import MessageLevel
from tests.conftest import LONG_FORM
from tests.registry.selections import find

PATHS = [*(f"r/out/{number}.fits" for number in range(1, 5)), "raw/a b,c'é.fits", "raw/2.fits"]
NAMES = ("HST1_r1p01", "HST1_r1p02")
numbers = st.integers(0, 1)
some_paths = st.lists(st.sampled_from(PATHS), max_size=2, unique=True).map(tuple)
values = st.one_of(st.integers(-9, 99), st.sampled_from(["7", "r", "HSC-R", "it's", "007", "%", ""]), st.booleans())
documents = st.dictionaries(st.sampled_from(["n", "band", "good"]), values, max_size=3)

STEPS = st.one_of(
    st.tuples(st.just("submit"), numbers),
    st.tuples(st.just("call"), numbers, st.integers(1, 2), st.integers(1, 4), st.integers(0, 1), some_paths, documents),
    st.tuples(st.just("start"), numbers, st.integers(1, 2), st.integers(1, 4)),
    st.tuples(st.just("lost"), numbers, st.integers(1, 2)),
    st.tuples(st.just("end"), numbers, st.integers(0, 1)),
    st.tuples(st.just("ingest"), numbers),
    st.tuples(st.just("tag"), numbers, st.sampled_from(["DR1", "DR 2'"])),
    st.tuples(st.just("untag"), numbers, st.just("DR1")),
    st.tuples(st.just("declare"), st.sampled_from(["integer", "text", "boolean", "real"]), st.booleans()),
    st.tuples(st.just("outside"), st.sampled_from(PATHS[4:]), documents, st.sampled_from(["home", "tape"])),
    st.tuples(st.just("strike"), st.integers(1, 6)),
    st.tuples(st.just("copy"), st.integers(1, 6), st.sampled_from(["home", "tape"]), st.sampled_from(["", ".gz"])),
    st.tuples(st.just("bury"), st.integers(1, 6), st.sampled_from(["home", "tape"]), st.integers(0, 9)),
)

#: Answers in SQL; their order is part of the question.
SQL = [
    "select modname, count(*) from pfw_wrapper w, pfw_attempt a where w.pfw_attempt_id=a.id and a.reqnum=1 and "
    "a.attnum=1 group by modname order by min(w.wrapnum);",
    "select end_time - start_time from task t, pfw_attempt a where t.id=a.task_id and a.reqnum=1 and a.attnum=1;",
    "select f.path ||'/'||f.filename from file_archive_info f, desfile d, proctag t where d.filetype='red' and "
    "t.tag='DR1' and t.pfw_attempt_id=d.pfw_attempt_id and f.desfile_id=d.id order by f.filename;",
    "select filetype, sum(filesize) from desfile group by filetype order by filetype",
    "select state, count(*) from task_state group by state order by state",
]
OF_VIEWS = [
    "select filename, n, band from red order by id",
    "select filetype, filename, n from n order by id",
]
WHERE = ["band like 'HSC%' or n is not null", "not band = 'r'", "filename in ('1.fits', '2.fits') and filesize > 0"]

CHOICES = [
    Selection(),
    Selection(runs=NAMES[:1], before=1e10),
    Selection(tag="DR1", filetypes=("red", "log")),
    Selection(filetypes=("red",), conditions=key_value_conditions({"n": ("7", "007"), "band": ("%r",)})),
]


@dataclass
class File:
    path: str
    metadata: dict[str, object]
    filetype: str = "raw"
    size: int = 3
    sha256: str = "abc"


class Log:
    """A log of operations, carried out on a registry."""

    def __init__(self, db, new_attempt, a_story, folder):
        self.db = db
        self._new_attempt = new_attempt
        self._folder = folder
        self._stories = [a_story(name) for name in NAMES]
        self._attempts = {}

    def replay(self, steps):
        for step, *words in steps:
            getattr(self, step)(*words)
        for number in range(2):
            self.ingest(number)

    def submit(self, number):
        if number not in self._attempts:
            new = self._new_attempt(attnum=number + 1, run=NAMES[number], archive_path=f"r/{number}")
            self._attempts[number] = create_attempt(self.db, new)
            self._stories[number].tell("engine", "attempt.start")

    def call(self, number, job, call, status, reads, document):
        story = self._stories[number]
        story.start_job(job)
        story.call(job, call, status=status, reads=reads)
        for file in story.journals["worker"][-1]["files"][2:]:
            file["meta"] = document

    def start(self, number, job, call):
        self._stories[number].start_call(job, call)

    def lost(self, number, job):
        self._stories[number].tell("engine", "job.lost", job=job, queue="q1", reason="gone")

    def end(self, number, status):
        self._stories[number].tell("engine", "attempt.end", status=status)

    def ingest(self, number):
        if number in self._attempts:
            folder = self._folder / f"{self.db.dialect}_{number}"
            ingest(self.db, self._attempts[number], self._stories[number].write(folder))

    def tag(self, number, tag):
        if number in self._attempts:
            add_tag(self.db, tag, self._attempts[number], "olga")

    def untag(self, number, tag):
        if number in self._attempts:
            remove_tag(self.db, tag, self._attempts[number])

    def declare(self, data_type, searchable):
        keys = (Key("n", data_type, searchable, True), Key("band", "text", searchable, False))
        declare(self.db, [Declaration("red", "reduced", keys), Declaration("raw", None, keys[:1])], ["n"])

    def outside(self, path, document, archive):
        if not find(self.db, "raw", {"path": [path]}):
            record_files(self.db, archive, [File(path, document)])

    def strike(self, id_):
        remove_record(self.db, "home", id_)

    def copy(self, id_, archive, ending):
        with self.db.read() as connection:
            paths = connection.execute(select(desfile.c.path).where(desfile.c.id == id_)).scalars().all()
        for path in paths:
            copy = Copy(archive=archive, path=path + ending, size=2, sha256="packed", ending=ending)
            record_copies(self.db, archive, [(id_, copy)])

    def bury(self, id_, archive, now):
        with self.db.read() as connection:
            ids = list(connection.execute(select(desfile.c.id).where(desfile.c.id == id_)).scalars())
        record_removals(self.db, archive, ids, by="olga", reason="it's full", now=float(now))


def answers(db):
    """The answers to every question that commands ask."""
    with db.read() as connection:
        attempts = list(connection.execute(select(pfw_attempt.c.id).order_by(pfw_attempt.c.id)).scalars())
        ids = list(connection.execute(select(desfile.c.id).order_by(desfile.c.id)).scalars())
        has_views = connection.execute(text("select count(*) from ops_filetype")).scalar_one() > 0
    yield "runs", [dataclasses.replace(row, elapsed=None) for row in runs(db)]
    yield "tags", tagged_runs(db)
    yield "types", filetypes(db)
    yield "open", open_run_paths(db)
    yield "archived", list(archived_files(db, "home"))
    yield "existing", find_in_archive(db, "home", PATHS)
    yield "newest", find_newest_by_name(db, "home", [path.rpartition("/")[2] for path in PATHS])
    yield "contents", find_by_content(db, "sha of r/out/1.fits", 7)
    yield "a copy's contents", find_by_content(db, "packed", 2)
    yield "copies", copies_of(db, ids)
    yield "removals", (removals_of(db, ids), removals_at(db, PATHS), removed_from(db, "home"))
    for choice in CHOICES:
        yield str(choice), list(find_copies(db, "home", choice))
    yield "next", next_attnum(db, 1, "HST1")
    yield "check", list(check(db))[2 if db.dialect == "sqlite" else 0 :]
    for attempt in attempts:
        for question in (modules, calls, finished_calls, messages, failures, versions, files_of_attempt):
            yield question.__name__, question(db, attempt)
        yield "course", run_messages(db, attempt, tuple(MessageLevel))
    for run in runs(db):
        found = dataclasses.replace(find_run(db, run.run), elapsed=None)
        yield "find_run", found
        yield "how_far", run_progress(db, found)
        counted, rows = progress(db, found)
        assert counted == run_progress(db, found)
        assert rows == modules(db, found.attempt_id)
        yield "made_by", list(find_call_outputs(db, "home", run.run, range(5)))
    for kind in ("red", "raw", "log"):
        yield kind, find(db, kind)
    for value in ("7", "HSC-R", "true", "0%"):
        yield f"red {value}", [find(db, "red", {key: [value]}) for key in ("n", "good")]
    for id_ in ids[:8]:
        yield (
            f"file {id_}",
            (find_producer(db, id_), find_producer_inputs(db, id_), ancestors(db, id_), descendants(db, id_)),
        )
    for sql in SQL + (OF_VIEWS if has_views else []):
        yield sql, execute_read_only(db, sql).rows
    for where in WHERE if has_views else []:
        yield where, find(db, "red", where=where)


def plain(answer):
    """An answer as values that compare; what has no order is sorted."""
    if isinstance(answer, Ancestry):
        answer = dataclasses.replace(answer, links=tuple(sorted(answer.links, key=str)))
    if dataclasses.is_dataclass(answer):
        return plain({field.name: getattr(answer, field.name) for field in dataclasses.fields(answer)})
    if isinstance(answer, msgspec.Struct):
        return plain(msgspec.structs.asdict(answer))
    if isinstance(answer, dict):
        return sorted(((str(key), plain(value)) for key, value in answer.items()), key=str)
    if isinstance(answer, set | frozenset):
        return sorted(map(plain, answer), key=str)
    return [*map(plain, answer)] if isinstance(answer, list | tuple) else answer


def wipe(db):
    """Everything away, as if the registry were new."""
    with db.write() as connection:
        drop_views(connection)
        for table in reversed(metadata.sorted_tables):
            if table.name != "id_block":
                connection.execute(table.delete())
        connection.execute(text("update id_block set next_id = 1"))
        if db.dialect == "postgresql":
            for data_type in ("integer", "text", "real", "boolean"):
                for key in ("n", "band"):
                    connection.execute(text(f"drop index if exists ix_desfile_metadata_{key}_{data_type}"))


def compare(two_databases, new_attempt, a_story, folder, steps):
    found = []
    for number, db in enumerate(two_databases):
        wipe(db)
        Log(db, new_attempt, a_story, folder / str(number)).replay(steps)
        found.append({question: plain(answer) for question, answer in answers(db)})
    assert found[0] == found[1]


@pytest.mark.postgres
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=st.lists(STEPS, max_size=14).map(lambda steps: [("submit", 0), *steps]))
def test_both_databases_answer_alike(two_databases, new_attempt, a_story, tmp_path_factory, steps):
    compare(two_databases, new_attempt, a_story, tmp_path_factory.mktemp("log"), steps)


@pytest.mark.slow
@pytest.mark.postgres
@settings(
    max_examples=120 if LONG_FORM else 30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=5, max_size=40).map(lambda steps: [("submit", 0), *steps]))
def test_both_databases_answer_alike_after_long_logs(two_databases, new_attempt, a_story, tmp_path_factory, steps):
    compare(two_databases, new_attempt, a_story, tmp_path_factory.mktemp("log"), steps)
