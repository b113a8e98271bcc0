"""Programs: start one, watch it, measure it, and end it whole."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time

from framework.job.warden import Warden, children, end_orphans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds between asking a program to end and ending it.
GRACE = 10.0
#: Seconds that putting something away may take.
TIDYING = 60.0
#: The exit status of a program whose time was up, as timeout(1) has it.
TIMED_OUT = 124
NOT_FOUND = 127
NOT_EXECUTABLE = 126
#: Signals that Python ignores or handles, and that programs expect untouched.
DEFAULT_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Outcome:
    """How a program ended: its status, and what it took."""

    __slots__ = ("reason", "status", "usage")

    def __init__(self, status: int, usage: dict[str, float], reason: str = "") -> None:
        #: Exit code, or 128 + signal; 124 when its time was up.
        self.status = status
        self.usage = usage
        self.reason = reason


class Programs:
    """Runs programs one at a time for each thread that asks; all of them can be ended from outside."""

    def __init__(self, warden: Warden) -> None:
        self._warden = warden
        self._running: set[int] = set()
        #: Held from a program's start until it is noted, and while orphans are told from programs.
        self._births = threading.Lock()
        #: Set when the worker was told to stop: nothing is started any more.
        self.stopping = False

    def run(
        self, argv: list[str], environment: Mapping[str, str], log: int, deadline: float | None = None,
        errors: int | None = None,
    ) -> Outcome:  # fmt: skip
        """Run to its end, standard output to the open file ``log`` and standard error there too, or to ``errors``.

        The deadline is by time.monotonic().
        """
        path, trouble = find_program(argv[0], environment.get("PATH", ""))
        if trouble:
            return Outcome(NOT_EXECUTABLE if path else NOT_FOUND, {}, trouble)
        if self.stopping:
            return Outcome(128 + signal.SIGTERM, {}, "the worker was told to stop")
        return self._carry_out(path, argv, environment, (log, log if errors is None else errors), deadline)

    def tidy_up(self, argv: list[str], environment: Mapping[str, str]) -> None:
        """Run what puts something away, its words unheard; even when nothing is started any more."""
        path, trouble = find_program(argv[0], environment.get("PATH", ""))
        if trouble:
            return
        nothing = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            self._carry_out(path, argv, environment, (nothing, nothing), time.monotonic() + TIDYING)
        finally:
            os.close(nothing)

    def _carry_out(
        self, path: str, argv: list[str], environment: Mapping[str, str], words: tuple[int, int],
        deadline: float | None,
    ) -> Outcome:  # fmt: skip
        began = time.monotonic()
        try:
            pid = self._start(path, argv, environment, words)
        except OSError as error:
            return Outcome(NOT_EXECUTABLE, {}, f"{path} cannot be run: {error.strerror}")
        slot = self._warden.watch(pid)
        try:
            reason = self._wait(pid, deadline)
            _, waited, usage = os.wait4(pid, 0)
        finally:
            with self._births:
                self._running.discard(pid)
            _signal_group(pid, signal.SIGKILL)  # whatever it left behind goes with it
            self._warden.forget(slot)
            end_orphans(environment.get("FW_CALL", ""), self._orphans)
        status = os.waitstatus_to_exitcode(waited)
        status = 128 - status if status < 0 else status
        return Outcome(TIMED_OUT if reason else status, measured(usage, time.monotonic() - began), reason)

    def _start(self, path: str, argv: list[str], environment: Mapping[str, str], words: tuple[int, int]) -> int:
        """Start a program in a process group of its own."""
        with self._births:
            pid = os.posix_spawn(
                path, argv, environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, words[0], 1),
                    (os.POSIX_SPAWN_DUP2, words[1], 2),
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
            _signal_group(pid, signal.SIGTERM)

    def kill(self) -> None:
        for pid in list(self._running):
            _signal_group(pid, signal.SIGKILL)

    def _wait(self, pid: int, deadline: float | None) -> str:
        """Wait until the program has ended or had to be ended; the reason if so."""
        if deadline is None:
            return ""
        descriptor = os.pidfd_open(pid)
        try:
            if _ended(descriptor, deadline - time.monotonic()):
                return ""
            _signal_group(pid, signal.SIGTERM)
            if not _ended(descriptor, GRACE):
                _signal_group(pid, signal.SIGKILL)
                _ended(descriptor, None)
            return "its time was up"
        finally:
            os.close(descriptor)


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


def _ended(descriptor: int, seconds: float | None) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else max(0.0, seconds) * 1000))


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
