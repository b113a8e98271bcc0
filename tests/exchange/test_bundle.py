"""A run goes from one registry to another and is the same there; what is no honest bundle is refused in words."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import stat
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, update

from framework.archives.archive import Archive
from framework.archives.ingest_files import IncomingFile
from framework.errors import RunError
from framework.exchange.bundle import MANIFEST, BundledFile, with_ancestors, write_bundle
from framework.exchange.bundle_check import Bundle
from framework.exchange.import_run import import_bundle
from framework.exchange.run_rows import RunRows
from framework.registry.admin.equality import differences
from framework.registry.ingest.ingester import ingest
from framework.registry.questions.ancestry import ancestors, find_file
from framework.registry.questions.attempts import create_attempt
from framework.registry.questions.calls import calls
from framework.registry.questions.external_files import record_files
from framework.registry.questions.files import files_of_attempt
from framework.registry.questions.messages import messages
from framework.registry.questions.runs import find_run, modules
from framework.registry.questions.tags import add_tag, tagged_runs
from framework.registry.schema.tables import desfile, metadata

RUN = "HST1_r1p01"
#: Of every file that is handed over with its contents.
NINE = {"filesize": 9, "sha256": hashlib.sha256(b"nine byte").hexdigest()}


@pytest.fixture
def record(new_attempt, tmp_path):
    """Records a story in a registry; the attempt."""

    def make(db, story, **changes):
        attempt = create_attempt(db, new_attempt(values={"archive_root": "/a", "seed": "3"}, **changes))
        for facts in story.journals.values():
            facts[0] |= {"attempt": attempt, "run": story.run}
        ingest(db, attempt, story.write(tmp_path / f"journal{attempt}-{story.run}-{db.dialect}"))
        return attempt

    return make


@pytest.fixture
def hand_over(tmp_path):
    """Exports runs of one registry and imports them into another; what became of them."""

    def do(db, attempts, other, path=None, **how):
        bundle = path or tmp_path / "run.skyfw"
        write_bundle(db, attempts, (), bundle, "olga")
        return list(import_bundle(other, bundle, Archive("mine", str(tmp_path / "mine"), {}), {}, **how))

    return do


def status_of(work, *words):
    """How a process that does this work ends."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(*words)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def answers(db, run):
    """What the commands' questions say of a run, but for ids and places."""
    found = find_run(db, run)
    ids = {"attempt_id": 0}
    about = {key: value for key, value in vars(found).items() if key not in ids}
    of_calls = [{**vars(call), "task_id": 0, "job_task_id": 0} for call in calls(db, found.attempt_id)]
    files = {
        path: (file.size, file.sha256, file.metadata) for path, file in files_of_attempt(db, found.attempt_id).items()
    }
    lineage = {}
    for path in files:
        tree = ancestors(db, find_file(db, path).id)
        paths = {id_: file.path for id_, file in tree.files.items()}
        lineage[path] = sorted((paths[link.child], paths[link.parent], str(tree.maker(link))) for link in tree.links)
    return {
        "run": about,
        "calls": of_calls,
        "modules": [vars(row) for row in modules(db, found.attempt_id)],
        "messages": sorted(messages(db, found.attempt_id).values()),
        "files": files,
        "lineage": lineage,
    }


PAIRS = [
    ("a_registry", "a_registry"),
    pytest.param("a_registry", "a_postgres_registry", marks=pytest.mark.postgres),
    pytest.param("a_postgres_registry", "a_registry", marks=pytest.mark.postgres),
]


@pytest.mark.parametrize(("from_", "to"), PAIRS)
def test_a_run_is_the_same_in_another_registry(request, record, hand_over, whole_run, tmp_path, from_, to):
    here, there = request.getfixturevalue(from_)("here"), request.getfixturevalue(to)("there")
    whole_run.find_software("worker1", python="3.11", packages=["x-1.0"])
    attempt = record(here, whole_run)
    add_tag(here, "DR1", attempt, "olga")
    (done,) = hand_over(here, [attempt], there, with_tags=True)
    assert (done.run, done.is_new, done.added, done.absent) == (RUN, True, 0, 0)
    taken = find_run(there, RUN).attempt_id
    assert differences(here, attempt, there, taken) == []
    assert answers(here, RUN) == answers(there, RUN)
    # What the other one writes down is the same to the byte, and changes nothing in either.
    write_bundle(there, [taken], (), tmp_path / "back.skyfw", "olga")
    with zipfile.ZipFile(tmp_path / "run.skyfw") as first, zipfile.ZipFile(tmp_path / "back.skyfw") as second:
        for name in first.namelist():
            if name.startswith("runs/") and "pfw_attempt_val" not in name:
                assert (name, first.read(name)) == (name, second.read(name))
    assert [vars(each) for each in hand_over(there, [taken], here, with_tags=True)] == [{**vars(done), "is_new": False}]


def everything(db):
    """Every row of every table."""
    with db.read() as connection:
        return {table.name: sorted(map(str, connection.execute(table.select()))) for table in metadata.sorted_tables}


def test_importing_twice_changes_nothing_and_adds_what_has_come_since(a_registry, record, hand_over, whole_run, rows):
    here, there = a_registry("here"), a_registry("there")
    attempt = record(here, whole_run)
    hand_over(here, [attempt], there)
    before = everything(there)
    (again,) = hand_over(here, [attempt], there)
    assert (again.is_new, again.added) == (False, 0)
    assert everything(there) == before
    add_tag(here, "DR2", attempt, "olga")
    (again,) = hand_over(here, [attempt], there)
    assert (again.added, again.tags_left, tagged_runs(there)) == (0, ("DR2",), [])
    (again,) = hand_over(here, [attempt], there, with_tags=True)
    assert (again.added, again.tags_left, tagged_runs(there)) == (1, (), [("DR2", RUN)])


def test_a_file_that_was_ingested_here_keeps_its_record(any_registry, a_registry, record, hand_over, whole_run, rows):
    here, there = a_registry("here"), any_registry("there")
    attempt = record(here, whole_run)
    made = files_of_attempt(here, attempt)["r/out/4.fits"]
    mine = IncomingFile("", "raw", "r/out/4.fits", {"visit": 1}, made.size or 0, made.sha256 or "")
    record_files(there, "home", [mine])
    before = rows(there, "select * from desfile where path = 'r/out/4.fits'")
    for is_new in (True, False):
        (done,) = hand_over(here, [attempt], there)
        assert (done.is_new, done.kept) == (is_new, ("r/out/4.fits",))
        assert rows(there, "select * from desfile where path = 'r/out/4.fits'") == before
    makers = "select * from opm_was_generated_by g join desfile d on d.id = g.desfile_id where d.path = 'r/out/4.fits'"
    assert rows(there, makers) == []


def test_a_run_of_this_name_with_other_contents_is_refused_with_the_first_difference(
    a_registry, record, hand_over, a_whole_run
):
    here, there = a_registry("here"), a_registry("there")
    story = a_whole_run()
    next(fact for fact in story.journals["worker2"] if fact["e"] == "exec.start")["args"] = "rm -r"
    attempt, _ = record(here, a_whole_run()), record(there, story)
    with pytest.raises(RunError, match=rf"{RUN} is in this registry with other contents: pfw_exec .*"):
        hand_over(here, [attempt], there)


def test_a_file_of_this_name_with_other_contents_is_refused(a_registry, record, hand_over, a_whole_run, rows):
    here, there = a_registry("here"), a_registry("there")
    story = a_whole_run()
    story.run = "HST1_r1p02"
    attempt, _ = record(here, a_whole_run()), record(there, story, attnum=2, run="HST1_r1p02")
    with pytest.raises(RunError, match=r"r/log/1.log is in this registry as a file of HST1_r1p02"):
        hand_over(here, [attempt], there)
    assert rows(there, "select run from pfw_attempt") == [("HST1_r1p02",)]


def test_runs_come_with_those_that_made_their_inputs(a_registry, record, hand_over, a_whole_run, a_story, rows):
    here, there, third = (a_registry(name) for name in ("here", "there", "third"))
    first = record(here, a_whole_run())
    story = a_story("HST1_r1p02")
    story.tell("engine", "attempt.start")
    story.start_job(1)
    story.call(1, 1, reads=("r/out/4.fits",), writes=("s/out/1.fits",))
    next(fact for fact in story.journals["worker"] if fact["e"] == "call.end")["files"][0]["path"] = "s/log/1.log"
    story.end_job(1)
    story.tell("engine", "attempt.end", status=0)
    second = record(here, story, attnum=2, run="HST1_r1p02")
    assert with_ancestors(here, second) == [first, second]
    done = hand_over(here, with_ancestors(here, second), there)
    assert [each.run for each in done] == [RUN, "HST1_r1p02"]
    assert answers(here, "HST1_r1p02")["lineage"] == answers(there, "HST1_r1p02")["lineage"]
    # One after the other, the later one first: the file finds its maker when that comes.
    hand_over(here, [second], third)
    maker = (
        "select a.run from desfile d left join pfw_attempt a on a.id = d.pfw_attempt_id where d.path = 'r/out/4.fits'"
    )
    assert rows(third, maker) == [(None,)]
    hand_over(here, [first], third)
    assert rows(third, maker) == [(RUN,)]
    assert answers(here, "HST1_r1p02")["lineage"] == answers(third, "HST1_r1p02")["lineage"]
    for attempt, run in ((first, RUN), (second, "HST1_r1p02")):
        assert differences(here, attempt, third, find_run(third, run).attempt_id) == []


WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NAMES = WORDS.map(lambda text: text.replace("/", "")).filter(lambda text: text not in ("", ".", ".."))
#: PostgreSQL's JSON has no zero below zero, and writes large numbers out.
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-1e15, 1e15).map(lambda number: number + 0.0)


@given(
    metadata=st.dictionaries(WORDS, WORDS | NUMBERS | st.booleans() | st.lists(NUMBERS, max_size=2), max_size=3),
    names=st.lists(NAMES, min_size=1, max_size=3, unique=True),
    args=WORDS,
    start=st.integers(64, 2**37).map(lambda number: number / 64),  # what every database keeps exactly
)
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize(("from_", "to"), PAIRS[:2])
def test_whatever_a_run_records_comes_through(
    request, a_story, new_attempt, tmp_path_factory, from_, to, metadata, names, args, start
):
    folder = tmp_path_factory.mktemp("story")
    here = request.getfixturevalue(from_)(f"here_{folder.name}")
    there = request.getfixturevalue(to)(f"there_{folder.name}")
    story = a_story()
    story.clock = start
    story.tell("engine", "attempt.start")
    story.start_job(1)
    story.call(1, 1, reads=(), writes=tuple(f"r/{name}" for name in names))
    for fact in story.journals["worker"]:
        if fact["e"] == "exec.start":
            fact["args"] = args
        for file in fact.get("files", ()):
            file["meta"] = metadata
    story.end_job(1)
    story.tell("engine", "attempt.end", status=0)
    attempt = create_attempt(here, new_attempt())
    ingest(here, attempt, story.write(folder / "journal"))
    write_bundle(here, [attempt], (), folder / "run.skyfw", "olga")
    (done,) = import_bundle(there, folder / "run.skyfw", Archive("mine", str(folder), {}), {})
    assert differences(here, attempt, there, find_run(there, RUN).attempt_id) == []
    assert answers(here, RUN) == answers(there, RUN)
    (again,) = import_bundle(there, folder / "run.skyfw", Archive("mine", str(folder), {}), {})
    assert (done.is_new, again.is_new, again.added) == (True, False, 0)
    for db in (here, there):
        db.close()


@pytest.mark.parametrize("to", ["a_registry", pytest.param("a_postgres_registry", marks=pytest.mark.postgres)])
def test_an_import_killed_at_any_step_is_done_by_the_next_one(
    request, a_registry, record, whole_run, tmp_path, monkeypatch, to
):
    here, there = a_registry("here"), request.getfixturevalue(to)("there")
    attempt = record(here, whole_run)
    with here.write() as connection:
        connection.execute(update(desfile).where(desfile.c.sha256.is_not(None)).values(NINE))
    archive = Archive("home", str(tmp_path / "home"), {})
    files = [
        BundledFile(path, lambda: io.BytesIO(b"nine byte"), 9, str(NINE["sha256"]))
        for path, file in files_of_attempt(here, attempt).items()
        if file.sha256
    ]
    write_bundle(here, [attempt], files, tmp_path / "run.skyfw", "olga")
    there.close()

    def import_until(step):
        left = [step]

        def count(*_):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(there.engine, moment, count)
        place = Bundle.unpack
        monkeypatch.setattr(Bundle, "unpack", lambda *words: (count(), place(*words), count())[1])
        list(import_bundle(there, tmp_path / "run.skyfw", archive, {}))

    step, status = 0, -signal.SIGKILL
    while status:
        step += 1
        status = status_of(import_until, step)
        assert status in (0, -signal.SIGKILL)
    assert step > 2 * len(files) + 10
    assert differences(here, attempt, there, find_run(there, RUN).attempt_id) == []
    assert all((tmp_path / "home" / file.path).read_bytes() == b"nine byte" for file in files)


# ---------------------------------------------------------------- bundles that are none


@pytest.fixture
def spoilt(a_registry, record, whole_run, tmp_path):
    """A bundle of which a test changes something, with a manifest that fits or not; what the import says."""
    here, there = a_registry("here"), a_registry("there")
    attempt = record(here, whole_run)
    good = tmp_path / "good.skyfw"
    write_bundle(here, [attempt], (), good, "olga")

    def spoil(change, *, fitting=True):
        with zipfile.ZipFile(good) as bundle:
            parts = {name: bundle.read(name) for name in bundle.namelist()}
        manifest = json.loads(parts.pop(MANIFEST))
        infos = change(parts, manifest) or []
        if fitting and isinstance(manifest["members"], dict):
            members = manifest["members"]
            members |= {
                name: {"size": len(text), "sha256": hashlib.sha256(text).hexdigest()}
                for name, text in parts.items()
                if name in members or not infos
            }
        with zipfile.ZipFile(tmp_path / "bad.skyfw", "w") as bundle:
            for name, text in {**parts, MANIFEST: json.dumps(manifest).encode()}.items():
                bundle.writestr(name, text)
            for info, text in infos:
                bundle.writestr(info, text)
        with pytest.raises(RunError) as caught:
            list(import_bundle(there, tmp_path / "bad.skyfw", Archive("mine", str(tmp_path / "mine"), {}), {}))
        with there.read() as connection:
            assert connection.exec_driver_sql("select count(*) from pfw_attempt").scalar() == 0
            assert connection.exec_driver_sql("select count(*) from desfile").scalar() == 0
        return str(caught.value)

    return spoil


def in_table(table, old, new):
    def change(parts, manifest):
        name = f"runs/1/{table}.jsonl"
        assert old in parts[name].decode(), parts[name].decode()
        parts[name] = parts[name].decode().replace(old, new).encode()

    return change


def test_a_checksum_that_is_wrong_is_found(spoilt):
    said = spoilt(in_table("pfw_exec", "cp", "rm"), fitting=False)
    assert "'runs/1/pfw_exec.jsonl' is damaged: it has another checksum" in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (in_table("pfw_wrapper", '"r/log/1.log"', '"../../etc/shadow"'), "'../../etc/shadow' would leave its archive"),
        (in_table("pfw_wrapper", '"r/log/1.log"', '"/etc/shadow"'), "'/etc/shadow' would leave its archive"),
        (in_table("desfile", "r/out/1.fits", "r/../../1.fits"), "would leave its archive"),
        (in_table("desfile", '["r/out/1.fits",""]', '["r/out/x.fits",""]'), "recorded under another name"),
        (in_table("opm_used", '"r/out/1.fits"', '"r/out/9.fits"'), 'opm_used.desfile_id cannot be ["r/out/9.fits"'),
        (in_table("opm_used", '"job/1/q1/call/2/1/exec/1"', '"job/7"'), 'opm_used.task_id cannot be "job/7"'),
        (in_table("pfw_exec", '"cp \'a b\' 1"', "7"), "pfw_exec.cmdargs cannot be 7"),
        (in_table("pfw_exec", "1000,", "1e999,"), "pfw_exec.maxrss cannot be Infinity"),
        (in_table("pfw_exec", "1000,", "18446744073709551616,"), "pfw_exec.maxrss cannot be 18446744073709551616"),
        (in_table("pfw_job", '"q1"', "null"), "has no value in a row"),
        (in_table("pfw_exec", '"cp \'a b\' 1"', r'"\udc80"'), r'pfw_exec.cmdargs cannot be "\udc80"'),
        (in_table("pfw_exec", '"cp \'a b\' 1"', r'"\u0000"'), r'pfw_exec.cmdargs cannot be "\u0000"'),
        (in_table("desfile", '{"band":"r","n":1}', "[1]"), "desfile.metadata cannot be [1]"),
        (in_table("pfw_wrapper", r'"{\"n\":1}"', '"1"'), 'pfw_wrapper.wrapkeys cannot be "1"'),
        (in_table("task", '["block/1"', '[["block/1"]'), "a task without a name"),
        (in_table("file_archive_info", '"home"', "{}"), "{} is no archive's name"),
        (in_table("task", "2001.0", "4e12"), "task.start_time cannot be 4000000000000.0"),
        (in_table("pfw_attempt", '"HST1_r1p01"', '"../x"'), "its runs are not those that its manifest names"),
        (in_table("pfw_attempt", '"operator"', '"surprise"'), "unknown columns: was it written by a newer skyfw?"),
        (in_table("task", '["attempt"', '["attempt","more"'), "a row has not as many values"),
        (in_table("task", "[", "{"), "not lines of JSON"),
        (lambda parts, manifest: manifest.update(format="x"), "a bundle of format 'x'"),
        (lambda parts, manifest: manifest.update(version=2), "version 2 of the format"),
        (lambda parts, manifest: manifest.update(members=3), "its manifest.json cannot be read"),
        (lambda parts, manifest: manifest.pop("runs"), "its manifest.json cannot be read"),
        (lambda parts, manifest: parts.update({"runs/1/sqlite_master.jsonl": b"[]"}), "unknown table 'sqlite_master'"),
        (lambda parts, manifest: parts.update({"files/../../x": b""}), "'files/../../x' is no name for a part"),
        (lambda parts, manifest: parts.update({"files/r/out/4.fits": b"forged"}), "4.fits is not what is recorded"),
        (lambda parts, manifest: parts.update({"files/r/new.txt": b""}), "files/r/new.txt is a file that no run in it"),
        (lambda parts, manifest: parts.update({"/etc/x": b""}), "'/etc/x' is no name for a part of a bundle"),
    ],
)  # fmt: skip
def test_what_would_do_harm_is_refused_in_words(spoilt, change, words):
    assert words in spoilt(lambda parts, manifest: change(parts, manifest) and None)


def test_links_twins_and_what_no_manifest_names_are_refused(spoilt):
    link = zipfile.ZipInfo("files/r/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert "'files/r/link' is not a regular file" in spoilt(lambda parts, manifest: [(link, "/etc/passwd")])
    other = zipfile.ZipInfo("files/r/other")
    assert "'files/r/other' is not in its manifest" in spoilt(lambda parts, manifest: [(other, "x")])
    twin = zipfile.ZipInfo("runs/1/task.jsonl")
    with pytest.warns(UserWarning, match="Duplicate name"):
        said = spoilt(lambda parts, manifest: [(twin, "x")])
    assert "a name stands in it twice" in said


def test_a_file_that_is_no_zip_or_is_cut_off_is_refused(a_registry, record, whole_run, tmp_path):
    db = a_registry("here")
    path = tmp_path / "run.skyfw"
    write_bundle(db, [record(db, whole_run)], (), path, "olga")
    whole = path.read_bytes()
    other = a_registry("there")
    for text in (b"", b"no zip", whole[: len(whole) // 2], whole[:1000] + b"\0" * 50 + whole[1050:]):
        path.write_bytes(text)
        with pytest.raises(RunError, match=r"run\.skyfw: "):
            list(import_bundle(other, path, Archive("mine", str(tmp_path / "mine"), {}), {}))


def test_rows_of_a_run_do_not_say_their_registrys_ids(a_registry, record, a_whole_run, a_story):
    here, there = a_registry("here"), a_registry("there")
    story = a_story("X_r1p01")
    story.tell("engine", "attempt.end", status=0)
    record(there, story, unitname="X", run="X_r1p01")
    told = []
    for db, attempt in ((here, record(here, a_whole_run())), (there, record(there, a_whole_run()))):
        with db.read() as connection:
            parts = {name: list(rows) for name, rows in RunRows(connection, attempt).parts()}
            told.append({name: rows for name, rows in parts.items() if name not in ("pfw_request", "pfw_attempt")})
    assert told[0]["opm_used"] == told[1]["opm_used"] != []
    assert told[0]["pfw_exec"] == told[1]["pfw_exec"] != []
