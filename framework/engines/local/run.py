"""Local run: one execution of a run on this machine, by worker processes that stay, one a slot."""

from __future__ import annotations

import os
import selectors
from typing import TYPE_CHECKING, Protocol

from framework.engines.engine import RunResult
from framework.engines.history import RunHistory, calls_to_skip, job_is_done
from framework.engines.local.retry_policy import RetryPolicy
from framework.engines.local.run_record import LocalRunRecord
from framework.engines.local.schedule import Capacity, Schedule
from framework.engines.local.staging import Staging
from framework.engines.local.workers import JobAnswer, Worker, lost_answer
from framework.engines.resource_steps import exceeded_by_call, requested_memory_mb
from framework.engines.run_directory import RunDirectory
from framework.engines.subcommand import LatePlanner, Stager
from framework.model.run import PlannedJob, PlannedRun
from framework.output.log import get_logger
from framework.worker.journal.statuses import INTERRUPTED

if TYPE_CHECKING:
    from framework.worker.job.records import LocalOrder

log = get_logger(__name__)


class Watcher(Protocol):
    """Shows a person what happens in a run."""

    def run_started(self, plan: PlannedRun, done: int) -> None: ...
    def job_started(self, job: PlannedJob) -> None: ...
    def job_ended(self, job: PlannedJob, status: int, reason: str, again: bool) -> None: ...
    def block_planned(self, plan: PlannedRun, block: int) -> None: ...
    def show_message(self, text: str) -> None: ...
    def refresh(self) -> None: ...


class LocalRun:
    """One execution of a run, from its first job to its last."""

    def __init__(
        self,
        directory: RunDirectory,
        plan: PlannedRun,
        history: RunHistory,
        slots: int,
        watcher: Watcher,
        registry: str,
    ) -> None:
        self._directory = directory
        self._registry = registry
        self._plan = plan
        self._history = history
        self._watcher = watcher
        self._record = LocalRunRecord(directory, plan, history)
        self._retries = RetryPolicy()
        self._selector = selectors.DefaultSelector()
        self._staging = Staging(directory, registry, self._selector)
        done = frozenset(job.number for job in plan.jobs.values() if job_is_done(job, history))
        slots = slots if plan.late else max(1, min(slots, len(plan.jobs) - len(done)))
        capacity = Capacity(slots, machine_memory_mb(), plan.gpus)
        self._schedule = Schedule(plan, capacity, done, self._staging.find_awaited(plan, done))
        for job in plan.jobs.values() if history.exceeded else ():
            self._schedule.set_memory(job.number, requested_memory_mb(job, history))
        self._free = [Worker(directory, plan.run, plan.attempt, history.start, slot) for slot in range(slots)]
        self._busy: dict[int, Worker] = {}
        self._reasons: list[str] = []
        #: Plans the next late block now.
        self._planner: LatePlanner | None = None
        #: A late block could not be planned: nothing behind it can run.
        self._is_unplannable = False
        self._status: int | None = None
        #: Set by a signal: nothing is started any more.
        self.is_interrupted = False
        #: Set and taken back by signals: nothing is started meanwhile.
        self.is_held = False

    def run(self) -> RunResult:
        """Run all that can be run."""
        log.info(
            "%s: %d of %d jobs are done", "restarted" if self._history.start else "started",
            len(self._schedule.done), len(self._plan.jobs), extra=self._fields(),
        )  # fmt: skip
        self._record.begin(self._schedule.done)
        self._watcher.run_started(self._plan, len(self._schedule.done))
        self._begin_staging()
        while self._start_jobs():
            for key, _ in self._selector.select(timeout=0.5):
                if isinstance(key.data, LatePlanner):
                    self._read_planner(key.data)
                elif isinstance(key.data, Stager):
                    self._read_stager()
                else:
                    self._read_worker(key.data)
            self._watcher.refresh()
        self._record.end_failed_blocks(self._schedule.failed)
        result = self._result()
        self._status = result.status
        return result

    def end(self) -> None:
        """Record the end and dismiss the workers."""
        for subcommand in filter(None, (self._planner, self._staging.stager)):  # only where something went wrong here
            subcommand.terminate()
            subcommand.wait()
        for worker in [*self._free, *self._busy.values()]:
            worker.dismiss()
        status = 1 if self._status is None else self._status
        self._record.end(status)
        self._selector.close()
        log.info("ended with status %d", status, extra=self._fields())

    def interrupt(self) -> None:
        """Ask what runs to end, and start nothing more."""
        self.is_interrupted = True
        for subcommand in filter(None, (self._planner, self._staging.stager)):
            subcommand.terminate()
        for worker in self._busy.values():
            worker.terminate()

    def _fields(self, job: PlannedJob | None = None, block: str = "") -> dict[str, object]:
        """Return the fields of a log record."""
        return {"run": self._plan.run, "job": job.number if job else "", "block": block}

    # ---- late blocks

    def _begin_late_block(self) -> bool:
        """Have the next late block planned if all before it has ended well; return whether that is under way."""
        schedule = self._schedule
        if not self._plan.late or self.is_interrupted or self._is_unplannable or schedule.failed or schedule.skipped:
            return False
        block = self._plan.late[0]
        self._record.begin_block(block.number)
        self._planner = LatePlanner(self._directory, block.number, self._registry)
        self._selector.register(self._planner.stdout_fd, selectors.EVENT_READ, self._planner)
        self._watcher.show_message(f"block {block.name}: being planned, now that {block.after} has ended")
        log.info("planning begins", extra=self._fields(block=block.name))
        return True

    def _read_planner(self, planner: LatePlanner) -> None:
        """Pass on the output of a planner; at its end, go on with its plan."""
        if (lines := planner.read_lines()) is not None:
            for line in lines:
                self._watcher.show_message(line)
            return
        self._selector.unregister(planner.stdout_fd)
        self._planner = None
        if error := planner.wait():
            self._give_block_up(planner.block, error)
            return
        self._plan = self._directory.read_plan()
        self._record.add_plan(self._plan)
        self._schedule.extend(self._plan, self._staging.find_awaited(self._plan, self._schedule.done))
        self._begin_staging()
        self._watcher.block_planned(self._plan, planner.block)
        log.info("block %d is planned", planner.block, extra=self._fields())
        if not any(job.block == planner.block for job in self._plan.jobs.values()):
            self._record.end_block(planner.block, 0)

    def _give_block_up(self, block: int, error: str) -> None:
        if self.is_interrupted:
            return
        self._is_unplannable = True
        text = f"block {self._plan.late[0].name} could not be planned: {error}"
        log.error(text, extra=self._fields())
        self._reasons.append(text)
        self._record.write_error(text, block)
        self._record.end_block(block, 1)

    # ---- files of other archives

    def _begin_staging(self) -> None:
        """Have the files staged that jobs wait for."""
        for line in self._staging.begin():
            self._watcher.show_message(line)
            self._record.write_message(line)
            log.info(line, extra=self._fields())

    def _read_stager(self) -> None:
        """Let jobs run whose files have come; those whose files cannot come are never started."""
        ready, errors = self._staging.read_ready_jobs()
        for number in ready:
            self._schedule.file_arrived(number)
        if self.is_interrupted and self._staging.stager is None:
            return  # it was ended, and its files are missing for that
        for error in errors:
            log.error(error, extra=self._fields())
            self._reasons.append(error)
            self._record.write_error(error)

    # ---- jobs

    def _start_jobs(self) -> bool:
        """Start what may run now; return whether anything runs or is waited for."""
        while self._may_start and (job := self._schedule.start_next()):
            self._start(job, self._free.pop())
        is_waiting = self.is_held and not self.is_interrupted and self._schedule.has_ready
        is_waiting = is_waiting or self._staging.stager is not None
        return bool(self._busy or self._planner or is_waiting or self._begin_late_block())

    @property
    def _may_start(self) -> bool:
        # A signal may interrupt the run between two starts.
        return bool(self._free) and not self.is_interrupted and not self.is_held

    def _start(self, job: PlannedJob, worker: Worker) -> None:
        execution_id = self._record.queue_job(job)
        self._busy[job.number] = worker
        self._selector.register(worker.answer_fd, selectors.EVENT_READ, worker)
        self._watcher.job_started(job)
        worker.send_order(self._order(job, execution_id), job.number)

    def _order(self, job: PlannedJob, execution_id: str) -> LocalOrder:
        """Return the order by which a worker runs a job (framework/worker/job/worker.py)."""
        history = self._history
        order: LocalOrder = {
            "shard": str(self._directory.plan / job.shard),
            "offset": job.offset,
            "queue": execution_id,
            "aside": str(self._directory.failed / f"j{job.number:04d}-{execution_id}"),
            "known": {
                path: history.stored[path] for call in job.calls for path in call.inputs if path in history.stored
            },
        }
        if gpus := self._schedule.gpus.get(job.number):
            order["gpus"] = gpus
        if skip := calls_to_skip(job, history):
            order["skip"] = sorted(skip)
        if tries := {str(call.number): n for call in job.calls if (n := history.tries[call.number])}:
            order["tries"] = tries
        if exceeded := exceeded_by_call(job, history):
            order["wanted"] = exceeded
        return order

    def _read_worker(self, worker: Worker) -> None:
        """Read the answer of a worker and decide what becomes of its job."""
        answer = worker.read_answer()
        self._selector.unregister(worker.answer_fd)
        job = self._plan.jobs[worker.job]
        del self._busy[job.number]
        if answer is None or answer.is_lost:
            reason = f"its worker died: {worker.reap()}" if answer is None else answer.reason
            log.warning("lost: %s", reason, extra=self._fields(job))
            self._record.lose_job(job, worker, reason)
            answer = answer or lost_answer(reason)
        self._free.append(worker)
        self._apply_answer(job, answer)

    def _apply_answer(self, job: PlannedJob, answer: JobAnswer) -> None:
        self._history.add_answer(answer.finished, answer.failed, answer.stored, answer.exceeded)
        exceeded = answer.exceeded[1] if answer.exceeded else None
        is_retried = (
            answer.status != 0 and not answer.broken_software and not self.is_interrupted
            and self._retries.may_retry(job, answer.status, exceeded, self._history)
        )  # fmt: skip
        self._watcher.job_ended(job, answer.status, answer.reason, is_retried)
        if answer.status == 0:
            if self._schedule.finish(job.number):
                self._record.end_block(job.block, 0)
                log.info("block %d has ended", job.block, extra=self._fields())
        elif is_retried:
            memory_mb = requested_memory_mb(job, self._history)
            self._schedule.requeue(job.number, memory_mb)
            more = f" with more {exceeded}" if exceeded else ""
            log.warning("tried again%s: %s", more, answer.reason, extra=self._fields(job))
        else:
            self._give_job_up(job, answer)

    def _give_job_up(self, job: PlannedJob, answer: JobAnswer) -> None:
        log.error("failed: %s", answer.reason, extra=self._fields(job))
        self._schedule.fail(job.number)
        reason = f"job {job.number} ({_modules(job)}): {answer.reason}"
        # Software that is broken fails all jobs on this machine that need it: it is reported once.
        if not answer.broken_software:
            self._reasons.append(reason)
        elif self._schedule.exclude_software(answer.broken_software):
            self._reasons.append(f"{reason}; no job that needs it is begun any more")

    def _result(self) -> RunResult:
        schedule = self._schedule
        failed = schedule.failed or schedule.skipped or self._is_unplannable
        return RunResult(
            status=INTERRUPTED if self.is_interrupted else 1 if failed else 0,
            jobs=len(self._plan.jobs),
            done=len(schedule.done),
            failed=len(schedule.failed),
            skipped=schedule.skipped,
            unplanned_blocks=tuple(block.name for block in self._plan.late),
            reasons=tuple(self._reasons),
        )


def machine_memory_mb() -> int:
    """Return the memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def _modules(job: PlannedJob) -> str:
    return ", ".join(dict.fromkeys(call.module for call in job.calls))
