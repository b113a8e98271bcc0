"""Programs of a worker: started in process groups of their own, limited, measured, and ended with what they started."""

from __future__ import annotations

import os
import signal
import threading
import time

from framework.worker.programs.limits import MEMORY, TIME, Limits, signal_group, wait_within
from framework.worker.programs.out_of_memory import OutOfMemoryMonitor
from framework.worker.programs.warden import children, detached_of, end_orphans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class ProgramWatcher(Protocol):
        """Process that ends the programs when the worker is gone: a warden, or the pool."""

        @property
        def pid(self) -> int: ...
        def watch(self, group: int) -> int: ...
        def forget(self, slot: int) -> None: ...


#: Seconds that a program which cleans up may take.
CLEANUP_SECONDS = 60.0
#: Exit status of a program that exceeded its time, as of timeout(1).
TIMED_OUT = 124
#: Exit statuses of programs that cannot be run, as of a shell.
NOT_EXECUTABLE, NOT_FOUND = 126, 127
OUT_OF_MEMORY = "the system ended it because memory ran out"
#: Signals that Python ignores or handles, with default handlers in programs.
DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class ProgramResult:
    """Result of a program: its exit status and what it used."""

    __slots__ = ("exceeded", "reason", "status", "usage")

    def __init__(self, status: int, usage: dict[str, float], reason: str = "", exceeded: str = "") -> None:
        #: Exit code, or 128 + signal; 124 where it exceeded its time.
        self.status = status
        self.usage = usage
        #: Why it was ended or not started; empty where it ended by itself.
        self.reason = reason
        #: MEMORY or TIME (framework.worker.programs.limits), where it exceeded that; else empty.
        self.exceeded = exceeded


class ProgramNotFoundError(Exception):
    """A program is missing or not executable."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        #: Exit status that a shell would give.
        self.status = status


class Program:
    """Running program."""

    __slots__ = ("began", "call", "pid", "slot")

    def __init__(self, pid: int, slot: int, began: float, call: str) -> None:
        self.pid = pid
        #: Its slot in the table of the warden.
        self.slot = slot
        #: By time.monotonic().
        self.began = began
        #: Number of its call, as in FW_CALL.
        self.call = call


class StandardStreams:
    """Standard input (None for an empty one), output and error of a program, as open files."""

    __slots__ = ("errors", "log", "orders")

    def __init__(self, orders: int | None, log: int, errors: int) -> None:
        self.orders = orders
        self.log = log
        self.errors = errors


class Programs:
    """Programs of a worker, at most one for each thread; all of them can be ended together."""

    def __init__(self, warden: ProgramWatcher) -> None:
        self._warden = warden
        self._out_of_memory = OutOfMemoryMonitor()
        self._running: set[int] = set()
        #: Held while a program is started and noted, and while orphans are distinguished from programs.
        self._starting = threading.Lock()
        #: Whether the worker was told to stop: then no program is started any more.
        self.stopping = False

    def run(
        self, argv: list[str], environment: Mapping[str, str], log: int, limits: Limits | None = None,
        errors: int | None = None,
    ) -> ProgramResult:  # fmt: skip
        """Run a program until it ends or exceeds its limits.

        Standard output goes to the open file ``log``, and so does standard error, unless there is ``errors``.
        """
        program = self.start(argv, environment, log, errors=errors)
        return program if isinstance(program, ProgramResult) else self.finish(program, limits)

    def start(
        self, argv: list[str], environment: Mapping[str, str], log: int, orders: int | None = None,
        errors: int | None = None,
    ) -> Program | ProgramResult:  # fmt: skip
        """Start a program, for ``finish`` to wait for; return its result if it cannot be started.

        ``orders`` is its standard input.
        """
        try:
            path = find_program(argv[0], environment.get("PATH", ""))
        except ProgramNotFoundError as error:
            return ProgramResult(error.status, {}, str(error))
        if self.stopping:
            return self.stopped_result()
        return self._start_watched(
            path, argv, environment, StandardStreams(orders, log, log if errors is None else errors)
        )

    def clean_up(self, argv: list[str], environment: Mapping[str, str]) -> None:
        """Run a program that cleans up, without its output; also when the worker was told to stop."""
        try:
            path = find_program(argv[0], environment.get("PATH", ""))
        except ProgramNotFoundError:
            return
        nothing = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            program = self._start_watched(path, argv, environment, StandardStreams(None, nothing, nothing))
            if isinstance(program, Program):
                self.finish(program, Limits(time.monotonic() + CLEANUP_SECONDS))
        finally:
            os.close(nothing)

    def _start_watched(
        self, path: str, argv: list[str], environment: Mapping[str, str], streams: StandardStreams
    ) -> Program | ProgramResult:
        began = time.monotonic()
        try:
            pid = self._spawn(path, argv, environment, streams)
        except OSError as error:
            return ProgramResult(NOT_EXECUTABLE, {}, f"{path} cannot be run: {error.strerror}")
        return Program(pid, self._warden.watch(pid), began, environment.get("FW_CALL", ""))

    def finish(self, program: Program, limits: Limits | None = None) -> ProgramResult:
        """Wait until a program ends or exceeds its limits, and end the processes that it leaves."""
        try:
            exceeded, reason = wait_within(limits or Limits(), program.pid, lambda: self.detached_of(program.call))
            _, waited, usage = os.wait4(program.pid, 0)
        finally:
            with self._starting:
                self._running.discard(program.pid)
            signal_group(program.pid, signal.SIGKILL)  # what it left in its process group
            self._warden.forget(program.slot)
            self.end_orphans_of(program.call)
        status = os.waitstatus_to_exitcode(waited)
        status = 128 - status if status < 0 else status
        used = usage_record(usage, time.monotonic() - program.began)
        if not exceeded and status == 128 + signal.SIGKILL and self._out_of_memory.has_killed():
            exceeded, reason = MEMORY, OUT_OF_MEMORY
        return ProgramResult(TIMED_OUT if exceeded == TIME else status, used, reason, exceeded)

    def detached_of(self, call: str) -> set[int]:
        """Return processes that a call's programs left running outside of their process groups."""
        return detached_of(call, self._orphans)

    def stopped_result(self) -> ProgramResult:
        """Return the result of a program that is not started, since the worker was told to stop."""
        return ProgramResult(128 + signal.SIGTERM, {}, "the worker was told to stop")

    def end_orphans_of(self, call: str) -> None:
        """End processes that a call's programs left running outside of their process groups."""
        end_orphans(call, self._orphans)

    def _spawn(self, path: str, argv: list[str], environment: Mapping[str, str], streams: StandardStreams) -> int:
        """Spawn a program in a process group of its own; return its process id."""
        stdin = (
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)
            if streams.orders is None
            else (os.POSIX_SPAWN_DUP2, streams.orders, 0)
        )
        with self._starting:
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
        """Return the processes that became children of this one without being started here."""
        with self._starting:
            return children() - self._running - {self._warden.pid}

    def stop(self) -> None:
        """Ask all programs to end, and start no more."""
        self.stopping = True
        for pid in list(self._running):
            signal_group(pid, signal.SIGTERM)

    def kill(self) -> None:
        """End all programs at once."""
        for pid in list(self._running):
            signal_group(pid, signal.SIGKILL)


def find_program(name: str, path: str) -> str:
    """Return the path of a program; raise ProgramNotFoundError if it is missing or not executable."""
    if "/" in name:
        if not os.path.isfile(name):
            raise ProgramNotFoundError(NOT_FOUND, f"program '{name}' was not found")
        _check_executable(name)
        return name
    if (name, path) not in _found:
        found = _find_on_path(name, path)
        _check_executable(found)
        _found[name, path] = found
    return _found[name, path]


def _find_on_path(name: str, path: str) -> str:
    for directory in filter(None, path.split(os.pathsep)):
        candidate = os.path.join(directory, name)
        if os.path.isfile(candidate):
            return candidate
    raise ProgramNotFoundError(NOT_FOUND, f"program '{name}' was not found on PATH ({path})")


def _check_executable(path: str) -> None:
    if not os.access(path, os.X_OK):
        raise ProgramNotFoundError(NOT_EXECUTABLE, f"{path} is not executable")


def program_error(name: str, path: str) -> str | None:
    """Return why a program cannot be run; None if it can."""
    try:
        find_program(name, path)
    except ProgramNotFoundError as error:
        return str(error)
    return None


#: Programs that were found on a search path, by both.
_found: dict[tuple[str, str], str] = {}


def usage_record(usage: os.struct_rusage, wall: float) -> dict[str, float]:  # type: ignore[name-defined]
    """Return what a program used, in seconds, kB and counts."""
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
