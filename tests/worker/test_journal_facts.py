"""Facts of a journal: what workers and engines write is what readers decode, and what the documentation says."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

import wrappers
from framework.model.facts import DECODER, FACTS, CallMessage, FileRecord
from framework.worker.journal import facts
from framework.worker.journal.journal import Journal
from framework.worker.journal.message_level import MessageLevel

#: Fields that only older journals have, and those that a message has of one kind of subject each.
NOT_WRITTEN = {"disk", "md5", "file", "line"}

JOB = facts.JobExecution(7, "0.3")
CALL = facts.CallTry(7, "0.3", 12, 2)
FILE = facts.file_record(
    "r/red/1.fits", "red", size=9, sha256="c0ffee", archive="home", packed=(".fz", 5, "beef"), metadata={"band": "r"}
)

#: Each writer with all its arguments.
WRITTEN: dict[str, dict[str, Any]] = {
    "attempt.start": facts.attempt_start(),
    "attempt.files": facts.attempt_files([FILE]),
    "attempt.end": facts.attempt_end(1),
    "block.plan": facts.block_plan(2, 3, {"reduce": 4}),
    "block.start": facts.block_start(2),
    "block.end": facts.block_end(2, 1),
    "message": facts.message(4, "held", block=2, about=CALL),
    "job.queue": facts.job_queue(JOB, 2),
    "job.lost": facts.job_lost(JOB, "killed"),
    "job.start": facts.job_start(JOB, block=2, keys="ccd=1", calls=3, root="/work"),
    "job.end": facts.job_end(JOB, 1, [FILE]),
    "call.start": facts.call_start(
        CALL, module="reduce", wrapper="generic", keys={"ccd": "1"}, log="r/log/1", plan="0"
    ),
    "call.run": facts.call_run(CALL),
    "call.store": facts.call_store(CALL),
    "call.end": facts.call_end(
        CALL, 1, files=[FILE], messages=[facts.call_message(1, "bad", 1)], made=[(1, "a")], used=[(1, "b")],
        derived=[("a", "b")], log="r/log/2", exceeded="memory",
    ),
    "software": facts.software("beef", kind="environment", name="astro", found={"python": "3.11"}),
    "exec.start": facts.exec_start(CALL, 1, program="cp", args="cp a b", version="1.2", software="beef"),
    "exec.end": facts.exec_end(CALL, 1, 137, {"wall": 1.5, "utime": 1.0, "stime": 0.1, "maxrss": 2000}),
}  # fmt: skip


@pytest.fixture
def read_back(tmp_path):
    """Writes facts into a journal; what its lines decode to."""

    def write(*written: dict[str, Any]) -> list[Any]:
        journal = Journal(str(tmp_path), "one", run="r", attempt=5, start=0)
        for fact in written:
            journal.write(fact)
        journal.close()
        return [DECODER.decode(line) for line in Path(journal.path).read_bytes().splitlines()]

    return write


def test_there_is_a_writer_for_each_kind_of_fact():
    makers = {name for name, one in vars(facts).items() if inspect.isfunction(one)} - {"file_record", "call_message"}
    kinds = {str(fact.__struct_config__.tag) for fact in FACTS} - {"open"}
    assert makers == {kind.replace(".", "_") for kind in kinds}
    assert set(WRITTEN) == kinds


def test_each_fact_that_is_written_is_read_with_every_field(read_back):
    opened, *found = read_back(*WRITTEN.values())
    for fact, keys in zip([opened, *found], [None, *WRITTEN.values()], strict=True):
        absent = {name for name in fact.__struct_fields__ if getattr(fact, name) in (None, [])}
        assert absent <= NOT_WRITTEN, type(fact).__name__
        if keys is not None:
            assert json.loads(msgspec.json.encode(fact)) == json.loads(json.dumps({**keys, "t": fact.time}))


def test_nested_records_are_read_with_every_field(read_back):
    end = next(fact for fact in read_back(WRITTEN["call.end"]) if type(fact).__name__ == "CallEnd")
    for record, kind in ((end.files[0], FileRecord), (end.messages[0], CallMessage)):
        assert isinstance(record, kind)
        assert {name for name in record.__struct_fields__ if getattr(record, name) is None} <= NOT_WRITTEN


def test_wrappers_name_the_levels_of_messages_as_journals_do():
    assert tuple(MessageLevel)[:3] == (wrappers.ERROR, wrappers.WARNING, wrappers.INFORMATION)
