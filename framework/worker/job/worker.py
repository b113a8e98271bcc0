"""The worker: runs jobs, one after another, as it is told on standard input; answers on standard output.

An order is a JSON line {shard, offset, queue, aside, skip, tries, wanted, known, gpus}; an answer a JSON line
{job, queue, status, finished, failed, stored, reason, want, broken}, where broken is the label of software that cannot
be made ready. Both pipes are private to the engine and its worker. A worker ends when its input ends, at SIGTERM after
what runs has been asked to end and has been recorded, and with its engine.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading

from framework.worker.files.transfer import Checksum
from framework.worker.job.call import CallExecution
from framework.worker.job.job_context import INFRASTRUCTURE, JobContext, WorkerTools
from framework.worker.job.spec import CallSpec, JobSpec, read_job
from framework.worker.job.work_directory import WorkDirectory
from framework.worker.journal.facts import JobExecution, job_end, job_start, message
from framework.worker.journal.journal import Journal
from framework.worker.programs.limits import GRACE
from framework.worker.programs.programs import Programs
from framework.worker.programs.warden import SLOTS, Warden, adopt_orphans, die_with_parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class WorkOrder:
    """What a worker is told to do, and how far an earlier execution of the job came."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.shard: str = data["shard"]
        self.offset: int = data["offset"]
        self.queue: str = data["queue"]
        #: Where the job's directory is put when the job fails.
        self.aside: str = data["aside"]
        self.skip = frozenset(data.get("skip", ()))
        self.tries: dict[str, int] = data.get("tries", {})
        #: How often each call was ended for want of memory and of time.
        self.wanted: dict[str, dict[str, int]] = data.get("wanted", {})
        self.known = {path: Checksum(*found) for path, found in data.get("known", {}).items()}
        self.gpus: list[int] = data.get("gpus", [])


class JobResult:
    """How the calls of a job went."""

    def __init__(self) -> None:
        self.status = 0
        self.reason = ""
        #: Call and what it had too little of, for the first that failed for that.
        self.exceeded: tuple[int, str] | None = None
        self.finished: list[int] = []
        self.failed: list[int] = []
        self.stored: dict[str, Checksum] = {}
        #: Label of software that could not be made ready.
        self.broken = ""
        self._lock = threading.Lock()

    def add(self, call: CallExecution, number: int, status: int) -> None:
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


def run_job(bench: JobContext, order: WorkOrder) -> JobResult:
    """Run the job's calls, one module after another; the first failure ends it."""
    job, place, journal = bench.job, bench.workplace, bench.journal
    place.prepare(path for call in job.calls for path in call.job_paths)
    os.chdir(place.root)
    execution = JobExecution(job.number, order.queue)
    journal.write(job_start(execution, block=job.block, keys=job.keys, calls=len(job.calls), root=place.root))
    result = JobResult()
    try:
        _run_stages(bench, order, result)
    finally:
        bench.process.end()
    junk = _junk(bench, order, result) if job.junk else None
    if result.status:
        for left in _not_run(job, order, result):
            journal.write(message(2, left, about=execution))
        os.chdir("/")
        place.set_aside(order.aside)
        journal.write(message(3, f"what the job left is kept in {order.aside}", about=execution))
    else:
        place.clear()
    journal.write(job_end(execution, result.status, [junk] if junk else []))
    return result


def _junk(bench: JobContext, order: WorkOrder, result: JobResult) -> dict[str, Any] | None:
    """Keep what is left in the job's directory; of a job that failed, also what it did not come to store."""
    from framework.worker.job.leftovers import keep_junk  # few runs want it

    job = bench.job
    declared = {file.job_path for call in job.calls for file in (*call.inputs, *call.outputs)}
    if result.status:
        declared -= {file.job_path for call in job.calls for file in call.outputs if file.path not in bench.made}
    declared |= {one.job_path for call in job.calls for one in call.lists}
    number = 1 + max(order.tries.values(), default=0)
    tried = "" if number == 1 else f"_try{number}"
    name = f"{job.junk}/junk_j{job.number:04d}_{job.run}{tried}.tar.gz"
    junk = keep_junk(bench.workplace.root, declared, bench.store_root, name)
    return None if junk is None else {**junk, "archive": job.archive}


def _run_stages(bench: JobContext, order: WorkOrder, result: JobResult) -> None:
    """One module after another, until all have run or a call has failed."""
    stages = list(_stages(bench.job, order.skip))
    last = max((number for number, (calls, _) in enumerate(stages) if calls[0].in_process), default=-1)
    for number, (calls, threads) in enumerate(stages):
        _run_calls(bench, calls, threads, order, result)
        if result.status:
            return
        if number == last:
            bench.process.end()  # what it has in memory is not wanted any more


def _not_run(job: JobSpec, order: WorkOrder, result: JobResult) -> Iterator[str]:
    """What a failure leaves undone, in words: a line a module."""
    begun = {*order.skip, *result.finished, *result.failed}
    left: dict[str, list[int]] = {}
    for call in job.calls:
        if call.number not in begun:
            left.setdefault(call.module, []).append(call.number)
    for module, numbers in left.items():
        several = f"{len(numbers)} calls, {numbers[0]} to {numbers[-1]},"
        calls = f"call {numbers[0]}" if len(numbers) == 1 else several
        yield f"{module}: {calls} not run, because call {result.failed[0]} failed"


def _stages(job: JobSpec, skip: frozenset[int]) -> Iterator[tuple[list[CallSpec], int]]:
    """The calls of one module after another, with how many of them may run at a time."""
    stage: list[CallSpec] = []
    for call in job.calls:
        if stage and call.module != stage[-1].module:
            yield stage, _threads(job, stage[0])
            stage = []
        if call.number not in skip:
            stage.append(call)
    if stage:
        yield stage, _threads(job, stage[0])


def _threads(job: JobSpec, call: CallSpec) -> int:
    """The smaller of the module's and the run's limits; one where neither says anything, and for steps of a process."""
    if call.in_process:
        return 1
    return min((limit for limit in (job.max_threads, call.max_threads) if limit), default=1)


def _run_calls(bench: JobContext, calls: list[CallSpec], threads: int, order: WorkOrder, result: JobResult) -> None:
    """Run the calls of a stage, some at a time; what goes wrong in one is raised when all have come to their end."""
    waiting = iter(calls)
    lock = threading.Lock()
    wrong: list[BaseException] = []

    def work() -> None:
        try:
            while not result.status and not wrong:
                with lock:
                    spec = next(waiting, None)
                if spec is None:
                    return
                call = CallExecution(
                    bench, spec, order.tries.get(str(spec.number), 0) + 1, order.wanted.get(str(spec.number))
                )
                result.add(call, spec.number, call.run())
        except BaseException as error:  # noqa: BLE001 (it is raised below, in the thread that can answer for it)
            wrong.append(error)

    others = [threading.Thread(target=work) for _ in range(min(threads, len(calls), SLOTS) - 1)]
    for other in others:
        other.start()
    work()
    for other in others:
        other.join()
    if wrong:
        raise wrong[0]


def main() -> int:
    """Serve orders until there are no more."""
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
    place = WorkDirectory(settings["work"])
    serve = WorkerService(WorkerTools(place, journal, programs, dict(os.environ), settings["images"]))
    for line in sys.stdin.buffer:
        answer = serve.obey(WorkOrder(json.loads(line)))
        sys.stdout.write(json.dumps(answer, separators=(",", ":")) + "\n")
        sys.stdout.flush()
        if programs.stopping:
            break
    journal.close()
    warden.dismiss()
    return 0


class WorkerService:
    """Runs the jobs of one worker, one after another."""

    def __init__(self, tools: WorkerTools) -> None:
        self._tools = tools

    def obey(self, order: WorkOrder) -> dict[str, Any]:
        """Run a job; the answer to the engine."""
        job = read_job(order.shard, order.offset)
        same = {"job": job.number, "queue": order.queue}
        bench = JobContext(job, order.queue, self._tools)
        bench.known = order.known
        bench.gpus = order.gpus
        try:
            result = run_job(bench, order)
        except OSError as error:
            # The journal or the workplace cannot be written: what was done is not on record, and so not done.
            reason = f"{error.strerror}: {error.filename or self._tools.journal.path}"
            self._tools.workplace.give_up(order.aside)
            return {**same, "status": INFRASTRUCTURE, "lost": True, "reason": reason}
        return {
            **same,
            "status": result.status,
            "reason": result.reason,
            "want": result.exceeded,
            "finished": result.finished,
            "failed": result.failed,
            "stored": {path: [found.size, found.sha256] for path, found in result.stored.items()},
            **({"broken": result.broken} if result.broken else {}),
        }


def stop(programs: Programs) -> None:
    """Ask what runs to end; what has not ended after the grace is ended."""
    programs.stop()
    alarm = threading.Timer(GRACE, programs.kill)
    alarm.daemon = True
    alarm.start()


if __name__ == "__main__":
    sys.exit(main())
