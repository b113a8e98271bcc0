"""Worker: runs jobs one after another, by orders on standard input; answers on standard output.

An order is a JSON line {shard, offset, queue, aside, skip, tries, wanted, known, gpus}; an answer a JSON line
{job, queue, status, finished, failed, stored, reason, want, broken}, where broken is the label of software that cannot
be made ready. Both pipes are private to the engine and its worker. A worker ends when its input ends, at SIGTERM after
its programs have ended and are recorded, and with its engine.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from framework.worker.files.transfer import Checksum
from framework.worker.job.call import CallExecution
from framework.worker.job.job_context import JobContext, WorkerTools
from framework.worker.job.spec import CallSpec, JobSpec, read_job
from framework.worker.job.work_directory import WorkDirectory
from framework.worker.journal.facts import JobExecution, job_end, job_start, message
from framework.worker.journal.journal import Journal
from framework.worker.journal.message_level import MessageLevel
from framework.worker.journal.statuses import INFRASTRUCTURE
from framework.worker.programs.limits import GRACE
from framework.worker.programs.programs import Programs
from framework.worker.programs.warden import SLOTS, Warden, adopt_orphans, die_with_parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from framework.worker.job.records import Answer, LocalOrder


class WorkOrder:
    """Order to run a job, with the state that earlier executions of it left."""

    def __init__(self, data: LocalOrder) -> None:
        self.shard: str = data["shard"]
        self.offset: int = data["offset"]
        self.execution_id: str = data["queue"]
        #: Directory to which the job's directory is moved if the job fails.
        self.aside: str = data["aside"]
        #: Finished calls.
        self.skip = frozenset(data.get("skip", ()))
        #: Call number, as text, to how often it was tried before.
        self.tries: dict[str, int] = data.get("tries", {})
        #: Call number, as text, to how often it exceeded memory and time.
        self.exceeded: Mapping[str, Mapping[str, int]] = data.get("wanted", {})
        #: Checksums, by archive path, of files that other jobs of the run made.
        self.known = {path: Checksum(*found) for path, found in data.get("known", {}).items()}
        self.gpus: list[int] = data.get("gpus", [])


class JobResult:
    """Results of the calls of a job."""

    def __init__(self) -> None:
        self.status = 0
        self.reason = ""
        #: Number of the first call that exceeded MEMORY or TIME, and which of them.
        self.exceeded: tuple[int, str] | None = None
        self.finished: list[int] = []
        self.failed: list[int] = []
        self.stored: dict[str, Checksum] = {}
        #: Label of software that cannot be made ready.
        self.broken = ""
        self._lock = threading.Lock()

    def add(self, call: CallExecution, number: int, status: int) -> None:
        """Add the result of one call."""
        with self._lock:
            if status == 0:
                self.finished.append(number)
                self.stored.update(call.stored)
            else:
                self.failed.append(number)
                self.status = self.status or status
                self.reason = self.reason or call.reason
                self.broken = self.broken or call.broken
                self.exceeded = self.exceeded or ((number, call.exceeded) if call.exceeded else None)


def run_job(context: JobContext, order: WorkOrder) -> JobResult:
    """Run the job's calls, one module after another, until all have run or one has failed."""
    job, work_dir, journal = context.job, context.work_dir, context.journal
    work_dir.prepare(path for call in job.calls for path in call.job_paths)
    os.chdir(work_dir.root)
    execution = JobExecution(job.number, order.execution_id)
    journal.write(job_start(execution, block=job.block, keys=job.keys, calls=len(job.calls), root=work_dir.root))
    result = JobResult()
    try:
        _run_stages(context, order, result)
    finally:
        context.process.end()
    junk = _store_junk(context, order, result) if job.junk else None
    if result.status:
        for text in _calls_not_run(job, order, result):
            journal.write(message(MessageLevel.WARNING, text, about=execution))
        os.chdir("/")
        work_dir.set_aside(order.aside)
        journal.write(message(MessageLevel.INFORMATION, f"what the job left is kept in {order.aside}", about=execution))
    else:
        work_dir.clear()
    journal.write(job_end(execution, result.status, [junk] if junk else []))
    return result


def _store_junk(context: JobContext, order: WorkOrder, result: JobResult) -> dict[str, Any] | None:
    """Store undeclared files of the job; after a failure, also outputs that were not stored; return their record."""
    from framework.worker.job.leftovers import keep_junk  # few runs keep junk

    job = context.job
    declared = _declared_paths(job)
    if result.status:
        declared -= {file.job_path for call in job.calls for file in call.outputs if file.path not in context.made}
    try_number = 1 + max(order.tries.values(), default=0)
    suffix = "" if try_number == 1 else f"_try{try_number}"
    name = f"{job.junk}/junk_j{job.number:04d}_{job.run}{suffix}.tar.gz"
    junk = keep_junk(context.work_dir.root, declared, context.store_root, name)
    return None if junk is None else {**junk, "archive": job.archive}


def _declared_paths(job: JobSpec) -> set[str]:
    """Return the paths in the job's directory that its calls declare."""
    files = {file.job_path for call in job.calls for file in (*call.inputs, *call.outputs)}
    return files | {one.job_path for call in job.calls for one in call.lists}


def _run_stages(context: JobContext, order: WorkOrder, result: JobResult) -> None:
    """Run one module after another, until all have run or a call has failed."""
    stages = list(_stages(context.job, order.skip))
    last = max((number for number, (calls, _) in enumerate(stages) if calls[0].in_process), default=-1)
    for number, (calls, threads) in enumerate(stages):
        _run_calls(context, calls, threads, order, result)
        if result.status:
            return
        if number == last:
            context.process.end()  # no later call reads objects in its memory


def _calls_not_run(job: JobSpec, order: WorkOrder, result: JobResult) -> Iterator[str]:
    """Yield a line a module about calls that a failure kept from running."""
    started = {*order.skip, *result.finished, *result.failed}
    by_module: dict[str, list[int]] = {}
    for call in job.calls:
        if call.number not in started:
            by_module.setdefault(call.module, []).append(call.number)
    for module, numbers in by_module.items():
        several = f"{len(numbers)} calls, {numbers[0]} to {numbers[-1]},"
        calls = f"call {numbers[0]}" if len(numbers) == 1 else several
        yield f"{module}: {calls} not run, because call {result.failed[0]} failed"


def _stages(job: JobSpec, skip: frozenset[int]) -> Iterator[tuple[list[CallSpec], int]]:
    """Yield the calls of one module after another, with how many of them may run at a time."""
    stage: list[CallSpec] = []
    for call in job.calls:
        if stage and call.module != stage[-1].module:
            yield stage, _thread_count(job, stage[0])
            stage = []
        if call.number not in skip:
            stage.append(call)
    if stage:
        yield stage, _thread_count(job, stage[0])


def _thread_count(job: JobSpec, call: CallSpec) -> int:
    """Return the smaller of the limits of module and block; 1 without limits, and for steps of the shared process."""
    if call.in_process:
        return 1
    return min((limit for limit in (job.max_threads, call.max_threads) if limit), default=1)


def _run_calls(context: JobContext, calls: list[CallSpec], threads: int, order: WorkOrder, result: JobResult) -> None:
    """Run the calls of a stage, some at a time; raise the first exception when all have ended."""
    waiting = iter(calls)
    lock = threading.Lock()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            while not result.status and not errors:
                with lock:
                    spec = next(waiting, None)
                if spec is None:
                    return
                call = CallExecution(
                    context, spec, order.tries.get(str(spec.number), 0) + 1, order.exceeded.get(str(spec.number))
                )
                result.add(call, spec.number, call.run())
        except BaseException as error:  # noqa: BLE001 (raised below, in the thread of the job)
            errors.append(error)

    others = [threading.Thread(target=work) for _ in range(min(threads, len(calls), SLOTS) - 1)]
    for other in others:
        other.start()
    work()
    for other in others:
        other.join()
    if errors:
        raise errors[0]


def main() -> int:
    """Run the jobs of orders until there are no more orders."""
    settings = json.loads(sys.argv[1])
    die_with_parent(settings["engine"])
    adopt_orphans()
    warden = Warden()
    programs = Programs(warden)
    signal.signal(signal.SIGTERM, lambda number, frame: stop(programs))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    journal = Journal(
        settings["journal"], settings["name"], run=settings["run"], attempt=settings["attempt"], start=settings["start"]
    )
    work_dir = WorkDirectory(settings["work"])
    service = WorkerService(WorkerTools(work_dir, journal, programs, dict(os.environ), settings["images"]))
    for line in sys.stdin.buffer:
        answer = service.run(WorkOrder(json.loads(line)))
        sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
        sys.stdout.flush()
        if programs.stopping:
            break
    journal.close()
    warden.dismiss()
    return 0


class WorkerService:
    """Runner of the jobs of one worker, one after another."""

    def __init__(self, tools: WorkerTools) -> None:
        self._tools = tools

    def run(self, order: WorkOrder) -> Answer:
        """Run a job; return the answer to the engine."""
        job = read_job(order.shard, order.offset)
        context = JobContext(job, order.execution_id, self._tools)
        context.known = order.known
        context.gpus = order.gpus
        try:
            result = run_job(context, order)
        except OSError as error:
            # Journal or directory cannot be written: what was done is not recorded, and therefore counts as not done.
            reason = f"{error.strerror}: {error.filename or self._tools.journal.path}"
            self._tools.work_dir.give_up(order.aside)
            return {"job": job.number, "queue": order.execution_id, "status": INFRASTRUCTURE, "lost": True,
                    "reason": reason}  # fmt: skip
        answer: Answer = {
            "job": job.number,
            "queue": order.execution_id,
            "status": result.status,
            "reason": result.reason,
            "want": result.exceeded,
            "finished": result.finished,
            "failed": result.failed,
            "stored": {path: (found.size, found.sha256) for path, found in result.stored.items()},
        }
        if result.broken:
            answer["broken"] = result.broken
        return answer


def stop(programs: Programs) -> None:
    """Ask all programs to end, and end them after the grace."""
    programs.stop()
    alarm = threading.Timer(GRACE, programs.kill)
    alarm.daemon = True
    alarm.start()


if __name__ == "__main__":
    sys.exit(main())
