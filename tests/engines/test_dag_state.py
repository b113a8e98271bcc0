"""What events make of the jobs of a DAG, and the words for holds, releases and ends, as tables of cases."""

from __future__ import annotations

import pytest

from framework.engines.engine import JobState
from framework.engines.htcondor.dag_state import DagState, NodeState, exit_reason, release_reason
from framework.engines.htcondor.event_log import Event, EventKind
from framework.engines.htcondor.hold_reasons import Explanation, explain

FAILED_INPUT = "\tTransfer input files failure. Details: reading from file /x: (errno 2) No such file"
FAILED_OUTPUT = "\tTransfer output files failure. Details: |Error: disk is full"
POLICY = "\tThe job attribute PeriodicRemove expression 'x' evaluated to TRUE"


def event(number: int, *lines: str, text: str = "", t: float = 5.0, cluster: int = 3) -> Event:
    return Event(number=number, cluster=cluster, t=t, text=text, lines=lines)


SUBMITTED = event(EventKind.SUBMITTED, "    DAG Node: j7", t=1.0)
RUNS = event(EventKind.EXECUTING, "\tSlotName: slot1@vm", "\tMemory = 100", t=2.0)
HELD = event(EventKind.HELD, "\ttoo big", "\tCode 34 Subcode 0")


def ended(status: int, t: float = 5.0) -> Event:
    return event(EventKind.TERMINATED, f"\t(1) Normal termination (return value {status})", t=t)


@pytest.mark.parametrize(
    ("events", "state", "reason", "over"),
    [
        pytest.param([], JobState.IDLE, "", None, id="waits"),
        pytest.param([RUNS], JobState.RUNNING, "", None, id="runs"),
        pytest.param([RUNS, ended(0)], JobState.DONE, "", None, id="done"),
        pytest.param([RUNS, ended(1)], JobState.FAILED, "", None, id="its journal says why it failed"),
        pytest.param([RUNS, ended(2)], JobState.FAILED, "its worker ended with status 2", "3.0", id="no journal"),
        pytest.param([RUNS, ended(75)], JobState.FAILED, "its surroundings failed", "3.0", id="its machine"),
        pytest.param([RUNS, HELD], JobState.HELD, "it took more memory than it had asked for", "3.0", id="held"),
        pytest.param([HELD], JobState.HELD, "it took more memory than it had asked for", None, id="held in the queue"),
        pytest.param([RUNS, HELD, event(EventKind.RELEASED)], JobState.IDLE,
                     "it took more memory than it had asked for", None, id="released"),
        pytest.param([RUNS, event(EventKind.EVICTED)], JobState.IDLE, "it was evicted", "3.0", id="evicted"),
        pytest.param([RUNS, event(EventKind.EVICTED, "\t(0) Abnormal termination (signal 9)")], JobState.IDLE,
                     "its worker was killed (signal 9)", "3.0", id="killed"),
        pytest.param([RUNS, event(EventKind.EVICTED, FAILED_INPUT)], JobState.IDLE,
                     "an input could not be sent (reading from file /x: No such file)", "3.0", id="no input"),
        pytest.param([RUNS, event(EventKind.EVICTED, FAILED_OUTPUT)], JobState.IDLE,
                     "what it made could not be sent (|Error: disk is full)", "3.0", id="no output"),
        pytest.param([RUNS, event(EventKind.SHADOW_EXCEPTION, "\tconnection lost")], JobState.IDLE,
                     "the pool lost it (connection lost)", "3.0", id="shadow"),
        pytest.param([RUNS, event(EventKind.RECONNECT_FAILED)], JobState.IDLE,
                     "its machine was lost", "3.0", id="lost"),
        pytest.param([RUNS, event(EventKind.ABORTED, "\tby alice")], JobState.REMOVED,
                     "somebody took it out of the queue (by alice)", "3.0", id="removed"),
        pytest.param([event(EventKind.ABORTED, "\tby alice")], JobState.REMOVED,
                     "somebody took it out of the queue (by alice)", "3.0", id="removed before it ran"),
        pytest.param([RUNS, HELD, event(EventKind.ABORTED, POLICY)], JobState.REMOVED,
                     "it takes more memory than the most that it may ask for (see request_memory)", "3.1",
                     id="too big"),
        pytest.param([RUNS, event(EventKind.ABORTED, POLICY)], JobState.REMOVED,
                     f"somebody took it out of the queue ({POLICY.strip()})", "3.0", id="another policy"),
        pytest.param([RUNS, ended(0), event(EventKind.POST_ENDED, "\t(1) Normal termination (return value 1)")],
                     JobState.FAILED, "what it made did not come home whole", None, id="came home spoilt"),
        pytest.param([RUNS, ended(0), event(EventKind.POST_ENDED, "\t(1) Normal termination (return value 0)")],
                     JobState.DONE, "", None, id="came home"),
        pytest.param([RUNS, ended(1), event(EventKind.POST_ENDED, "\t(1) Normal termination (return value 1)")],
                     JobState.FAILED, "", None, id="had failed before"),
    ],
)  # fmt: skip
def test_events_lead_to_a_state_with_its_reason(events, state, reason, over):
    dag = DagState()
    dag.apply(SUBMITTED)
    found = None
    for each in events:
        applied = dag.apply(each)
        assert applied is not None
        found = applied[1]
    node = dag.nodes[7]
    assert (node.state, node.failure_reason, found and found.execution_id) == (state, reason, over)
    assert found is None or (found.job, found.cluster, found.t, found.reason) == (7, 3, 5.0, reason)


def test_a_running_job_is_known_with_its_machine_and_memory():
    dag = DagState()
    assert dag.apply(SUBMITTED) == (NodeState(7, 3, since=1.0), None)
    dag.apply(RUNS)
    assert dag.nodes[7] == NodeState(
        7, 3, JobState.RUNNING, starts=1, is_running=True, provisioned_mb=100, machine="vm", since=2.0
    )
    assert dag.nodes[7].execution_id == "3.0"
    dag.apply(HELD)
    node = dag.nodes[7]
    assert (node.memory_holds, node.exceeded_mb, node.hold) == (1, 100, (34, 0, "too big"))
    assert (node.execution_id, node.since) == ("3.1", 5.0)


def test_holds_for_other_reasons_are_none_for_memory():
    dag = DagState()
    for each in (SUBMITTED, RUNS, event(EventKind.HELD, "\tby alice", "\tCode 1 Subcode 0")):
        dag.apply(each)
    assert (dag.nodes[7].memory_holds, dag.nodes[7].exceeded_mb) == (0, 0)


@pytest.mark.parametrize(
    ("node", "known", "closing"), [("j8", {8}, False), ("final", set(), True), ("jx", set(), False)]
)
def test_only_nodes_of_jobs_are_jobs_and_the_final_node_closes_the_dag(node, known, closing):
    dag = DagState()
    dag.apply(event(EventKind.SUBMITTED, f"    DAG Node: {node}"))
    assert (set(dag.nodes), dag.is_closing) == (known, closing)
    assert dag.apply(event(EventKind.EXECUTING, cluster=99)) is None


def test_a_job_that_is_submitted_once_more_begins_anew_and_jobs_are_counted_by_state():
    dag = DagState()
    again = event(EventKind.SUBMITTED, "    DAG Node: j7", cluster=4)
    for each in (SUBMITTED, RUNS, again, event(EventKind.SUBMITTED, "    DAG Node: j9", cluster=5)):
        dag.apply(each)
    assert (dag.nodes[7].cluster, dag.nodes[7].starts) == (4, 0)
    assert dag.count_states() == {JobState.IDLE: 2}


@pytest.mark.parametrize(
    ("reason", "hold", "words"),
    [
        (POLICY, (34, 0, ""), "it goes on, and asks for more memory"),
        (POLICY, (13, 0, ""), "it is tried again by itself"),
        ("\tvia condor_release (by user alice)", (1, 0, ""), "released ((by user alice))"),
        ("", (1, 0, ""), "released"),
    ],
)
def test_it_is_told_who_released_a_job(reason, hold, words):
    released = event(EventKind.RELEASED, *([reason] if reason else []))
    assert release_reason(released, NodeState(1, 1, hold=hold)) == words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, ""),
        (1, ""),
        (2, "its worker ended with status 2"),
        (75, "its surroundings failed"),
        (76, "memory ran out"),
        (125, "its worker ended with status 125"),
        (126, "its Python could not be started (status 126): see python in the site's section"),
        (127, "its Python could not be started (status 127): see python in the site's section"),
        (128, "its worker ended with status 128"),
        (137, "its worker was killed (signal 9)"),
        (None, "its worker ended with status None"),
    ],
)
def test_the_status_of_a_worker_has_a_meaning(status, words):
    assert exit_reason(status) == words


@pytest.mark.parametrize(
    ("code", "subcode", "reason", "what", "remedy"),
    [
        (34, 0, "x", "it took more memory than it had asked for", "it goes on by itself with more"),
        (3, 34, "x", "it took more memory than it had asked for", "it goes on by itself with more"),
        (3, 1, "x", "x", "put that right, then fw release RUN"),
        (1, 0, "x", "somebody holds it", "fw release RUN lets it go on"),
        (13, 2, "x", "an input is missing (x)", "bring the file back, then fw release RUN"),
        (13, 0, "No such file: x", "an input is missing (No such file: x)", "bring the file back, then fw release RUN"),
        (13, 28, "x", "there was no room for an input (x)", "make room, or ask for request_disk"),
        (13, 0, "No space left", "there was no room for an input (No space left)",
         "make room, or ask for request_disk"),
        (13, 13, "x", "an input could not be sent (x)", "put that right, then fw release RUN"),
        (12, 28, "x", "there was no room for what it made (x)", "make room, then fw release RUN"),
        (12, 0, "No space left", "there was no room for what it made (No space left)",
         "make room, then fw release RUN"),
        (12, 2, "x", "what it made could not be brought home (x)",
         "see that this place is there, with room and the right to write, then fw release RUN"),
        (6, 0, "x", "its Python could not be started (x)",
         "have that on the machines, then fw release RUN; or name another python in the site's section"),
        (14, 0, "x", "its directory is not there (x)",
         "is the archive still where the run found it? then fw release RUN"),
        (26, 0, "x", "the pool's own policy holds it (x)", "ask those who run the pool"),
        (46, 0, "x", "it took longer than it may", "raise max_walltime, then fw restart RUN"),
        (99, 5, "", "held with code 99/5", "put that right, then fw release RUN"),
    ],
)  # fmt: skip
def test_each_hold_has_its_reason_and_remedy(code, subcode, reason, what, remedy):
    assert explain(code, subcode, reason) == Explanation(what, remedy)
    assert str(Explanation(what, remedy)) == f"{what}: {remedy}"


def test_a_hold_without_a_remedy_is_its_reason():
    assert str(Explanation("x", "")) == "x"
