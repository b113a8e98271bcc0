"""Progress of a run, or of a command with many files, for a person who waits."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from framework.model.run import PlannedJob, PlannedRun

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: Seconds between two lines where nobody has a terminal.
LINE_EVERY = 15.0


class Quiet:
    """A display that shows nothing."""

    def __enter__(self) -> Quiet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def run_started(self, plan: PlannedRun, done: int) -> None: ...
    def job_started(self, job: PlannedJob) -> None: ...
    def job_ended(self, job: PlannedJob, status: int, reason: str, again: bool) -> None: ...
    def block_planned(self, plan: PlannedRun, block: int) -> None: ...
    def show_message(self, text: str) -> None: ...
    def refresh(self) -> None: ...


class Lines(Quiet):
    """A display for files and pipes: a line now and then, and one for each failure."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._jobs = 0
        self._done = 0
        self._running = 0
        self._said = time.monotonic()

    def run_started(self, plan: PlannedRun, done: int) -> None:
        self._jobs, self._done = len(plan.jobs), done

    def job_started(self, job: PlannedJob) -> None:
        self._running += 1

    def job_ended(self, job: PlannedJob, status: int, reason: str, again: bool) -> None:
        self._running -= 1
        if status == 0:
            self._done += 1
        else:
            self._stream.write(failure(job, reason, again) + "\n")
            self._stream.flush()

    def block_planned(self, plan: PlannedRun, block: int) -> None:
        self._jobs = len(plan.jobs)

    def show_message(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def refresh(self) -> None:
        if time.monotonic() - self._said < LINE_EVERY:
            return
        self._said = time.monotonic()
        self._stream.write(f"{self._done} of {self._jobs} jobs done, {self._running} running\n")
        self._stream.flush()


class Bars(Quiet):
    """A display for terminals: a bar for each module."""

    def __init__(self, stream: TextIO) -> None:
        # Imported here: only a terminal needs it.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=Console(file=stream),
        )
        self._tasks: dict[str, TaskID] = {}
        self._running: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def run_started(self, plan: PlannedRun, done: int) -> None:
        expected: Counter[str] = Counter(call.module for job in plan.jobs.values() for call in job.calls)
        for module, count in expected.items():
            self._tasks[module] = self._progress.add_task(module, total=count, state="", start=False)
        if done:
            self._progress.console.print(f"{done} of {len(plan.jobs)} jobs are done already", highlight=False)

    def block_planned(self, plan: PlannedRun, block: int) -> None:
        for module, count in plan.planned_late[block].items():
            self._tasks[module] = self._progress.add_task(module, total=count, state="", start=False)

    def show_message(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def job_started(self, job: PlannedJob) -> None:
        for call in job.calls:
            self._progress.start_task(self._tasks[call.module])
        self._count(job, 1)

    def job_ended(self, job: PlannedJob, status: int, reason: str, again: bool) -> None:
        for call in job.calls:
            if status == 0:
                self._progress.advance(self._tasks[call.module])
        if status:
            self._progress.console.print(failure(job, reason, again), markup=False, highlight=False)
            self._failed.update(call.module for call in job.calls if not again)
        self._count(job, -1)

    def _count(self, job: PlannedJob, sign: int) -> None:
        for call in job.calls:
            self._running[call.module] += sign
            words = [f"{count} {what}" for count, what in (
                (self._running[call.module], "running"), (self._failed[call.module], "failed")
            ) if count]  # fmt: skip
            self._progress.update(self._tasks[call.module], state=", ".join(words))


def failure(job: PlannedJob, reason: str, again: bool) -> str:
    """Return the line about a failed job."""
    modules = ", ".join(dict.fromkeys(call.module for call in job.calls))
    reason = "".join(letter if letter.isprintable() else "?" for letter in reason)
    return f"job {job.number} ({modules}): {reason}{'; it is tried again' if again else ''}"


def watcher_for(stream: TextIO, *, quiet: bool) -> Quiet:
    """Return the display for a stream: bars on a terminal, lines elsewhere."""
    if quiet:
        return Quiet()
    return Bars(stream) if stream.isatty() else Lines(stream)


class Tally:
    """Progress of a command with many files: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self, stream: TextIO, what: str, *, quiet: bool) -> None:
        self._stream = stream
        self._what = what
        self._quiet = quiet
        self._files = 0
        self._size = 1
        self._done = 0
        self._bytes = 0
        self._said = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Tally:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def expect(self, files: int, size: int) -> None:
        """Set how many files there will be, and their size in bytes."""
        self._files, self._size = files, max(size, 1)
        if self._stream.isatty() and not self._quiet and files:
            self._bar = self._make_bar()
            self._bar.start()

    def add(self, size: int) -> None:
        """Count one more file of ``size`` bytes."""
        self._done += 1
        self._bytes += size
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=self._bytes, files=f"{self._done} of {self._files}")
        elif not self._quiet and time.monotonic() - self._said >= LINE_EVERY:
            self._said = time.monotonic()
            share = 100 * self._bytes // self._size
            self.says(f"{self._what}: {self._done} of {self._files} files, {share} % of the bytes")

    def says(self, text: str) -> None:
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            self._stream.write(text + "\n")
            self._stream.flush()

    def _make_bar(self) -> Progress:
        # Imported here: only a terminal needs it.
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn(self._what), BarColumn(bar_width=30), TextColumn("{task.fields[files]}"))
        console = Console(file=self._stream)
        bar = Progress(*columns, DownloadColumn(), TimeRemainingColumn(), console=console)
        bar.add_task(self._what, total=self._size, files=f"0 of {self._files}")
        return bar
