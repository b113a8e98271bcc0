"""HTCondor engine: submits a run as one DAG and controls it in the pool's queue."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from framework.engines.engine import JobProblem, JobState, JournalFollower, QueueStatus, RunResult
from framework.engines.history import RunHistory, forget_missing_files, job_is_done, read_history
from framework.engines.htcondor.checks import check_limits, check_paths, check_registry
from framework.engines.htcondor.dag_state import read_dag_state
from framework.engines.htcondor.hold_reasons import explain
from framework.engines.htcondor.learned_resources import LearnedResources, read_learned, update_learned
from framework.engines.htcondor.observer import Observer, observer_lock
from framework.engines.htcondor.pool import Pool, dagman_constraint, find_pool, has_other_machines, run_constraint
from framework.engines.htcondor.site import read_site
from framework.engines.htcondor.submission_files import SubmissionDirectory
from framework.engines.htcondor.unmatched import find_blocking_reasons
from framework.engines.lost_calls import close_calls
from framework.engines.run_directory import RunDirectory
from framework.errors import RunError
from framework.model.run import PlannedRun
from framework.output.log import get_logger
from framework.worker.job.htcondor_receive import receive
from framework.worker.journal import facts
from framework.worker.journal.facts import JobExecution
from framework.worker.journal.journal import Journal, read_facts
from framework.worker.journal.statuses import INTERRUPTED

log = get_logger(__name__)

#: Seconds to wait for the queue to let go of what was removed.
PATIENCE = 120.0
REMOVED_STATE, HELD_STATE = 3, 5


class HTCondorEngine:
    """Submits runs to the pool of this machine, and controls them there."""

    def __init__(self, follower: JournalFollower) -> None:
        self._follower = follower

    def prepare(self, directory: RunDirectory) -> None:
        """Refuse a run that the pool could not run."""
        plan = directory.read_plan()
        site = read_site(plan.target_site, plan.site)
        find_pool()
        check_registry(os.environ.get("FW_REGISTRY", ""))
        check_paths(directory, plan)
        check_limits(plan, site)

    def submit(self, directory: RunDirectory) -> RunResult:
        """Submit the run from its beginning."""
        with directory.lock() as lock:
            return self._submit(directory, directory.read_plan(), RunHistory(), read_learned(directory), lock)

    def restart(self, directory: RunDirectory) -> RunResult:
        """Submit what is not done; a run that is only held is released."""
        pool = find_pool()
        with directory.lock() as lock:
            plan = directory.read_plan()
            if _is_held(pool, directory):
                pool.act("release", run_constraint(str(directory.path)), "fw restart")
                log.info("held run released", extra={"run": plan.run})
                return _submitted_result(plan, 0)
            _wait_until_gone(pool, directory)
            history = self._read_history(directory, plan)
            learned = self._learned_resources(directory, plan, history)
            return self._submit(directory, plan, history, learned, lock)

    def cancel(self, directory: RunDirectory, reason: str = "") -> bool:
        """Remove the run from the queue; its FINAL node closes the attempt."""
        pool = find_pool()
        if not pool.query(run_constraint(str(directory.path)), []):
            return False
        pool.act("remove", dagman_constraint(str(directory.path)), reason or "fw cancel")
        log.info("removed from the queue: %s", reason or "fw cancel", extra={"run": directory.run})
        _wait_until_gone(pool, directory, patience=PATIENCE, is_cancelled=True)
        plan = directory.read_plan()
        with directory.lock():
            history = self._read_history(directory, plan)
            if not _is_closed(directory, plan):
                self._close(directory, plan, history, status=INTERRUPTED)
        self._follower.catch_up()
        return True

    def hold(self, directory: RunDirectory, reason: str) -> bool:
        """Start nothing more; what runs goes on to its end."""
        pool = find_pool()
        run = str(directory.path)
        if not pool.query(dagman_constraint(run), []):
            return False
        pool.act(
            "hold", f"{run_constraint(run)} && (JobUniverse == 7 || (JobUniverse != 12 && JobStatus == 1))", reason
        )
        return True

    def release(self, directory: RunDirectory, reason: str) -> bool:
        """Release what is held, for whatever reason."""
        pool = find_pool()
        run = str(directory.path)
        if not pool.query(run_constraint(run), []):
            return False
        pool.act("release", f"{run_constraint(run)} && JobStatus == 5", reason)
        return True

    def read_status(self, directory: RunDirectory) -> QueueStatus:
        """Return the states of the run's jobs in the queue, from the event log alone."""
        submission = _newest_submission(directory)
        if submission is None:
            return QueueStatus(job_counts={}, problems=())
        dag_state = read_dag_state(submission.logs)
        problems = []
        for node in dag_state.nodes.values():
            if node.state == JobState.HELD:
                hold = explain(*node.hold)
                problems.append(
                    JobProblem(node.job, JobState.HELD, hold.reason, hold.remedy.replace("RUN", directory.run))
                )
            elif node.state in (JobState.FAILED, JobState.REMOVED) and node.failure_reason:
                remedy = f"put that right, then fw restart {directory.run}"
                problems.append(JobProblem(node.job, node.state, node.failure_reason, remedy))
        active_jobs = frozenset(
            node.job
            for node in dag_state.nodes.values()
            if node.state in (JobState.IDLE, JobState.RUNNING, JobState.HELD)
        )
        return QueueStatus(job_counts=dict(dag_state.count_states()), problems=tuple(problems), active_jobs=active_jobs)

    def find_blocking_reasons(self, directory: RunDirectory) -> tuple[JobProblem, ...]:
        """Return what waiting jobs ask for that no machine of the pool has."""
        submission = _newest_submission(directory)
        if submission is None:
            return ()
        plan = directory.read_plan()
        waiting = {
            node.cluster: node.job
            for node in read_dag_state(submission.logs).nodes.values()
            if node.state == JobState.IDLE
        }
        found = find_blocking_reasons(str(directory.path), waiting, read_site(plan.target_site, plan.site))
        return tuple(replace(one, remedy=one.remedy.replace("RUN", directory.run)) for one in found)

    def is_over(self, directory: RunDirectory) -> bool:
        """Return whether nothing of the run is in the queue any more."""
        return not find_pool().query(run_constraint(str(directory.path)), [])

    def _submit(
        self, directory: RunDirectory, plan: PlannedRun, history: RunHistory, learned: LearnedResources, lock: int
    ) -> RunResult:
        journal = Journal(
            str(directory.journal), f"engine-{history.start}", run=plan.run, attempt=plan.attempt, start=history.start
        )
        try:
            journal.write(facts.attempt_start())
            if files := directory.archive_plan(plan, history.archived_files):
                journal.write(facts.attempt_files(files))
            _close_lost_calls(history, journal, plan)
            if not plan.late and all(job_is_done(job, history) for job in plan.jobs.values()):
                return self._nothing_left(plan, journal)
            site = read_site(plan.target_site, plan.site)
            submission = SubmissionDirectory(directory, history.start)
            written = submission.write(plan, history, site, learned, has_other_machines())
            pool = find_pool()
            cluster = pool.submit_dag(written.dag, str(directory.path), site.max_idle, lock)
            submission.cluster.write_text(f"{cluster}\n", encoding="utf-8")
            jobs, done = written.jobs, written.already_done
            log.info(
                "DAG submitted as cluster %d: %d jobs, %d done before", cluster, jobs, done, extra={"run": plan.run}
            )
            return _submitted_result(plan, written.already_done, cluster)
        finally:
            journal.close()

    def _nothing_left(self, plan: PlannedRun, journal: Journal) -> RunResult:
        for block in sorted({job.block for job in plan.jobs.values()}):
            journal.write(facts.block_end(block, 0))
        journal.write(facts.attempt_end(0))
        self._follower.catch_up()
        return RunResult(status=0, jobs=len(plan.jobs), done=len(plan.jobs), failed=0, skipped=0)

    def _read_history(self, directory: RunDirectory, plan: PlannedRun) -> RunHistory:
        """Return what is done, once all that jobs have sent back is received and recorded."""
        for folder in sorted((directory.path / "home").glob("j*")):
            receive(str(directory.path), plan.archive_root, int(folder.name[1:]))
        submission = _newest_submission(directory)
        if submission is not None:
            with observer_lock(directory):
                observer = Observer(submission, plan)
                observer.read_events()
                observer.close()
        history = read_history(directory.journal, plan)
        forget_missing_files(history, plan)
        return history

    def _learned_resources(self, directory: RunDirectory, plan: PlannedRun, history: RunHistory) -> LearnedResources:
        submission = _newest_submission(directory)
        return read_learned(directory) if submission is None else update_learned(submission, plan, history)

    def _close(self, directory: RunDirectory, plan: PlannedRun, history: RunHistory, status: int) -> None:
        """Record the end of the attempt, for a FINAL node that could not."""
        name = f"engine-{max(history.start - 1, 0)}-close-{os.getpid()}-{os.urandom(3).hex()}"
        journal = Journal(str(directory.journal), name, run=plan.run, attempt=plan.attempt, start=history.start)
        _close_lost_calls(history, journal, plan)
        journal.write(facts.attempt_end(status))
        journal.close()


def finish_run(submission: SubmissionDirectory, is_cancelled: bool) -> int:
    """Close what is open once all jobs have ended, as the FINAL node does; return the status of the attempt."""
    run = submission.run
    plan = run.read_plan()
    with observer_lock(run):
        observer = Observer(submission, plan)
        observer.read_events()
        open_blocks = observer.open_blocks
        observer.close()
    history = read_history(run.journal, plan)
    name = f"engine-{submission.start}-final-{os.getpid()}-{os.urandom(3).hex()}"
    journal = Journal(str(run.journal), name, run=plan.run, attempt=plan.attempt, start=submission.start)
    _close_lost_calls(history, journal, plan)
    done = not plan.late and all(job_is_done(job, history) for job in plan.jobs.values())
    status = 0 if done else INTERRUPTED if is_cancelled else 1
    for block in open_blocks:
        journal.write(facts.block_end(block, 0 if done else 1))
    journal.write(facts.attempt_end(status))
    journal.close()
    update_learned(submission, plan, history)
    log.info("ended with status %d", status, extra={"run": plan.run})
    return status


def _close_lost_calls(history: RunHistory, journal: Journal, plan: PlannedRun) -> None:
    lost = "its job was lost"
    close_calls(history.open_calls, journal, plan.archive, plan.archive_root, lost, in_use=history.logs)
    for job, queue in history.open_jobs:
        journal.write(facts.job_lost(JobExecution(job, queue), "it ended without a report"))


def _newest_submission(directory: RunDirectory) -> SubmissionDirectory | None:
    """Return the latest submission whose DAG was written."""
    starts = [int(path.parent.name) for path in (directory.path / "condor").glob("*/run.dag")]
    return SubmissionDirectory(directory, max(starts)) if starts else None


def _is_closed(directory: RunDirectory, plan: PlannedRun) -> bool:
    """Return whether the end of the newest start is on record."""
    newest: tuple[int, bool] = (-1, False)
    for path in directory.journal.glob("engine-*.jsonl"):
        facts = list(read_facts(str(path)))
        if facts and facts[0].get("attempt") == plan.attempt:
            start = int(facts[0]["start"])
            newest = max(newest, (start, any(fact["e"] == "attempt.end" for fact in facts)))
    return newest[1]


def _submitted_result(plan: PlannedRun, done: int, cluster: int | None = None) -> RunResult:
    return RunResult(
        status=0, jobs=len(plan.jobs), done=done, failed=0, skipped=0, is_over=False,
        queue_name=f"cluster {cluster}" if cluster else "",
    )  # fmt: skip


def _is_held(pool: Pool, directory: RunDirectory) -> bool:
    """Return whether the run's DAGMan is held; RunError where it runs."""
    found = pool.query(dagman_constraint(str(directory.path)), [])
    if any(job.state not in (REMOVED_STATE, HELD_STATE) for job in found):
        raise RunError(
            f"{directory.run} is running (cluster {found[0].cluster}): fw stat {directory.run} shows it, "
            f"fw cancel {directory.run} ends it"
        )
    return any(job.state == HELD_STATE for job in found)


def _wait_until_gone(
    pool: Pool, directory: RunDirectory, patience: float = PATIENCE, is_cancelled: bool = False
) -> None:
    """Wait until nothing of an earlier submission is in the queue; remove what is left without its DAGMan."""
    run = str(directory.path)
    deadline = time.monotonic() + patience
    while found := pool.query(run_constraint(run), []):
        if not is_cancelled or not pool.query(dagman_constraint(run), []):
            pool.act("remove", run_constraint(run), "its DAG is gone")
        if time.monotonic() > deadline:
            clusters = ", ".join(str(job.cluster) for job in found[:10])
            raise RunError(f"the queue does not let go of clusters {clusters}: see condor_q, then try again")
        time.sleep(0.3)
