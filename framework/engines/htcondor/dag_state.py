"""DAG state: the jobs of a DAG as the events of HTCondor's log leave them; pure but for reading the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from framework.engines.engine import JobState
from framework.engines.htcondor.dag import FINAL
from framework.engines.htcondor.event_log import Event, EventKind, EventLog
from framework.engines.htcondor.hold_reasons import explain, is_for_memory, plain_reason
from framework.worker.job.pool_execution import execution_id
from framework.worker.journal.statuses import INFRASTRUCTURE, OUT_OF_MEMORY

#: Beginning of HTCondor's reason where an expression of the job itself has acted.
POLICY = "The job attribute Periodic"
TOO_MUCH_MEMORY = "it takes more memory than the most that it may ask for (see request_memory)"
MORE_MEMORY = "it goes on, and asks for more memory"


@dataclass
class NodeState:
    """State of one job of a DAG."""

    job: int
    cluster: int
    state: JobState = JobState.IDLE
    #: How often it has begun to run.
    starts: int = 0
    is_running: bool = False
    #: Why it is held: code, subcode, and HTCondor's reason.
    hold: tuple[int, int, str] = (0, 0, "")
    memory_holds: int = 0
    #: MB that it has now, and the most that it has exceeded.
    provisioned_mb: int = 0
    exceeded_mb: int = 0
    machine: str = ""
    #: Why it last ended otherwise than well.
    failure_reason: str = ""
    #: Time of its latest event.
    since: float = 0.0

    @property
    def execution_id(self) -> str:
        """Id of the execution that runs, or of the next one."""
        return execution_id(str(self.cluster), self.starts - 1 if self.is_running else self.starts)


@dataclass(frozen=True)
class EndedExecution:
    """Execution of a job that is over, whose journal is to be looked at."""

    job: int
    execution_id: str
    t: float
    reason: str
    #: How often the job had begun by then, and in which cluster.
    starts: int
    cluster: int


@dataclass
class DagState:
    """Fold of the events of a DAG's log into the states of its jobs."""

    nodes: dict[int, NodeState] = field(default_factory=dict)
    #: Whether the FINAL node has begun: all others have ended.
    is_closing: bool = False
    _by_cluster: dict[int, NodeState] = field(default_factory=dict)

    def apply(self, event: Event) -> tuple[NodeState, EndedExecution | None] | None:
        """Take an event into account; return its job and the execution that it ends; None for nodes without a job."""
        if event.number == EventKind.SUBMITTED:
            return self._submit(event)
        node = self._by_cluster.get(event.cluster)
        return None if node is None else (node, _apply_to_node(node, event))

    def count_states(self) -> Counter[JobState]:
        """Return how many jobs are in each state."""
        return Counter(node.state for node in self.nodes.values())

    def _submit(self, event: Event) -> tuple[NodeState, None] | None:
        self.is_closing = self.is_closing or event.node == FINAL
        if not event.node.startswith("j") or not event.node[1:].isdecimal():
            return None
        number = int(event.node[1:])
        # After a queue was lost, DAGMan may submit a job once more.
        node = self.nodes[number] = self._by_cluster[event.cluster] = NodeState(number, event.cluster, since=event.t)
        return node, None


def read_dag_state(logs: Iterable[Path]) -> DagState:
    """Return the state of a DAG, and of those below it, as their event logs have it now."""
    state = DagState()
    for log in logs:
        for event in EventLog(log).read_new_events():
            state.apply(event)
    return state


def _apply_to_node(node: NodeState, event: Event) -> EndedExecution | None:
    node.since = event.t
    match event.number:
        case EventKind.EXECUTING:
            node.starts += 1
            node.is_running, node.state, node.machine = True, JobState.RUNNING, event.slot.partition("@")[2]
            node.provisioned_mb = event.memory_mb
        case EventKind.RELEASED:
            node.state = JobState.IDLE
        case EventKind.EVICTED | EventKind.SHADOW_EXCEPTION | EventKind.RECONNECT_FAILED:
            return _stop(node, event, JobState.IDLE, _interruption_reason(event))
        case EventKind.HELD:
            return _hold(node, event)
        case EventKind.ABORTED:
            return _stop(node, event, JobState.REMOVED, _removal_reason(node, event))
        case EventKind.TERMINATED:
            return _terminate(node, event)
        case EventKind.POST_ENDED if node.state == JobState.DONE and event.status:
            node.state, node.failure_reason = JobState.FAILED, "what it made did not come home whole"
    return None


def _hold(node: NodeState, event: Event) -> EndedExecution | None:
    code, subcode = event.hold
    node.hold = (code, subcode, event.reason)
    if is_for_memory(code, subcode):
        node.memory_holds += 1
        node.exceeded_mb = max(node.exceeded_mb, node.provisioned_mb)
    return _stop(node, event, JobState.HELD, explain(code, subcode, event.reason).reason)


def _terminate(node: NodeState, event: Event) -> EndedExecution | None:
    status = event.status
    ended = _stop(node, event, JobState.DONE if status == 0 else JobState.FAILED, exit_reason(status))
    # A worker that ended with one of these has written its journal to the end.
    return None if status in (0, 1) else ended


def _stop(node: NodeState, event: Event, state: JobState, reason: str) -> EndedExecution | None:
    execution_id = node.execution_id
    was_running, node.is_running, node.state = node.is_running, False, state
    node.failure_reason = reason or node.failure_reason
    if not was_running and state != JobState.REMOVED:
        return None
    return EndedExecution(node.job, execution_id, event.t, reason, node.starts, node.cluster)


def _removal_reason(node: NodeState, event: Event) -> str:
    """Return who or what took a job out of the queue."""
    is_policy = event.reason.startswith(POLICY) and is_for_memory(*node.hold[:2])
    return TOO_MUCH_MEMORY if is_policy else f"somebody took it out of the queue ({event.reason})"


def _interruption_reason(event: Event) -> str:
    """Why an execution ended that goes on has_other_machines."""
    if event.number == EventKind.SHADOW_EXCEPTION:
        return f"the pool lost it ({event.reason})"
    if event.number == EventKind.RECONNECT_FAILED:
        return "its machine was lost"
    details = next((line.strip() for line in event.lines if "failure" in line or "Details:" in line), "")
    if details:
        what = "an input" if "input" in details.partition("Details:")[0] else "what it made"
        return f"{what} could not be sent ({plain_reason(details)})"
    status = event.status
    return "it was evicted" if status is None else exit_reason(status)


def release_reason(event: Event, node: NodeState) -> str:
    """Return who or what has released a held job."""
    if event.reason.startswith(POLICY):
        return MORE_MEMORY if is_for_memory(*node.hold[:2]) else "it is tried again by itself"
    return f"released ({event.reason.removeprefix('via condor_release ')})" if event.reason else "released"


def exit_reason(status: int | None) -> str:
    """Return what the exit status of a worker means; empty for a success and for a failure of the science."""
    if status in (0, 1):
        return ""
    if status == INFRASTRUCTURE:
        return "its surroundings failed"
    if status == OUT_OF_MEMORY:
        return "memory ran out"
    if status is not None and status > 128:
        return f"its worker was killed (signal {status - 128})"
    if status in (126, 127):
        return f"its Python could not be started (status {status}): see python in the site's section"
    return f"its worker ended with status {status}"
