"""A job on a pool: one process a job, started by the scheduler, with or without a file system shared with the run.

It is called as ``pooled SETTINGS CLUSTER SHARD OFFSET JOB RETRIES [ORDERS AT]`` and exits with 0, 1 (science), 75 (the
surroundings) or 76 (memory). A failed science call is tried again here, as often as its module allows, so that the
pool's own counts are of the surroundings only.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import sys
import threading
import time
from contextlib import suppress

from framework.worker.files.transfer import IN_TRANSIT, READ_ONLY, Checksum, lost_log_path, make_parents
from framework.worker.job.chirp import FACT_MARK, Chirp, linked, report_error
from framework.worker.job.job_context import INFRASTRUCTURE, JobContext, WorkerTools
from framework.worker.job.spec import JobSpec, read_job
from framework.worker.job.work_directory import WorkDirectory
from framework.worker.job.worker import JobResult, WorkOrder, run_job, stop
from framework.worker.journal.file_records import archived_form, is_archived
from framework.worker.journal.journal import Journal, facts_in
from framework.worker.journal.statuses import OUT_OF_MEMORY
from framework.worker.programs.limits import MEMORY, TIME
from framework.worker.programs.programs import Programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

#: What is told while the job runs; the journal tells it all, later.
LIVE = frozenset({"job.start", "call.start", "call.run", "exec.start", "exec.end", "call.store"})


class JobExecution:
    """Where the pool has put this execution of a job, and how often it was begun before."""

    def __init__(self, cluster: str) -> None:
        self.scratch = os.environ.get("_CONDOR_SCRATCH_DIR") or os.getcwd()
        self.cluster = cluster
        starts = _attribute(os.environ.get("_CONDOR_JOB_AD", ""), "NumJobStarts")
        #: None where the pool does not say.
        self.starts = None if starts is None else int(starts)

    @property
    def queue(self) -> str:
        """What the pool calls this execution."""
        if self.starts is not None:
            return execution(self.cluster, self.starts)
        return f"{self.cluster}.{os.uname().nodename}-{os.getpid()}-{int(time.time())}"


def execution(cluster: str, starts: int) -> str:
    """The name of the execution of a cluster that began after so many others."""
    return f"{cluster}.{starts}"


def journal_name(start: int, job: int, queue: str) -> str:
    """The journal of one execution of a job; ``start`` counts submissions and restarts of its run."""
    return f"worker-{start}-j{job}-{queue}"


class SharedRunDirectory:
    """The run's directory as this job reaches it: on a shared file system."""

    def __init__(self, settings: dict[str, Any], job: JobSpec, around: JobExecution) -> None:
        self.run = settings["directory"]
        self.start: int = settings["start"]
        self.job = job
        self.around = around
        self.journal = os.path.join(self.run, "journal")
        self.failed = os.path.join(self.run, "failed")
        self.store_root, self.store_mode = job.archive_root, READ_ONLY

    def open_journal(self, opening: dict[str, Any]) -> Journal:
        return Journal(self.journal, self.next_name(), **opening)

    def next_name(self) -> str:
        """The name of this execution's journal; a queue that was killed may have forgotten that one had begun."""
        name = journal_name(self.start, self.job.number, self.around.queue)
        while self.around.starts is not None and self.read(name + ".jsonl"):
            self.around.starts += 1
            name = journal_name(self.start, self.job.number, self.around.queue)
        return name

    def earlier(self) -> Iterator[dict[str, Any]]:
        """What earlier executions of this job have put on record."""
        for starts in range(self.around.starts or 0):
            name = journal_name(self.start, self.job.number, execution(self.around.cluster, starts)) + ".jsonl"
            yield from facts_in(self.read(name))

    def read(self, name: str) -> Iterable[bytes]:
        try:
            with open(os.path.join(self.journal, name), "rb") as file:
                return file.readlines()
        except OSError:
            return ()

    def known(self) -> dict[str, Checksum]:
        """Size and checksum of what the jobs before this one made."""
        found: dict[str, Checksum] = {}
        for parent in self.job.parents:
            with suppress(OSError, ValueError), open(self.known_at(parent), encoding="utf-8") as file:
                found.update({path: Checksum(*facts) for path, facts in json.load(file).items()})
        return found

    def known_at(self, job: int) -> str:
        return os.path.join(self.run, "known", f"{job // 1000:04d}", f"j{job}.json")

    def tell_known(self, stored: dict[str, Checksum]) -> None:
        """Let the jobs that follow check what they get."""
        write_known(self.known_at(self.job.number), {path: [one.size, one.sha256] for path, one in stored.items()})

    def fetch(self, files: Iterable[str]) -> None:
        """Bring what an earlier execution of this job made; it is in the archive."""

    def put_aside(self, log: str, queue: str) -> None:
        """Give the log of a lost execution a name that this one will not use."""
        with suppress(OSError):
            os.rename(os.path.join(self.store_root, log), os.path.join(self.store_root, lost_log_path(log, queue)))


class ScratchRunDirectory(SharedRunDirectory):
    """The same where nothing is shared: all lies in the job's own directory, and one folder of it is sent home."""

    def __init__(self, settings: dict[str, Any], job: JobSpec, around: JobExecution) -> None:
        super().__init__(settings, job, around)
        self.folder = os.path.join(around.scratch, f"j{job.number}")
        self.journal = os.path.join(self.folder, "journal")
        self.failed = os.path.join(self.folder, "failed")
        self.store_root, self.store_mode = os.path.join(self.folder, "archive"), IN_TRANSIT
        self.chirp = Chirp.of_job()
        self._archive_root = job.archive_root
        job.archive_root = around.scratch

    def _move_outside(self) -> None:
        """Files from outside were sent along; they lie here under their own names."""
        for call in self.job.calls:
            for file in call.inputs:
                if file.external and "://" not in file.path:
                    sent = os.path.join(self.around.scratch, os.path.basename(file.path))
                    if not os.path.exists(file.path) and os.path.exists(sent):
                        file.transferred_to = sent

    def open_journal(self, opening: dict[str, Any]) -> Journal:
        return ReportingJournal(self.journal, self.next_name(), self.chirp, **opening)

    def read(self, name: str) -> Iterable[bytes]:
        """An earlier journal was sent along, if that execution was evicted, or came home, and is asked for there."""
        if sent := list(super().read(name)):
            return sent
        if self.chirp is None:
            return ()
        for place in (os.path.join("home", f"j{self.job.number}", "journal"), "journal"):
            found = self.chirp.read(os.path.join(self.run, place, name))
            if found is not None:
                return found.splitlines(keepends=True)
        return ()

    def known_at(self, job: int) -> str:
        return os.path.join(self.around.scratch, f"j{job}.json")

    def tell_known(self, stored: dict[str, Checksum]) -> None:
        """It is told where the files are taken in (framework/worker/job/htcondor_receive.py)."""

    def fetch(self, files: Iterable[str]) -> None:
        for path in files:
            self._ask_for(os.path.join(self.run, "home", f"j{self.job.number}", "archive", path), path)
        made = {file.archived for call in self.job.calls for file in call.outputs}
        wanted = {file.archived for call in self.job.calls for file in call.inputs if not file.external}
        for path in sorted(wanted - made):
            self._ask_for(os.path.join(self._archive_root, path), path)
        outside = {file.path for call in self.job.calls for file in call.inputs if file.external}
        for path in sorted(path for path in outside if "://" not in path and not os.path.exists(path)):
            self._ask_for(path, os.path.basename(path))
        self._move_outside()

    def _ask_for(self, source: str, name: str) -> None:
        """Bring a file that was not sent: one that may be missing, or whose name HTCondor cannot take."""
        target = os.path.join(self.around.scratch, name)
        if self.chirp is not None and not os.path.exists(target):
            make_parents(target)
            self.chirp.fetch(linked(self.run, source), target)


class ReportingJournal(Journal):
    """A journal that says aloud what happens, for those who watch from afar."""

    def __init__(self, directory: str, name: str, chirp: Chirp | None, **opening: Any) -> None:
        self._chirp = chirp
        super().__init__(directory, name, **opening)

    def write(self, what: str, **fact: Any) -> None:
        fact.setdefault("t", time.time())
        super().write(what, **fact)
        if self._chirp is not None and what in LIVE:
            self._chirp.tell(FACT_MARK + json.dumps({"e": what, **fact}, separators=(",", ":")))


class EarlierExecutions:
    """How far the earlier executions of a job came."""

    def __init__(self, job: JobSpec, facts: Iterable[dict[str, Any]], order: dict[str, Any]) -> None:
        self.finished = set(order.get("skip", ()))
        self.tries: dict[str, int] = dict(order.get("tries", {}))
        self.known = {path: Checksum(*found) for path, found in order.get("known", {}).items()}
        self.raised: int = order.get("raised", 0)
        #: How often the job failed by its own fault in this submission.
        self.failures = 0
        self.stored: dict[str, Checksum] = {}
        #: Log and execution of the calls that began and did not end.
        self.open: dict[tuple[str, int, int], str] = {}
        for fact in facts:
            if fact["e"] == "call.start":
                self.open[fact["queue"], fact["call"], fact["try"]] = fact["log"]
            elif fact["e"] == "call.end":
                self.open.pop((fact["queue"], fact["call"], fact["try"]), None)
                self._take(fact)
            elif fact["e"] == "job.end" and fact["status"] not in (0, INFRASTRUCTURE):
                self.failures += 1
        self.finished = worth_keeping(job, self.finished)

    def _take(self, fact: dict[str, Any]) -> None:
        self.tries[str(fact["call"])] = self.tries.get(str(fact["call"]), 0) + 1
        self.raised += fact.get("want") == TIME
        if fact["status"] == 0:
            self.finished.add(fact["call"])
            kept = [file for file in fact["files"] if is_archived(file)]
            archived = [archived_form(file) for file in kept]
            self.stored.update({path: Checksum(size, sha256) for path, size, sha256 in archived})

    def take(self, result: JobResult) -> None:
        """Learn how the execution that has just ended went."""
        self.finished.update(result.finished)
        self.stored.update(result.stored)
        for number in (*result.finished, *result.failed):
            self.tries[str(number)] = self.tries.get(str(number), 0) + 1


def worth_keeping(job: JobSpec, finished: set[int]) -> set[int]:
    """The finished calls that need not run again: those run again whose unkept files a later call needs."""
    done = {call.number for call in job.calls if call.number in finished}
    makers = {file.path: call for call in job.calls for file in call.outputs if not file.saved}
    pending = [call for call in job.calls if call.number not in done]
    while pending:
        for file in pending.pop().inputs:
            maker = makers.get(file.path)
            if maker is not None and maker.number in done:
                done.discard(maker.number)
                pending.append(maker)
    return done


def main(arguments: list[str]) -> int:
    """Run the job that the arguments name; the exit status for the pool."""
    settings_at, cluster, shard, offset, number, retries, *orders = arguments
    with open(settings_at, encoding="utf-8") as file:
        settings = json.load(file)
    around = JobExecution(cluster)
    far = not settings["shared"]
    job = read_job(shard if far else os.path.join(settings["directory"], "plan", shard), int(offset))
    if job.number != int(number):
        report_error(f"{shard} at {offset} is job {job.number}, not {number}")
        return INFRASTRUCTURE
    home = ScratchRunDirectory(settings, job, around) if far else SharedRunDirectory(settings, job, around)
    order = _order(orders, settings, far)
    opening = {"run": settings["run"], "attempt": settings["attempt"], "start": settings["start"]}
    try:
        journal = home.open_journal(opening)
    except OSError as error:
        report_error(f"{error.strerror}: {error.filename or home.journal}")
        return INFRASTRUCTURE
    programs = Programs(NoWarden())
    end_with(os.getppid(), programs)
    signal.signal(signal.SIGTERM, lambda number, frame: stop(programs))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    place = WorkDirectory(os.path.join(around.scratch, "work"))
    images = os.path.join(around.scratch if far else settings["directory"], "images")
    tools = WorkerTools(place, journal, programs, _environment(settings), images)
    try:
        return JobRunner(home, tools, EarlierExecutions(job, home.earlier(), order), int(retries)).run()
    finally:
        journal.close()


class NoWarden:
    """Stands for the warden where the pool itself ends whatever a job leaves: that saves a process a job."""

    pid = 0

    def watch(self, group: int) -> int:
        return group

    def forget(self, slot: int) -> None:
        return None


def end_with(starter: int, programs: Programs) -> None:
    """End this process and its programs when the pool's process that started it is gone."""
    alive = os.pidfd_open(starter)

    def wait() -> None:
        select.select([alive], [], [])
        programs.kill()
        os._exit(INFRASTRUCTURE)

    threading.Thread(target=wait, daemon=True).start()


def _want_of(result: JobResult) -> str:
    """What a failed execution had too little of, if it failed for that."""
    return result.want[1] if result.want else ""


class JobRunner:
    """The executions of a job in one process: again after a failure, as often as may be."""

    def __init__(self, home: SharedRunDirectory, tools: WorkerTools, earlier: EarlierExecutions, retries: int) -> None:
        self._home = home
        self._tools = tools
        self._earlier = earlier
        self._retries = retries
        #: How often time may be raised.
        self._steps = max((len(call.needs.walltime_steps_minutes) - 1 for call in home.job.calls), default=0)

    def run(self) -> int:
        earlier, home = self._earlier, self._home
        home.fetch(earlier.stored)
        for (queue, _, _), log in earlier.open.items():
            home.put_aside(log, queue)
        for again in range(sys.maxsize):
            result = self._once(home.around.queue + (f".{again}" if again else ""))
            if result is None:
                return INFRASTRUCTURE
            earlier.take(result)
            if result.status == 0:
                home.tell_known(earlier.stored)
            if result.status in (0, INFRASTRUCTURE):
                return result.status
            if _want_of(result) == MEMORY:
                return OUT_OF_MEMORY
            if not self._may_go_on(result):
                return 1
        raise AssertionError("a job is not tried for ever")

    def _may_go_on(self, result: JobResult) -> bool:
        if _want_of(result) == TIME and self._earlier.raised < self._steps:
            self._earlier.raised += 1
            return True
        self._earlier.failures += 1
        return self._earlier.failures <= self._retries

    def _wanted(self) -> dict[str, dict[str, int]]:
        """How often each call's time was raised; the pool itself raises memory."""
        return {str(call.number): {TIME: self._earlier.raised} for call in self._home.job.calls}

    def _once(self, queue: str) -> JobResult | None:
        """One execution; None where the surroundings kept it from being put on record."""
        home, earlier = self._home, self._earlier
        bench = JobContext(home.job, queue, self._tools)
        bench.known = {**home.known(), **earlier.known, **earlier.stored}
        bench.store_root, bench.store_mode = home.store_root, home.store_mode
        bench.watches_memory = False
        aside = os.path.join(home.failed, f"j{home.job.number:04d}-{queue}")
        order = {"shard": "", "offset": 0, "queue": queue, "aside": aside, "skip": earlier.finished}
        try:
            return run_job(bench, WorkOrder({**order, "tries": earlier.tries, "wanted": self._wanted()}))
        except OSError as error:
            # What was done is not on record, and so not done.
            report_error(f"{error.strerror}: {error.filename or self._tools.journal.path}")
            self._tools.workplace.give_up(aside)
            return None


def _order(orders: list[str], settings: dict[str, Any], far: bool) -> dict[str, Any]:
    """What earlier submissions of the run have left to say about this job."""
    if not orders or int(orders[1]) < 0:
        return {}
    with open(orders[0] if far else os.path.join(settings["orders"], orders[0]), "rb") as file:
        file.seek(int(orders[1]))
        found: dict[str, Any] = json.loads(file.readline())
        return found


def _environment(settings: dict[str, Any]) -> dict[str, str]:
    """What programs are given: this process's own, with the Python that runs it first on PATH."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    given = {"PATH": path, "FW_FENCE": settings["directory"], "FW_SECRETS": settings.get("secrets", "")}
    return {**os.environ, **given}


def _attribute(ad: str, name: str) -> str | None:
    """What the job's own description says."""
    try:
        with open(ad, encoding="utf-8", errors="replace") as file:
            found = re.search(rf"^{name} = (.*)$", file.read(), re.MULTILINE)
    except OSError:
        return None
    return found[1] if found else None


def write_known(path: str, known: dict[str, list[Any]]) -> None:
    """Size and checksum of files, for those who get them; whole or not at all."""
    make_parents(path)
    part = f"{path}.part-{os.getpid()}"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(known, file, separators=(",", ":"))
    os.replace(part, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
