"""Local engine: starts, restarts and ends runs on this machine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from framework.engines.engine import JobProblem, JobState, JournalFollower, QueueStatus, RunResult
from framework.engines.fence import end_marked_processes
from framework.engines.history import RunHistory, forget_missing_files, job_is_done, read_history
from framework.engines.local.run import LocalRun, Watcher
from framework.engines.program_check import check_programs
from framework.engines.run_directory import RunDirectory
from framework.engines.staged_inputs import staging_problems
from framework.errors import InfrastructureError, RunError

#: Signals by which a run starts nothing more, and goes on.
HOLD, RELEASE = signal.SIGUSR1, signal.SIGUSR2
#: Seconds to wait for a run to end in good order.
PATIENCE = 30.0


class LocalEngine:
    """Runs jobs on this machine, in the foreground; ``registry`` is the URL that planners of late blocks ask."""

    def __init__(self, slots: int, watcher: Watcher, follower: JournalFollower, registry: str = "") -> None:
        self._slots = slots
        self._watcher = watcher
        self._follower = follower
        self._registry = registry

    def prepare(self, directory: RunDirectory) -> None:
        """Refuse a run whose programs, or what they run in, are not on this machine."""
        plan = directory.read_plan()
        check_programs(plan.programs, plan.software)

    def submit(self, directory: RunDirectory) -> RunResult:
        with directory.lock():
            return self._run(directory, RunHistory())

    def restart(self, directory: RunDirectory) -> RunResult:
        with directory.lock():
            end_marked_processes(str(directory.path))
            directory.set_work_aside()
            plan = directory.read_plan()
            history = read_history(directory.journal, plan)
            forget_missing_files(history, plan)
            if history.is_over and all(job_is_done(job, history) for job in plan.jobs.values()):
                self._follower.catch_up()
                return RunResult(status=0, jobs=len(plan.jobs), done=len(plan.jobs), failed=0, skipped=0)
            return self._run(directory, history)

    def cancel(self, directory: RunDirectory, reason: str) -> bool:
        owner = directory.find_owner()
        if owner is None:
            return False
        os.kill(owner, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE
        while directory.find_owner() == owner:
            if time.monotonic() > deadline:
                raise RunError(f"{directory.run} has not ended after {PATIENCE:.0f} s: its process is {owner}")
            time.sleep(0.05)
        return True

    def hold(self, directory: RunDirectory, reason: str) -> bool:
        return _send_signal(directory, HOLD)

    def release(self, directory: RunDirectory, reason: str) -> bool:
        return _send_signal(directory, RELEASE)

    def read_status(self, directory: RunDirectory) -> QueueStatus:
        plan = directory.read_plan()
        history = read_history(directory.journal, plan)
        done = {job.number for job in plan.jobs.values() if job_is_done(job, history)}
        running = {job for job, _ in history.open_jobs} - done if directory.find_owner() else set()
        waiting = len(plan.jobs) - len(done) - len(running) if directory.find_owner() else 0
        counts = {JobState.IDLE: waiting, JobState.RUNNING: len(running), JobState.DONE: len(done)}
        waits = staging_problems(plan, done | running) if directory.find_owner() else ()
        return QueueStatus(job_counts={state: count for state, count in counts.items() if count}, problems=waits)

    def is_over(self, directory: RunDirectory) -> bool:
        return directory.find_owner() is None

    def find_blocking_reasons(self, directory: RunDirectory) -> tuple[JobProblem, ...]:
        """Return none: what this machine lacks is reported before anything runs."""
        return ()

    def _run(self, directory: RunDirectory, history: RunHistory) -> RunResult:
        plan = directory.read_plan()
        try:
            local_run = LocalRun(directory, plan, history, self._slots, self._watcher, self._registry)
            self._follower.begin()
            try:
                with _interruptible(local_run):
                    return local_run.run()
            finally:
                local_run.end()
                self._follower.finish()
        except OSError as error:
            raise InfrastructureError(
                f"run {plan.run} cannot go on: {error.strerror}: {error.filename or directory.path}"
            ) from error


def _send_signal(directory: RunDirectory, number: signal.Signals) -> bool:
    """Send the run's process a signal; False where it has none."""
    owner = directory.find_owner()
    if owner is None:
        return False
    os.kill(owner, number)
    return True


@contextmanager
def _interruptible(local_run: LocalRun) -> Iterator[None]:
    """Ctrl-C, a hang-up and SIGTERM end the run in good order; a second one is for the impatient."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, frame: object) -> None:
        if local_run.is_interrupted:
            raise RunError("interrupted twice: what ran was left; fw restart ends it and goes on")
        local_run.interrupt()

    def hold(number: int, frame: object) -> None:
        local_run.is_held = number == HOLD

    before = {number: signal.signal(number, interrupt) for number in numbers}
    before |= {number: signal.signal(number, hold) for number in (HOLD, RELEASE)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
