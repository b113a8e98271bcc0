"""The local engine: a run on this machine, by worker processes that stay, one a slot."""

from __future__ import annotations

import os
import selectors
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from framework.engines import Outcome
from framework.engines.directory import PlannedJob, PlannedRun, RunDirectory
from framework.engines.fence import fence
from framework.engines.growth import for_worker, may_grow, memory_mb
from framework.engines.history import History, finished_calls, forget_what_is_gone, job_is_done, read_history
from framework.engines.loss import OpenCall, close_calls, open_calls
from framework.engines.presence import check_presence
from framework.engines.schedule import Capacity, Schedule
from framework.engines.workers import Worker
from framework.errors import InfrastructureError, RunError
from framework.job.call import INFRASTRUCTURE
from framework.job.journal import Journal, read_facts

#: How often a job is given to another worker when not the program but its surroundings failed.
INFRASTRUCTURE_RETRIES = 2
#: What a run ends with when it was interrupted, as the registry has it.
INTERRUPTED = 5


class Watcher(Protocol):
    """Is told what happens, to show it."""

    def begun(self, plan: PlannedRun, done: int) -> None: ...
    def started(self, job: PlannedJob) -> None: ...
    def ended(self, job: PlannedJob, status: int, reason: str, again: bool) -> None: ...
    def tick(self) -> None: ...


class Follower(Protocol):
    """Takes the journals into the registry while the run goes on."""

    def begin(self) -> None: ...
    def finish(self) -> None: ...
    def catch_up(self) -> None: ...


class LocalEngine:
    """Runs on this machine, in the foreground."""

    def __init__(self, slots: int, watcher: Watcher, follower: Follower) -> None:
        self._slots = slots
        self._watcher = watcher
        self._follower = follower

    def prepare(self, directory: RunDirectory) -> None:
        """Refuse a run whose programs, or what they run in, are not on this machine."""
        plan = directory.read()
        check_presence(plan.programs, plan.software)

    def submit(self, directory: RunDirectory) -> Outcome:
        with _held(directory):
            return self._run(directory, History())

    def restart(self, directory: RunDirectory) -> Outcome:
        with _held(directory):
            fence(str(directory.path))
            directory.set_work_aside()
            plan = directory.read()
            history = read_history(directory.journal, plan)
            forget_what_is_gone(history, plan)
            if not history.open_jobs and all(job_is_done(job, history) for job in plan.jobs.values()):
                self._follower.catch_up()
                return Outcome(status=0, jobs=len(plan.jobs), done=len(plan.jobs), failed=0, skipped=0)
            return self._run(directory, history)

    def cancel(self, directory: RunDirectory) -> bool:
        owner = directory.owner()
        if owner is None:
            return False
        os.kill(owner, signal.SIGTERM)
        return True

    def _run(self, directory: RunDirectory, history: History) -> Outcome:
        plan = directory.read()
        try:
            drive = Drive(directory, plan, history, self._slots, self._watcher)
            self._follower.begin()
            try:
                with _interruptible(drive):
                    return drive.run()
            finally:
                drive.end()
                self._follower.finish()
        except OSError as error:
            raise InfrastructureError(
                f"run {plan.run} cannot go on: {error.strerror}: {error.filename or directory.path}"
            ) from error


class Drive:
    """One execution of a run, from its first job to its last."""

    def __init__(
        self, directory: RunDirectory, plan: PlannedRun, history: History, slots: int, watcher: Watcher
    ) -> None:
        self._directory = directory
        self._plan = plan
        self._history = history
        self._watcher = watcher
        self._journal = Journal(
            str(directory.journal), f"engine-{history.start}", run=plan.run, attempt=plan.attempt, start=history.start
        )
        done = frozenset(job.number for job in plan.jobs.values() if job_is_done(job, history))
        slots = max(1, min(slots, len(plan.jobs) - len(done)))
        self._schedule = Schedule(plan, Capacity(slots, machine_memory_mb(), plan.gpus), done)
        for job in plan.jobs.values() if history.wanted else ():
            self._schedule.grow(job.number, memory_mb(job, history))
        self._free = [Worker(directory, plan.run, plan.attempt, history.start, slot) for slot in range(slots)]
        self._busy: dict[int, Worker] = {}
        self._selector = selectors.DefaultSelector()
        self._queued = 0
        self._blocks: set[int] = set()
        self._infrastructure: Counter[int] = Counter()
        self._science: Counter[int] = Counter()
        self._reasons: list[str] = []
        self._status: int | None = None
        #: Set by a signal: nothing is started any more.
        self.interrupted = False

    def run(self) -> Outcome:
        """Run all that can be run."""
        self._journal.write("attempt.start")
        if not self._history.start:
            self._journal.write("attempt.files", files=self._directory.keep_plan(self._plan))
        self._close(self._history.open_calls, "the run was killed")
        for job, queue in sorted(self._history.open_jobs):
            self._journal.write("job.lost", job=job, queue=queue, reason="the run was killed")
        self._watcher.begun(self._plan, len(self._schedule.done))
        while True:
            self._start_what_may()
            if not self._busy:
                break
            for key, _ in self._selector.select(timeout=0.5):
                self._take_answer(key.data)
            self._watcher.tick()
        outcome = self._outcome()
        self._status = outcome.status
        return outcome

    def end(self) -> None:
        """The last facts; workers go home."""
        for worker in [*self._free, *self._busy.values()]:
            worker.dismiss()
        self._journal.write("attempt.end", status=1 if self._status is None else self._status)
        self._journal.close()
        self._selector.close()

    def interrupt(self) -> None:
        """Ask what runs to end, and start nothing more."""
        self.interrupted = True
        for worker in self._busy.values():
            worker.terminate()

    def _start_what_may(self) -> None:
        while self._free and not self.interrupted:
            job = self._schedule.next()
            if job is None:
                return
            worker = self._free.pop()
            self._start(job, worker)

    def _start(self, job: PlannedJob, worker: Worker) -> None:
        if job.block not in self._blocks:
            self._blocks.add(job.block)
            self._journal.write("block.start", block=job.block)
        self._queued += 1
        queue = f"{self._history.start}.{self._queued}"
        self._journal.write("job.queue", job=job.number, queue=queue, block=job.block)
        self._busy[job.number] = worker
        self._selector.register(worker.answers, selectors.EVENT_READ, worker)
        self._watcher.started(job)
        worker.order(self._order(job, queue), job.number)

    def _order(self, job: PlannedJob, queue: str) -> dict[str, Any]:
        name = f"j{job.number:04d}-{queue}"
        known = self._history.known
        skip = finished_calls(job, self._history)
        order: dict[str, Any] = {
            "shard": str(self._directory.plan / job.shard),
            "offset": job.offset,
            "queue": queue,
            "aside": str(self._directory.failed / name),
            "known": {path: known[path] for call in job.calls for path in call.inputs if path in known},
        }
        if gpus := self._schedule.gpus.get(job.number):
            order["gpus"] = gpus
        if skip:
            order["skip"] = sorted(skip)
        tries = {str(call.number): n for call in job.calls if (n := self._history.tries[call.number])}
        if tries:
            order["tries"] = tries
        if wanted := for_worker(job, self._history):
            order["wanted"] = wanted
        return order

    def _take_answer(self, worker: Worker) -> None:
        answer = worker.answer()
        self._selector.unregister(worker.answers)
        job = self._plan.jobs[worker.job]
        del self._busy[job.number]
        if answer is None:
            answer = self._lost(job, worker, f"its worker died: {worker.bury()}")
        elif answer.get("lost"):
            self._lost(job, worker, answer["reason"])
        self._free.append(worker)
        self._note(job, answer)

    def _lost(self, job: PlannedJob, worker: Worker, reason: str) -> dict[str, Any]:
        # A worker that was killed before it began has written nothing.
        told = read_facts(worker.journal) if os.path.exists(worker.journal) else ()
        facts = [fact for fact in told if fact.get("queue") == worker.queue]
        self._history.take(facts)
        self._close(open_calls(facts), reason)
        self._journal.write("job.lost", job=job.number, queue=worker.queue, reason=reason)
        return {"status": INFRASTRUCTURE, "reason": reason}

    def _close(self, calls: Iterable[OpenCall], reason: str) -> None:
        close_calls(calls, self._journal, self._plan.archive, self._plan.archive_root, reason)

    def _note(self, job: PlannedJob, answer: dict[str, Any]) -> None:
        stored = {path: (size, sha256) for path, (size, sha256) in answer.get("stored", {}).items()}
        for number in answer.get("finished", ()):
            self._history.mark_finished(number, stored)
            self._history.tries[number] += 1
        for number in answer.get("failed", ()):
            self._history.tries[number] += 1
        status, broken = answer["status"], answer.get("broken", "")
        want = self._take_want(answer)
        again = bool(status) and not broken and not self.interrupted and self._may_try_again(job, status, want)
        self._watcher.ended(job, status, answer.get("reason", ""), again)
        if status == 0:
            if self._schedule.ended(job.number):
                self._journal.write("block.end", block=job.block, status=0)
        elif again:
            self._schedule.again(job.number, memory_mb(job, self._history))
        else:
            self._schedule.gave_up(job.number)
            reason = f"job {job.number} ({_modules(job)}): {answer.get('reason', '')}"
            # What fails here fails for all jobs on this machine: one of them is enough to say so.
            if not broken:
                self._reasons.append(reason)
            elif self._schedule.withhold(broken):
                self._reasons.append(f"{reason}; no job that needs it is begun any more")

    def _take_want(self, answer: dict[str, Any]) -> str:
        """What a call had too little of, which is remembered; empty where that was not why."""
        if not answer.get("want"):
            return ""
        number, want = answer["want"]
        self._history.wanted[number, want] += 1
        return str(want)

    def _may_try_again(self, job: PlannedJob, status: int, want: str) -> bool:
        if want and may_grow(job, self._history, want):
            return True
        counted, most = (
            (self._infrastructure, INFRASTRUCTURE_RETRIES)
            if status == INFRASTRUCTURE
            else (self._science, job.max_retries)
        )
        counted[job.number] += 1
        return counted[job.number] <= most

    def _outcome(self) -> Outcome:
        schedule = self._schedule
        for block in sorted(self._blocks & {self._plan.jobs[number].block for number in schedule.failed}):
            self._journal.write("block.end", block=block, status=1)
        status = INTERRUPTED if self.interrupted else 1 if schedule.failed or schedule.skipped else 0
        return Outcome(
            status=status,
            jobs=len(self._plan.jobs),
            done=len(schedule.done),
            failed=len(schedule.failed),
            skipped=schedule.skipped,
            reasons=tuple(self._reasons),
        )


def machine_memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def _modules(job: PlannedJob) -> str:
    return ", ".join(dict.fromkeys(call.module for call in job.calls))


@contextmanager
def _held(directory: RunDirectory) -> Iterator[None]:
    held = directory.lock()
    try:
        yield
    finally:
        os.close(held)


@contextmanager
def _interruptible(drive: Drive) -> Iterator[None]:
    """Ctrl-C, a hang-up and SIGTERM end the run in good order; a second one is for the impatient."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number: int, frame: object) -> None:
        if drive.interrupted:
            raise RunError("interrupted twice: what ran was left; fw restart ends it and goes on")
        drive.interrupt()

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
