"""A drive: one execution of a run on this machine, by worker processes that stay, one a slot."""

from __future__ import annotations

import os
import selectors
from collections import Counter
from collections.abc import Iterable
from typing import Any, Protocol

from framework.engines.engine import RunResult
from framework.engines.history import RunHistory, calls_to_skip, job_is_done
from framework.engines.local.schedule import Capacity, Schedule
from framework.engines.local.workers import Worker
from framework.engines.lost_calls import close_calls
from framework.engines.resource_steps import exceeded_by_call, has_further_step, requested_memory_mb
from framework.engines.run_directory import RunDirectory
from framework.engines.staged_inputs import AwaitedFiles
from framework.engines.subcommand import LatePlanner, Stager
from framework.model.run import PlannedJob, PlannedRun
from framework.output.text import counted
from framework.worker.journal import facts
from framework.worker.journal.facts import JobExecution
from framework.worker.journal.journal import COURSE, Journal, read_facts
from framework.worker.journal.restart_state import OpenCall, fold
from framework.worker.journal.statuses import INFRASTRUCTURE, INTERRUPTED

#: How often a job is given to another worker when not the program but its surroundings failed.
INFRASTRUCTURE_RETRIES = 2


class Watcher(Protocol):
    """Is told what happens, to show it."""

    def begun(self, plan: PlannedRun, done: int) -> None: ...
    def started(self, job: PlannedJob) -> None: ...
    def ended(self, job: PlannedJob, status: int, reason: str, again: bool) -> None: ...
    def planned(self, plan: PlannedRun, block: int) -> None: ...
    def says(self, text: str) -> None: ...
    def tick(self) -> None: ...


class Drive:
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
        self._journal = Journal(
            str(directory.journal), f"engine-{history.start}", run=plan.run, attempt=plan.attempt, start=history.start
        )
        done = frozenset(job.number for job in plan.jobs.values() if job_is_done(job, history))
        self._awaited_files = AwaitedFiles(plan, done)
        #: Brings files that jobs wait for.
        self._stager: Stager | None = None
        slots = slots if plan.late else max(1, min(slots, len(plan.jobs) - len(done)))
        self._schedule = Schedule(
            plan, Capacity(slots, machine_memory_mb(), plan.gpus), done, self._awaited_files.count_by_job
        )
        for job in plan.jobs.values() if history.exceeded else ():
            self._schedule.grow(job.number, requested_memory_mb(job, history))
        self._free = [Worker(directory, plan.run, plan.attempt, history.start, slot) for slot in range(slots)]
        self._busy: dict[int, Worker] = {}
        self._selector = selectors.DefaultSelector()
        self._queued = 0
        self._blocks: set[int] = set()
        self._infrastructure: Counter[int] = Counter()
        self._science: Counter[int] = Counter()
        self._reasons: list[str] = []
        #: Plans the next late block now.
        self._planner: LatePlanner | None = None
        #: A late block could not be planned: nothing behind it can run.
        self._unplannable = False
        self._status: int | None = None
        #: Set by a signal: nothing is started any more.
        self.interrupted = False
        #: Set and taken back by signals: nothing is started meanwhile.
        self.is_held = False

    def run(self) -> RunResult:
        """Run all that can be run."""
        self._journal.write(facts.attempt_start())
        self._record_plan()
        self._close(self._history.open_calls, "the run was killed")
        for job, queue in self._history.open_jobs:
            self._journal.write(facts.job_lost(JobExecution(job, queue), "the run was killed"))
        self._end_blocks()
        self._watcher.begun(self._plan, len(self._schedule.done))
        self._begin_staging()
        while True:
            self._start_what_may()
            is_waiting = self.is_held and not self.interrupted and self._schedule.has_ready
            is_waiting = is_waiting or self._stager is not None
            if not self._busy and not self._planner and not is_waiting and not self._begin_late_block():
                break
            for key, _ in self._selector.select(timeout=0.5):
                if isinstance(key.data, LatePlanner):
                    self._hear(key.data)
                elif isinstance(key.data, Stager):
                    self._take_arrivals(key.data)
                else:
                    self._take_answer(key.data)
            self._watcher.tick()
        outcome = self._outcome()
        self._status = outcome.status
        return outcome

    def end(self) -> None:
        """The last facts; workers go home."""
        for subcommand in filter(None, (self._planner, self._stager)):  # only where something went wrong here
            subcommand.terminate()
            subcommand.wait()
        for worker in [*self._free, *self._busy.values()]:
            worker.dismiss()
        self._journal.write(facts.attempt_end(1 if self._status is None else self._status))
        self._journal.close()
        self._selector.close()

    def interrupt(self) -> None:
        """Ask what runs to end, and start nothing more."""
        self.interrupted = True
        for subcommand in filter(None, (self._planner, self._stager)):
            subcommand.terminate()
        for worker in self._busy.values():
            worker.terminate()

    def _end_blocks(self) -> None:
        """Put the end of blocks on record that had ended when the run was killed, with nobody left to say so."""
        open_blocks = {job.block for number, job in self._plan.jobs.items() if number not in self._schedule.done}
        planned = {job.block for job in self._plan.jobs.values()} | self._plan.planned_late.keys()
        for block in sorted(planned - open_blocks - self._history.ended_blocks):
            self._journal.write(facts.block_end(block, 0))

    # ---- late blocks

    def _record_plan(self) -> None:
        """Put on record what is planned by now, and keep it with the run in the archive, as far as that is not done."""
        for block, modules in self._plan.planned_late.items():
            if block not in self._history.planned_blocks:
                jobs = sum(job.block == block for job in self._plan.jobs.values())
                self._journal.write(facts.block_plan(block, jobs, modules))
                self._history.planned_blocks.add(block)
        if files := self._directory.archive_plan(self._plan, self._history.archived_files):
            self._journal.write(facts.attempt_files(files))
            self._history.archived_files.update(file["path"] for file in files)

    def _begin_late_block(self) -> bool:
        """Have the next late block planned, where all before it has ended well; whether that is under way."""
        schedule = self._schedule
        if not self._plan.late or self.interrupted or self._unplannable or schedule.failed or schedule.skipped:
            return False
        block = self._plan.late[0]
        self._begin_block(block.number)
        self._planner = LatePlanner(self._directory, block.number, self._registry)
        self._selector.register(self._planner.stdout_fd, selectors.EVENT_READ, self._planner)
        self._watcher.says(f"block {block.name}: being planned, now that {block.after} has ended")
        return True

    def _hear(self, planner: LatePlanner) -> None:
        """Pass on what a planner says; at its end, go on with its plan."""
        if (words := planner.read_lines()) is not None:
            for text in words:
                self._watcher.says(text)
            return
        self._selector.unregister(planner.stdout_fd)
        self._planner = None
        if error := planner.wait():
            self._no_plan(planner.block, error)
            return
        self._plan = self._directory.read_plan()
        self._record_plan()
        self._awaited_files = AwaitedFiles(self._plan, self._schedule.done)
        self._schedule.extend(self._plan, self._awaited_files.count_by_job)
        self._begin_staging()
        self._watcher.planned(self._plan, planner.block)
        if not any(job.block == planner.block for job in self._plan.jobs.values()):
            self._journal.write(facts.block_end(planner.block, 0))

    def _no_plan(self, block: int, error: str) -> None:
        if self.interrupted:
            return
        name = self._plan.late[0].name
        self._unplannable = True
        self._reasons.append(f"block {name} could not be planned: {error}")
        self._journal.write(facts.message(1, f"block {name} could not be planned: {error}", block=block))
        self._journal.write(facts.block_end(block, 1))

    # ---- files that come from other archives

    def _begin_staging(self) -> None:
        """Have the files brought that jobs wait for."""
        if not self._awaited_files.archives or self._stager is not None:
            return
        self._stager = Stager(self._directory, self._registry)
        self._selector.register(self._stager.stdout_fd, selectors.EVENT_READ, self._stager)
        for text in self._awaited_files.report_lines():
            self._watcher.says(text)
            self._journal.write(facts.message(COURSE, text))

    def _take_arrivals(self, stager: Stager) -> None:
        """Let the jobs run whose files have come; those whose files cannot come are never begun."""
        if (files := stager.read_files()) is not None:
            for path, error in files:
                jobs = self._awaited_files.remove(path)
                if error:
                    self._complain(f"{path} cannot be staged: {error}")
                    continue
                for number in jobs:
                    self._schedule.arrived(number)
            return
        self._selector.unregister(stager.stdout_fd)
        self._stager = None
        failure = stager.wait()
        if self._awaited_files.archives and not self.interrupted:
            self._complain(
                f"{counted(len(self._awaited_files.archives), 'file')} did not come: {failure or 'no reason was given'}"
            )

    def _complain(self, text: str) -> None:
        self._reasons.append(text)
        self._journal.write(facts.message(1, text))

    # ---- jobs

    def _begin_block(self, block: int) -> None:
        if block not in self._blocks:
            self._blocks.add(block)
            self._journal.write(facts.block_start(block))

    def _start_what_may(self) -> None:
        while self._free and not self.interrupted and not self.is_held:
            job = self._schedule.next()
            if job is None:
                return
            worker = self._free.pop()
            self._start(job, worker)

    def _start(self, job: PlannedJob, worker: Worker) -> None:
        self._begin_block(job.block)
        self._queued += 1
        queue = f"{self._history.start}.{self._queued}"
        self._journal.write(facts.job_queue(JobExecution(job.number, queue), job.block))
        self._busy[job.number] = worker
        self._selector.register(worker.answers, selectors.EVENT_READ, worker)
        self._watcher.started(job)
        worker.order(self._order(job, queue), job.number)

    def _order(self, job: PlannedJob, queue: str) -> dict[str, Any]:
        name = f"j{job.number:04d}-{queue}"
        known = self._history.stored
        skip = calls_to_skip(job, self._history)
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
        if wanted := exceeded_by_call(job, self._history):
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
        found = [fact for fact in told if fact.get("queue") == worker.queue]
        for fact in found:
            self._history.apply(fact)
        self._close(fold(found).open_calls, reason)
        self._journal.write(facts.job_lost(JobExecution(job.number, worker.queue), reason))
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
                self._journal.write(facts.block_end(job.block, 0))
        elif again:
            self._schedule.again(job.number, requested_memory_mb(job, self._history))
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
        self._history.exceeded[number, want] += 1
        return str(want)

    def _may_try_again(self, job: PlannedJob, status: int, want: str) -> bool:
        if want and has_further_step(job, self._history, want):
            return True
        counted, most = (
            (self._infrastructure, INFRASTRUCTURE_RETRIES)
            if status == INFRASTRUCTURE
            else (self._science, job.max_retries)
        )
        counted[job.number] += 1
        return counted[job.number] <= most

    def _outcome(self) -> RunResult:
        schedule = self._schedule
        for block in sorted(self._blocks & {self._plan.jobs[number].block for number in schedule.failed}):
            self._journal.write(facts.block_end(block, 1))
        failed = schedule.failed or schedule.skipped or self._unplannable
        status = INTERRUPTED if self.interrupted else 1 if failed else 0
        return RunResult(
            status=status,
            jobs=len(self._plan.jobs),
            done=len(schedule.done),
            failed=len(schedule.failed),
            skipped=schedule.skipped,
            unplanned_blocks=tuple(block.name for block in self._plan.late),
            reasons=tuple(self._reasons),
        )


def machine_memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20


def _modules(job: PlannedJob) -> str:
    return ", ".join(dict.fromkeys(call.module for call in job.calls))
