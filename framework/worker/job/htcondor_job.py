"""Job on an HTCondor pool: one process a job, with or without a file system shared with the run.

It is called as ``htcondor_job SETTINGS CLUSTER SHARD OFFSET JOB RETRIES [ORDERS OFFSET]`` and exits with 0, 1
(the science failed), 75 (the infrastructure failed) or 76 (memory was exceeded). A call that failed by itself is tried
again here, as often as its module allows, so that the pool's own counts are of the infrastructure only.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading

from framework.worker.files.transfer import Checksum
from framework.worker.job.chirp import report_error
from framework.worker.job.job_context import JobContext, WorkerTools
from framework.worker.job.pool_execution import PoolExecution
from framework.worker.job.run_directory_access import ScratchRunDirectory, SharedRunDirectory
from framework.worker.job.spec import CallSpec, JobSpec, read_job
from framework.worker.job.work_directory import WorkDirectory
from framework.worker.job.worker import JobResult, WorkOrder, run_job, stop
from framework.worker.journal.restart_state import JobLocalFiles, calls_to_repeat, fold
from framework.worker.journal.statuses import INFRASTRUCTURE, OUT_OF_MEMORY
from framework.worker.programs.limits import MEMORY, TIME
from framework.worker.programs.programs import Programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from framework.worker.job.records import JournalOpening, LocalOrder, PoolOrder, PoolSettings


def main(arguments: list[str]) -> int:
    """Run the job that the arguments name; return the exit status for the pool."""
    settings_path, cluster, shard, offset, number, retries, *orders = arguments
    with open(settings_path, encoding="utf-8") as file:
        settings: PoolSettings = json.load(file)
    execution = PoolExecution(cluster)
    is_shared = settings["shared"]
    job = read_job(os.path.join(settings["directory"], "plan", shard) if is_shared else shard, int(offset))
    if job.number != int(number):
        report_error(f"{shard} at {offset} is job {job.number}, not {number}")
        return INFRASTRUCTURE
    access = (SharedRunDirectory if is_shared else ScratchRunDirectory)(settings, job, execution)
    order = _read_order(orders, settings["orders"] if is_shared else "")
    opening: JournalOpening = {"run": settings["run"], "attempt": settings["attempt"], "start": settings["start"]}
    try:
        journal = access.open_journal(opening)
    except OSError as error:
        report_error(f"{error.strerror}: {error.filename or access.journal}")
        return INFRASTRUCTURE
    programs = Programs(NoWarden())
    end_with(os.getppid(), programs)
    signal.signal(signal.SIGTERM, lambda number, frame: stop(programs))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work_dir = WorkDirectory(os.path.join(execution.scratch, "work"))
    images = os.path.join(settings["directory"] if is_shared else execution.scratch, "images")
    tools = WorkerTools(work_dir, journal, programs, _environment(settings), images)
    try:
        return JobRunner(access, tools, EarlierExecutions(job, access.earlier_facts(), order), int(retries)).run()
    finally:
        journal.close()


class NoWarden:
    """Stand-in for the warden on a pool, which ends all processes of a job itself: that saves a process a job."""

    pid = 0

    def watch(self, group: int) -> int:
        """Return the group: there is no table to note it in."""
        return group

    def forget(self, slot: int) -> None:
        """Do nothing."""


def end_with(starter: int, programs: Programs) -> None:
    """End this process and its programs when the pool's process that started it is gone."""
    alive = os.pidfd_open(starter)

    def wait() -> None:
        select.select([alive], [], [])
        programs.kill()
        os._exit(INFRASTRUCTURE)

    threading.Thread(target=wait, daemon=True).start()


class EarlierExecutions:
    """State that the earlier executions of a job left."""

    def __init__(self, job: JobSpec, facts: Iterable[dict[str, object]], order: PoolOrder) -> None:
        state = fold(facts)
        #: Log and execution id of each call that began and did not end.
        self.open_logs = [(call.log, call.execution_id) for call in state.open_calls]
        #: How often the job failed by its own fault in this submission.
        self.failures = state.failures
        self.stored = {path: Checksum(*checksum) for path, checksum in state.stored.items()}
        #: Files that earlier submissions stored.
        self.known = {path: Checksum(*checksum) for path, checksum in order.get("known", {}).items()}
        #: Call number, as text, to how often it was tried to its end.
        self.tries = dict(order.get("tries", {}))
        for number, tries in state.tries.items():
            self.tries[str(number)] = self.tries.get(str(number), 0) + tries
        #: How often the job's time was raised, since a call exceeded it.
        self.time_raises: int = order.get("raised", 0)
        self.time_raises += sum(times for (_, resource), times in state.exceeded.items() if resource == TIME)
        finished = {*order.get("skip", ()), *state.finished}
        self.finished = finished - calls_to_repeat([_job_local_files(call) for call in job.calls], finished)

    def add(self, result: JobResult) -> None:
        """Add the result of the execution that has just ended."""
        self.finished.update(result.finished)
        self.stored.update(result.stored)
        for number in (*result.finished, *result.failed):
            self.tries[str(number)] = self.tries.get(str(number), 0) + 1


def _job_local_files(call: CallSpec) -> JobLocalFiles:
    """Return which files of a call only the job's directory keeps, and which it reads."""
    unsaved = [file.path for file in call.outputs if not file.saved]
    return JobLocalFiles(call.number, unsaved, [file.path for file in call.inputs])


class JobRunner:
    """Executions of a job in one process: it is repeated after failures, as often as the module allows."""

    def __init__(
        self, access: SharedRunDirectory, tools: WorkerTools, earlier: EarlierExecutions, retries: int
    ) -> None:
        self._access = access
        self._tools = tools
        self._earlier = earlier
        self._retries = retries
        time_steps = (len(call.needs.walltime_steps_minutes) for call in access.job.calls)
        self._most_time_raises = max(time_steps, default=1) - 1

    def run(self) -> int:
        """Run the job until it succeeds or may not be repeated; return the exit status."""
        earlier, access = self._earlier, self._access
        access.fetch_inputs(earlier.stored)
        for log, execution_id in earlier.open_logs:
            access.rename_lost_log(log, execution_id)
        for repetition in range(sys.maxsize):
            result = self._execute(access.execution.id + (f".{repetition}" if repetition else ""))
            if result is None:
                return INFRASTRUCTURE
            earlier.add(result)
            if result.status == 0:
                access.record_known_files(earlier.stored)
            if result.status in (0, INFRASTRUCTURE):
                return result.status
            exceeded = result.exceeded[1] if result.exceeded else ""
            if exceeded == MEMORY:
                return OUT_OF_MEMORY
            if not self._may_repeat(exceeded):
                return 1
        raise AssertionError("a job is not repeated for ever")

    def _may_repeat(self, exceeded: str) -> bool:
        if exceeded == TIME and self._earlier.time_raises < self._most_time_raises:
            self._earlier.time_raises += 1
            return True
        self._earlier.failures += 1
        return self._earlier.failures <= self._retries

    def _execute(self, execution_id: str) -> JobResult | None:
        """Execute the job once; return None where the infrastructure kept that from being recorded."""
        access, earlier = self._access, self._earlier
        context = JobContext(access.job, execution_id, self._tools)
        context.known = {**access.read_known_files(), **earlier.known, **earlier.stored}
        context.store_root, context.store_mode = access.store_root, access.store_mode
        context.watches_memory = False
        aside = os.path.join(access.failed, f"j{access.job.number:04d}-{execution_id}")
        # The pool itself raises memory.
        exceeded = {str(call.number): {TIME: earlier.time_raises} for call in access.job.calls}
        order: LocalOrder = {"shard": "", "offset": 0, "queue": execution_id, "aside": aside, "skip": earlier.finished}
        try:
            return run_job(context, WorkOrder({**order, "tries": earlier.tries, "wanted": exceeded}))
        except OSError as error:
            # What was done is not recorded, and therefore counts as not done.
            report_error(f"{error.strerror}: {error.filename or self._tools.journal.path}")
            self._tools.work_dir.give_up(aside)
            return None


def _read_order(orders: list[str], directory: str) -> PoolOrder:
    """Read what earlier submissions of the run left to say about this job: a JSON line at an offset of a file."""
    if not orders or int(orders[1]) < 0:
        return {}
    with open(os.path.join(directory, orders[0]), "rb") as file:
        file.seek(int(orders[1]))
        found: PoolOrder = json.loads(file.readline())
        return found


def _environment(settings: PoolSettings) -> dict[str, str]:
    """Return the environment of programs: that of this process, with the Python that runs it first on PATH."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    own = {"PATH": path, "FW_FENCE": settings["directory"], "FW_SECRETS": settings.get("secrets", "")}
    return {**os.environ, **own}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
