"""The event log of a DAG, as a real pool wrote it, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.engines.engine import JobState
from framework.engines.htcondor.dag_state import DagState
from framework.engines.htcondor.event_log import EventKind, EventLog
from framework.engines.htcondor.hold_reasons import explain

LOG = """\
000 (003.000.000) 2026-11-21 00:55:08 Job submitted from host: <127.0.0.1:9618?addrs=127.0.0.1-9618&sock=schedd_66>
    DAG Node: j7
...
001 (003.000.000) 2026-11-21 00:55:12 Job executing on host: <127.0.0.1:9618?addrs=127.0.0.1-9618&sock=startd_66>
\tSlotName: slot1_1@vm
\tCpus = 1
...
012 (003.000.000) 2026-11-21 00:55:22 Job was held.
\tThe job attribute PeriodicHold expression 'JobStatus == 2 && MemoryUsage > RequestMemory' evaluated to TRUE
\tCode 3 Subcode 34
...
013 (003.000.000) 2026-11-21 00:55:24 Job was released.
\tThe job attribute PeriodicRelease expression 'HoldReasonCode == 34' evaluated to TRUE
...
001 (003.000.000) 2026-11-21 00:55:27 Job executing on host: <127.0.0.1:9618?addrs=127.0.0.1-9618&sock=startd_66>
\tSlotName: slot1_2@vm
...
008 (003.000.000) 2026-11-21 00:55:28 fw {"e":"job.start","t":1.5,"job":7}
...
004 (003.000.000) 2026-11-21 00:55:29 Job was evicted.
\t(0) Job terminated and was requeued
\t(0) Abnormal termination (signal 9)
...
001 (003.000.000) 2026-11-21 00:55:30 Job executing on host: <127.0.0.1:9618?addrs=127.0.0.1-9618&sock=startd_66>
...
005 (003.000.000) 2026-11-21 00:55:31 Job terminated.
\t(1) Normal termination (return value 0)
...
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "run.dag.nodes.log"
    path.write_text(LOG)
    return path


def test_events_are_told_apart(log):
    events = list(EventLog(log).read_new_events())
    assert [event.number for event in events] == [0, 1, 12, 13, 1, 8, 4, 1, 5]
    assert events[0].node == "j7"
    assert events[1].slot == "slot1_1@vm"
    assert events[2].hold == (3, 34)
    assert events[5].text == 'fw {"e":"job.start","t":1.5,"job":7}'
    assert events[6].status == 128 + 9
    assert events[8].status == 0
    assert events[8].t - events[0].t == 23


def test_an_event_is_given_once_and_only_when_it_is_whole(log):
    whole = log.read_text()
    log.write_text(whole[:200])
    growing = EventLog(log)
    assert [event.number for event in growing.read_new_events()] == [EventKind.SUBMITTED]
    log.write_text(whole)
    assert len(list(growing.read_new_events())) == 8
    assert list(growing.read_new_events()) == []


def test_a_job_goes_through_its_states_and_its_executions_are_counted(log):
    dag_state, states, ended = DagState(), [], []
    for event in EventLog(log).read_new_events():
        found = dag_state.apply(event)
        assert found is not None
        node, over = found
        states.append(node.state)
        if over is not None:
            ended.append((over.execution_id, over.reason))
    assert states == [
        JobState.IDLE,
        JobState.RUNNING,
        JobState.HELD,
        JobState.IDLE,
        JobState.RUNNING,
        JobState.RUNNING,
        JobState.IDLE,
        JobState.RUNNING,
        JobState.DONE,
    ]
    assert [name for name, _ in ended] == ["3.0", "3.1"]
    assert "took more memory" in ended[0][1]
    assert ended[1][1] == "its worker was killed (signal 9)"
    assert dag_state.nodes[7].memory_holds == 1


NOT_HOME = (
    "Transfer output files failure at access point vm while receiving files from execution point slot1@one@vm. "
    "Details: Error from slot1@one@vm: STARTER at 127.0.0.1 failed to send file(s) to <127.0.0.1:9618>; "
    "SHADOW at 127.0.0.1 - "
    "|Error: writing to file /run/home/j1/x: (errno 13) Permission denied"
)
NO_PYTHON = (
    "Error from slot1_2@two@vm: Failed to execute '/execute/dir_6/job.pyz' with arguments settings.json 47 1 0: "
    "invalid interpreter (/no/python) specified on first line of script (errno=2: 'No such file or directory')"
)


@pytest.mark.parametrize(
    ("code", "subcode", "reason", "words"),
    [
        (34, 0, "Job has gone over cgroup memory limit", "more memory"),
        (3, 34, "", "more memory"),
        (1, 0, "via condor_hold (by user alice)", "fw release RUN"),
        (13, 2, "Transfer input files failure ... Details: reading from file /x: (errno 2)", "an input is missing"),
        (12, 28, "Transfer output files failure Details: No space left", "no room"),
        (
            12,
            13,
            NOT_HOME,
            "what it made could not be brought home (writing to file /run/home/j1/x: Permission denied)",
        ),
        (6, 2, NO_PYTHON, "its Python could not be started ('/no/python': No such file or directory)"),
        (99, 0, "something new", "something new"),
    ],
)
def test_a_hold_is_explained_in_plain_words(code, subcode, reason, words):
    assert words in str(explain(code, subcode, reason))
