"""Programs: start one, watch it, measure it, and end it whole."""

from __future__ import annotations

import os
import signal
import threading
import time

from framework.worker.programs.limits import MEMORY, TIME, Limits, signal_group, wait_within
from framework.worker.programs.out_of_memory import OutOfMemoryMonitor
from framework.worker.programs.warden import children, end_orphans, strays_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class ProgramWatcher(Protocol):
        """Ends the programs when the worker is gone: a warden, or the pool."""

        @property
        def pid(self) -> int: ...
        def watch(self, group: int) -> int: ...
        def forget(self, slot: int) -> None: ...


#: Seconds that putting something away may take.
TIDYING = 60.0
#: The exit status of a program whose time was up, as timeout(1) has it.
TIMED_OUT = 124
NOT_FOUND = 127
OUT_OF_MEMORY = "the system ended it because memory ran out"
NOT_EXECUTABLE = 126
#: Signals that Python ignores or handles, and that programs expect untouched.
DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class ProgramResult:
    """How a program ended: its status, and what it took."""

    __slots__ = ("reason", "status", "usage", "want")

    def __init__(self, status: int, usage: dict[str, float], reason: str = "", want: str = "") -> None:
        #: Exit code, or 128 + signal; 124 when its time was up.
        self.status = status
        self.usage = usage
        self.reason = reason
        #: What it had too little of (framework.worker.programs.limits), where it was ended for that.
        self.want = want


class Program:
    """One that runs."""

    __slots__ = ("began", "call", "pid", "slot")

    def __init__(self, pid: int, slot: int, began: float, call: str) -> None:
        self.pid = pid
        #: Where the warden notes it.
        self.slot = slot
        self.began = began
        self.call = call


class StandardStreams:
    """A program's standard input (None for an empty one), output and error, as open files."""

    __slots__ = ("errors", "log", "orders")

    def __init__(self, orders: int | None, log: int, errors: int) -> None:
        self.orders = orders
        self.log = log
        self.errors = errors


class Programs:
    """Runs programs one at a time for each thread that asks; all of them can be ended from outside."""

    def __init__(self, warden: ProgramWatcher) -> None:
        self._warden = warden
        self._shortage = OutOfMemoryMonitor()
        self._running: set[int] = set()
        #: Held from a program's start until it is noted, and while orphans are told from programs.
        self._births = threading.Lock()
        #: Set when the worker was told to stop: nothing is started any more.
        self.stopping = False

    def run(
        self, argv: list[str], environment: Mapping[str, str], log: int, limits: Limits | None = None,
        errors: int | None = None,
    ) -> ProgramResult:  # fmt: skip
        """Run to its end, or that of its limits.

        Standard output goes to the open file ``log``, and standard error there too, or to ``errors``.
        """
        program = self.start(argv, environment, log, errors=errors)
        return program if isinstance(program, ProgramResult) else self.finish(program, limits)

    def start(
        self, argv: list[str], environment: Mapping[str, str], log: int, orders: int | None = None,
        errors: int | None = None,
    ) -> Program | ProgramResult:  # fmt: skip
        """Start it, to be finished later; how it ended where it cannot be started. ``orders``: its standard input."""
        path, trouble = find_program(argv[0], environment.get("PATH", ""))
        if trouble:
            return ProgramResult(NOT_EXECUTABLE if path else NOT_FOUND, {}, trouble)
        if self.stopping:
            return self.stopped()
        return self._watched(path, argv, environment, StandardStreams(orders, log, log if errors is None else errors))

    def tidy_up(self, argv: list[str], environment: Mapping[str, str]) -> None:
        """Run what puts something away, its words unheard; even when nothing is started any more."""
        path, trouble = find_program(argv[0], environment.get("PATH", ""))
        if trouble:
            return
        nothing = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            program = self._watched(path, argv, environment, StandardStreams(None, nothing, nothing))
            if isinstance(program, Program):
                self.finish(program, Limits(time.monotonic() + TIDYING))
        finally:
            os.close(nothing)

    def _watched(
        self, path: str, argv: list[str], environment: Mapping[str, str], streams: StandardStreams
    ) -> Program | ProgramResult:
        began = time.monotonic()
        try:
            pid = self._start(path, argv, environment, streams)
        except OSError as error:
            return ProgramResult(NOT_EXECUTABLE, {}, f"{path} cannot be run: {error.strerror}")
        return Program(pid, self._warden.watch(pid), began, environment.get("FW_CALL", ""))

    def finish(self, program: Program, limits: Limits | None = None) -> ProgramResult:
        """Wait for its end, and end it with its limits, and what it leaves behind."""
        try:
            want, reason = wait_within(limits or Limits(), program.pid, lambda: self.strays_of(program.call))
            _, waited, usage = os.wait4(program.pid, 0)
        finally:
            with self._births:
                self._running.discard(program.pid)
            signal_group(program.pid, signal.SIGKILL)  # whatever it left behind goes with it
            self._warden.forget(program.slot)
            self.end_orphans_of(program.call)
        status = os.waitstatus_to_exitcode(waited)
        status = 128 - status if status < 0 else status
        took = measured(usage, time.monotonic() - program.began)
        if not want and status == 128 + signal.SIGKILL and self._shortage.has_struck():
            want, reason = MEMORY, OUT_OF_MEMORY
        return ProgramResult(TIMED_OUT if want == TIME else status, took, reason, want)

    def strays_of(self, call: str) -> set[int]:
        """What a call's programs left running outside of their process groups."""
        return strays_of(call, self._orphans)

    def stopped(self) -> ProgramResult:
        """How a program ended that is not started any more."""
        return ProgramResult(128 + signal.SIGTERM, {}, "the worker was told to stop")

    def end_orphans_of(self, call: str) -> None:
        """End what a call's programs left running outside of their process groups."""
        end_orphans(call, self._orphans)

    def _start(self, path: str, argv: list[str], environment: Mapping[str, str], streams: StandardStreams) -> int:
        """Start a program in a process group of its own."""
        stdin = (
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)
            if streams.orders is None
            else (os.POSIX_SPAWN_DUP2, streams.orders, 0)
        )
        with self._births:
            pid = os.posix_spawn(
                path, argv, environment,
                file_actions=[
                    stdin,
                    (os.POSIX_SPAWN_DUP2, streams.log, 1),
                    (os.POSIX_SPAWN_DUP2, streams.errors, 2),
                ],
                setpgroup=0, setsigmask=(), setsigdef=DEFAULT_SIGNALS,
            )  # fmt: skip
            self._running.add(pid)
        return pid

    def _orphans(self) -> set[int]:
        """Processes that became this one's children without being started here."""
        with self._births:
            return children() - self._running - {self._warden.pid}

    def stop(self) -> None:
        """Ask everything that runs to end; what is still there after the grace is ended."""
        self.stopping = True
        for pid in list(self._running):
            signal_group(pid, signal.SIGTERM)

    def kill(self) -> None:
        for pid in list(self._running):
            signal_group(pid, signal.SIGKILL)


def find_program(name: str, path: str, _found: dict[tuple[str, str], tuple[str, str]] = {}) -> tuple[str, str]:  # noqa: B006 (a cache)
    """Where a program lies, and what is wrong with it if it cannot be run."""
    if (name, path) in _found:
        return _found[name, path]
    if "/" in name:
        candidates = [name]
    else:
        candidates = [os.path.join(directory, name) for directory in path.split(os.pathsep) if directory]
    for candidate in candidates:
        if os.path.isfile(candidate):
            if os.access(candidate, os.X_OK):
                found = (candidate, "")
                if "/" not in name:
                    _found[name, path] = found
                return found
            return candidate, f"{candidate} is not executable"
    where = "" if "/" in name else f" on PATH ({path})"
    return "", f"program '{name}' was not found{where}"


def measured(usage: os.struct_rusage, wall: float) -> dict[str, float]:  # type: ignore[name-defined]
    """What a program took, in seconds, kB and counts."""
    return {
        "wall": round(wall, 6),
        "utime": usage.ru_utime,
        "stime": usage.ru_stime,
        "maxrss": usage.ru_maxrss,
        "minflt": usage.ru_minflt,
        "majflt": usage.ru_majflt,
        "inblock": usage.ru_inblock,
        "oublock": usage.ru_oublock,
        "nvcsw": usage.ru_nvcsw,
        "nivcsw": usage.ru_nivcsw,
    }
