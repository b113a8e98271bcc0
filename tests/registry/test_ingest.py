"""What journals tell becomes rows, once, in whatever order it is told."""

from __future__ import annotations

import json
import os
import re
import select

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from framework.registry.ingest import journal_reader as journals
from framework.registry.ingest.ingester import Ingester, LeaseTaken, ingest
from framework.registry.questions.attempts import NewBlock, NewModule, create_attempt


@pytest.fixture
def attempt(any_db, new_attempt):
    return create_attempt(any_db, new_attempt())


def test_a_run_becomes_rows(any_db, attempt, whole_run, tmp_path, rows):
    assert ingest(any_db, attempt, whole_run.write(tmp_path)) == sum(map(len, whole_run.journals.values()))
    assert rows(any_db, "select wrapnum, modname, w.name, status from pfw_wrapper w join task on id = task_id") == [
        (1, "scrape", "generic", 0),
        (2, "train", "generic", 0),
        (3, "train", "generic", 0),
        (4, "train", "generic", 0),
    ]
    assert rows(any_db, "select name, cmdargs, maxrss from pfw_exec where maxrss = 4000") == [
        ("cp", "cp 'a b' 4", 4000)
    ]
    assert rows(any_db, "select processing_state from attempt_state") == [("PASS",)]
    assert rows(any_db, "select count(*) from task where end_time is null or status <> 0") == [(0,)]
    assert rows(any_db, "select count(*) from ingest_pending") == [(0,)]


def test_every_state_change_is_a_row(any_db, attempt, whole_run, tmp_path, rows):
    ingest(any_db, attempt, whole_run.write(tmp_path))
    states = "select s.name, state, count(*) from task_state s group by s.name, state order by min(state_time), state"
    assert rows(any_db, states) == [
        ("attempt", "new", 1),
        ("attempt", "running", 1),
        ("block", "running", 1),
        ("job", "queued", 2),
        ("job", "running", 2),
        ("wrapper", "staging", 4),
        ("wrapper", "running", 4),
        ("exec", "running", 4),
        ("exec", "done", 4),
        ("wrapper", "storing", 4),
        ("wrapper", "done", 4),
        ("job", "done", 2),
        ("block", "done", 1),
        ("attempt", "done", 1),
    ]


def test_files_have_their_origin(any_db, attempt, whole_run, tmp_path, rows):
    ingest(any_db, attempt, whole_run.write(tmp_path))
    used = "select d.path, w.wrapnum from opm_used u, desfile d, pfw_exec e, pfw_wrapper w where u.desfile_id = d.id"
    used += " and e.task_id = u.task_id and w.task_id = e.pfw_wrapper_task_id and d.filetype = 'red' order by 2, 1"
    made = "select c.path, p.path from opm_was_derived_from o, desfile c, desfile p where o.child_desfile_id = c.id"
    made += " and o.parent_desfile_id = p.id order by 1, 2"
    assert rows(any_db, used) == [("r/out/1.fits", 2), ("r/out/1.fits", 3), ("r/out/2.fits", 3), ("r/out/3.fits", 4)]
    assert rows(any_db, made) == [
        ("r/out/2.fits", "r/out/1.fits"),
        ("r/out/3.fits", "r/out/1.fits"),
        ("r/out/3.fits", "r/out/2.fits"),
        ("r/out/4.fits", "r/out/3.fits"),
    ]
    assert rows(any_db, "select path, filename, archive_name from file_archive_info order by 1, 2 limit 1") == [
        ("r/log", "1.log", "home")
    ]


def test_a_second_reading_changes_nothing(any_db, attempt, whole_run, tmp_path, rows):
    ingest(any_db, attempt, whole_run.write(tmp_path))
    before = rows(any_db, "select * from task order by id")
    (tmp_path / "copy.jsonl").write_bytes((tmp_path / "worker2.jsonl").read_bytes())
    assert ingest(any_db, attempt, tmp_path) > 0
    assert ingest(any_db, attempt, tmp_path) == 0
    assert rows(any_db, "select * from task order by id") == before


def test_a_torn_last_line_waits_for_its_end(any_db, attempt, whole_run, tmp_path, rows):
    whole_run.write(tmp_path)
    text = (tmp_path / "engine.jsonl").read_text()
    (tmp_path / "engine.jsonl").write_text(text[:-3])
    with Ingester(any_db, attempt, tmp_path) as ingester:
        assert ingester.step() == sum(map(len, whole_run.journals.values())) - 1
        (tmp_path / "engine.jsonl").write_text(text)
        assert ingester.step() == 1
    assert rows(any_db, "select message from task_message") == []


def test_a_journal_that_is_cut_off_goes_on_where_it_ends(any_db, attempt, whole_run, tmp_path, rows):
    whole_run.write(tmp_path)
    journal, last = tmp_path / "worker2.jsonl", '{"e": "message", "t": 2040.0, "level": 2, "text": "later"}\n'
    with Ingester(any_db, attempt, tmp_path) as ingester:
        ingester.step()
        before = rows(any_db, "select * from task order by id")
        half = journal.stat().st_size // 2
        os.truncate(journal, half)
        assert ingester.step() == 0
        with journal.open("a") as file:
            file.write(last)
        assert ingester.step() == 1
        assert ingester.step() == 0
    assert rows(any_db, "select * from task order by id") == before
    messages = [message for (message,) in rows(any_db, "select message from task_message order by message")]
    assert [message.partition(":")[0] for message in messages] == [
        "later",
        f"worker2.jsonl was cut off at byte {half}",
    ]


def test_what_is_no_fact_is_reported_and_passed_over(any_db, attempt, whole_run, tmp_path, rows):
    whole_run.write(tmp_path)
    with (tmp_path / "engine.jsonl").open("a") as journal:
        journal.write('{"e":"job.qu\n[1]\n{"e": "job.queue", "t": 1}\n{"e": "new.kind", "t": 1}\n\n')
    ingest(any_db, attempt, tmp_path)
    messages = [message for (message,) in rows(any_db, "select message from task_message order by message")]
    assert [re.sub(r"byte \d+", "byte N", message)[:50] for message in messages] == [
        'engine.jsonl: byte N: not a fact, passed over: {"e',
        "engine.jsonl: byte N: not a fact, passed over: [1]",
        "engine.jsonl: byte N: not a fact, passed over: ",
        "engine.jsonl: passed over a fact (Invalid value 'n",
        "engine.jsonl: passed over a fact (Object missing r",
    ]
    assert rows(any_db, "select count(*) from pfw_wrapper") == [(4,)]


def test_a_value_that_the_database_refuses_costs_its_own_line_only(any_db, attempt, whole_run, tmp_path, rows):
    bad = next(fact for fact in whole_run.journals["worker1"] if fact["e"] == "job.end")
    bad["disk"] = 10**30
    ingest(any_db, attempt, whole_run.write(tmp_path))
    assert rows(any_db, "select count(*) from task_message where message like 'worker1.jsonl: byte%refuses it%'") == [
        (1,)
    ]
    assert rows(any_db, "select count(*) from task where end_time is null") == [(1,)]
    assert ingest(any_db, attempt, tmp_path) == 0


def test_words_come_through_as_they_are(any_db, attempt, a_story, tmp_path, rows):
    odd = "a'b\"; drop table task; -- \\ ${x}\n\t\rü %s :name ?"
    story = a_story()
    for call in range(1, 41):
        story.call(1, call, writes=(f"r/{odd}/{call}.fits",))
    ingest(any_db, attempt, story.write(tmp_path))
    assert rows(any_db, "select path from desfile where filetype = 'red' and pfw_attempt_id is not null limit 1") == [
        (f"r/{odd}/1.fits",)
    ]


def test_what_no_database_takes_is_written_out(any_db, attempt, a_story, tmp_path, rows):
    story = a_story()
    story.tell("engine", "message", level=2, text="nul \0 and half \udc80")
    ingest(any_db, attempt, story.write(tmp_path))
    assert rows(any_db, "select message from task_message") == [("nul \\0 and half \\udc80",)]


def test_numbers_that_are_none_are_left_out(any_db, attempt, a_story, tmp_path, rows):
    story = a_story()
    story.call(1, 1)
    story.journals["worker"][-1]["files"][2]["meta"] = {"rms": float("nan")}
    ingest(any_db, attempt, story.write(tmp_path))
    (metadata,) = rows(any_db, "select metadata from desfile where filename = '1.fits' and filetype = 'red'")[0]
    assert (json.loads(metadata) if isinstance(metadata, str) else metadata) == {"rms": None}


def test_a_lost_job_closes_what_it_left_open(any_db, attempt, a_story, tmp_path, rows):
    story = a_story()
    story.queue(1)
    story.start_job(1, calls=2)
    story.call(1, 1)
    story.start_call(1, 2)
    story.tell("engine", "job.lost", job=1, queue="q1", reason="killed")
    ingest(any_db, attempt, story.write(tmp_path))
    found = rows(any_db, "select name, label, status from task where name in ('job', 'wrapper', 'exec') order by id")
    assert sorted(found) == [
        ("exec", "exec_1", -9),
        ("exec", "exec_1", 0),
        ("job", "1", -9),
        ("wrapper", "train", -9),
        ("wrapper", "train", 0),
    ]
    assert rows(any_db, "select message from task_message") == [("lost: killed",)]


def test_a_word_that_comes_after_the_loss_counts(any_db, attempt, a_story, tmp_path, rows):
    story = a_story()
    story.start_job(1)
    story.start_call(1, 1)
    story.tell("engine", "job.lost", job=1, queue="q1", reason="killed")
    ingest(any_db, attempt, story.write(tmp_path))
    story.end_call(1, 1)
    ingest(any_db, attempt, story.write(tmp_path))
    assert rows(any_db, "select status from task where name = 'wrapper'") == [(0,)]
    assert rows(any_db, "select count(*) from desfile where filename = '1.fits'") == [(1,)]


def test_a_restarted_run_is_running_again(any_db, attempt, whole_run, tmp_path, rows):
    state = "select processing_state, end_time, status from attempt_state, task where task.name = 'attempt'"
    ingest(any_db, attempt, whole_run.write(tmp_path))
    whole_run.tell("engine2", "attempt.start")
    ingest(any_db, attempt, whole_run.write(tmp_path))
    assert rows(any_db, state) == [("NEW", None, None)]
    whole_run.tell("engine2", "attempt.end", status=1)
    ingest(any_db, attempt, whole_run.write(tmp_path))
    assert rows(any_db, state)[0][::2] == ("FAIL", 1)
    assert rows(any_db, "select start_time - start_time from task where name = 'attempt'")


def test_a_file_that_is_made_again_keeps_its_row_and_is_the_newest(any_db, attempt, a_story, tmp_path, rows):
    story = a_story()
    story.call(1, 1, queue="q1", journal="b", writes=("r/x.fits",))
    story.call(1, 1, queue="q2", journal="a", writes=("r/x.fits",))
    story.journals["a"][-1]["files"][2]["size"] = 99
    ingest(any_db, attempt, story.write(tmp_path))
    assert rows(any_db, "select filesize from desfile where path = 'r/x.fits'") == [(99,)]
    made = "select count(*) from opm_was_generated_by g, desfile d where g.desfile_id = d.id and d.path = 'r/x.fits'"
    assert rows(any_db, made) == [(2,)]


@pytest.mark.parametrize("tells_more", [True, False])
def test_a_file_that_is_not_known_yet_is_waited_for(any_db, attempt, a_story, new_attempt, tmp_path, rows, tells_more):
    story = a_story()
    story.call(1, 1, reads=("other/7.fits",))
    ingest(any_db, attempt, story.write(tmp_path / "a"))
    assert rows(any_db, "select path, child_path from ingest_pending order by 2") == [
        ("other/7.fits", ""),
        ("other/7.fits", "r/out/1.fits"),
    ]
    other = create_attempt(any_db, new_attempt(attnum=2, run="HST1_r1p02"))
    maker = a_story("HST1_r1p02")
    maker.call(1, 7, writes=("other/7.fits",))
    ingest(any_db, other, maker.write(tmp_path / "b"))
    if tells_more:
        story.end_job(1)
    ingest(any_db, attempt, story.write(tmp_path / "a"))
    assert rows(any_db, "select count(*) from ingest_pending where path = 'other/7.fits'") == [(0,)]
    assert rows(
        any_db, "select count(*) from opm_used u, desfile d where d.id = u.desfile_id and d.path like 'other%'"
    ) == [(1,)]


def test_an_outside_file_has_one_row_for_all_runs(any_db, attempt, a_story, new_attempt, tmp_path, rows):
    other = create_attempt(any_db, new_attempt(attnum=2, run="HST1_r1p02"))
    for run, id_ in (("HST1_r1p01", attempt), ("HST1_r1p02", other)):
        story = a_story(run)
        story.call(1, 1, writes=(f"{run}/x.fits",), reads=())
        story.journals["worker"][-1]["files"][0]["path"] = f"{run}/log"
        story.journals["worker"][-1]["made"][0][1] = f"{run}/log"
        ingest(any_db, id_, story.write(tmp_path / run))
    assert rows(any_db, "select path, path_version, pfw_attempt_id from desfile where filetype = 'raw'") == [
        ("/data/raw.csv", "c0ffee", None)
    ]
    assert rows(any_db, "select count(*) from opm_used") == [(2,)]


def test_a_journal_of_another_run_is_refused(any_db, attempt, a_story, tmp_path, rows):
    story = a_story("other_r1p01")
    story.call(1, 1)
    ingest(any_db, attempt, story.write(tmp_path))
    assert rows(any_db, "select count(*) from pfw_wrapper") == [(0,)]
    assert rows(any_db, "select message from task_message") == [
        ("worker.jsonl: a journal of other_r1p01, passed over",)
    ]


def test_one_process_at_a_time_writes_a_run(any_db, attempt, whole_run, tmp_path):
    whole_run.write(tmp_path)
    with Ingester(any_db, attempt, tmp_path) as first:
        first.step()
        with pytest.raises(LeaseTaken):
            Ingester(any_db, attempt, tmp_path).step()
    assert Ingester(any_db, attempt, tmp_path).step() == 0


def test_a_growing_journal_is_followed_by_a_process_of_its_own(any_db, attempt, whole_run, tmp_path, rows):
    directory = tmp_path / "journals"
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        follower = Ingester(any_db, attempt, directory)
        follower.follow(lambda: bool(select.select([reading], [], [], 0.01)[0]), pause_seconds=0)
        os._exit(0)
    os.close(reading)
    directory.mkdir()
    for name, facts in whole_run.journals.items():
        with (directory / f"{name}.jsonl").open("a") as journal:
            for fact in facts:
                journal.write(json.dumps(fact) + "\n")
                journal.flush()
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0
    assert rows(any_db, "select count(*) from task where status = 0") == [(12,)]
    assert Ingester(any_db, attempt, directory).step() == 0


@pytest.mark.postgres
def test_a_server_that_was_restarted_is_found_again(a_postgres_registry, new_attempt, whole_run, tmp_path, rows):
    db = a_postgres_registry()
    attempt = create_attempt(db, new_attempt())
    with Ingester(db, attempt, whole_run.write(tmp_path)) as ingester:
        ingester.step()
        whole_run.start_job(9, journal="worker9")
        whole_run.write(tmp_path)
        other = create_engine(db.engine.url)
        with other.connect() as connection:
            others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            connection.execute(text("select pg_terminate_backend(pid) " + others))
        other.dispose()
        assert ingester.step() == 2
    assert rows(db, "select count(*) from pfw_job") == [(3,)]


def test_a_value_of_another_type_costs_its_own_line_only(any_db, attempt, whole_run, tmp_path, rows):
    bad = next(fact for fact in whole_run.journals["worker1"] if fact["e"] == "call.end")
    bad["files"][2]["size"] = "not a size"
    ingest(any_db, attempt, whole_run.write(tmp_path))
    assert rows(any_db, "select message from task_message")[0][0].startswith(
        "worker1.jsonl: passed over a fact (Expected `int | null`, got `str` - at `$.files[2].size`): {"
    )
    assert rows(any_db, "select count(*) from task where end_time is null") == [(1,)]


def test_among_many_lines_only_the_refused_ones_are_lost(any_db, attempt, a_story, tmp_path, rows):
    story = a_story()
    for call in range(1, 101):
        story.call(1, call)
    ends = [fact for fact in story.journals["worker"] if fact["e"] == "call.end"]
    ends[3]["disk"] = 10**30
    ends[80]["files"][2]["size"] = 10**30
    ingest(any_db, attempt, story.write(tmp_path))
    assert rows(any_db, "select count(*) from task where name = 'wrapper' and status = 0") == [(98,)]
    assert rows(any_db, "select count(*) from task_message where message like '%refuses it%'") == [(2,)]


def test_where_a_lost_calls_log_went_is_not_forgotten(any_db, attempt, a_story, tmp_path, rows):
    story = a_story()
    story.start_job(1)
    story.start_call(1, 1)
    at = {"job": 1, "queue": "q1", "call": 1, "try": 1}
    story.tell("engine", "call.end", **at, status=-9, files=[], log="r/log/1_lostq1.log")
    for directory in ("once", "again"):
        (tmp_path / directory).mkdir()
        story.write(tmp_path / directory)
        ingest(any_db, attempt, tmp_path / directory)
        story.journals = {f"{name}_copy": facts for name, facts in story.journals.items()}
    assert rows(any_db, "select log from pfw_wrapper") == [("r/log/1_lostq1.log",)]


def test_a_late_block_gets_its_numbers_when_it_is_planned(any_db, new_attempt, a_story, tmp_path, rows):
    late = NewBlock(number=2, name="late", modules=(NewModule(name="use", number=1, calls=0),))
    attempt = create_attempt(any_db, new_attempt(blocks=(*new_attempt().blocks, late)))
    planned = "select numexpjobs, modname, numexpcalls from pfw_block b, pfw_module m"
    planned += " where b.task_id = m.pfw_block_task_id and blknum = 2"
    assert rows(any_db, planned) == [(None, "use", 0)]
    story = a_story()
    for _ in range(2):  # told twice, it changes nothing
        story.tell("engine", "block.plan", block=2, jobs=3, modules={"use": 5})
        story.tell("engine", "message", block=2, level=1, text="oh no")
    ingest(any_db, attempt, story.write(tmp_path))
    assert rows(any_db, planned) == [(3, "use", 5)]
    told = "select label, message from task_message m, task t where t.id = m.task_id"
    assert set(rows(any_db, told)) == {("late", "oh no")}


PIECES = [
    *(
        b'{"a":1}',
        b'{"e":"block.start","t":1,"block":2}',
        b'{"e":"message","t":1.5,"level":3,"text":"x}\\n{y","a":{"b":[1,{}]}}',
        b'{"e":"message","t":1,"level":3,"text":"\\u00e9"}',
        b'{"e":"block.start","t":1,"block":"2"}',
        b"{}",
        b"{}{}",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
    ),
    *(b"\n", b"}\n{", b" ", b",", b"\r", b"NaN", b"1e999", b"\\u0000", b"\xff", b"\0"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_lines_that_are_read_at_once_tell_what_each_tells_by_itself(pieces):
    lines = b"".join(pieces) + b"\n"
    assert repr(journals._facts(lines, 0)) == repr(journals._decode_one_by_one(lines, 0))
