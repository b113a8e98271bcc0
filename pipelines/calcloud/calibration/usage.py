"""Resource usage of programs: run one with its output in a log, and measure memory, processor time and time."""

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.calcloud.calibration.exit_codes import ExitCode

_MEMORY_MESSAGES = re.compile(rb"MemoryError|[Cc]annot allocate memory|std::bad_alloc")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Resource usage of one program, with the children that it waited for."""

    command: tuple[str, ...]
    status: int
    wall_s: float
    user_s: float
    system_s: float
    maxrss_kb: int


def run(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path) -> Usage:
    """Run a program, and append its output to a log.

    Parameters
    ----------
    command : Sequence[str]
        Command line.
    folder : Path
        Working directory.
    environment : Mapping[str, str]
        Environment variables.
    log : Path
        File that standard output and standard error are appended to.

    Returns
    -------
    Usage
        Exit status (negative for a signal), times in seconds and peak memory in kB.

    Raises
    ------
    OSError
        If the program cannot be started.
    """
    began = time.monotonic()
    with log.open("ab") as output:
        output.write(f"$ {' '.join(command)}\n".encode())
        output.flush()
        popen = subprocess.Popen(
            list(command), cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, waited, used = os.wait4(popen.pid, 0)
    popen.returncode = os.waitstatus_to_exitcode(waited)
    return Usage(
        command=tuple(command),
        status=popen.returncode,
        wall_s=time.monotonic() - began,
        user_s=used.ru_utime,
        system_s=used.ru_stime,
        maxrss_kb=used.ru_maxrss,
    )


def memory_status(log: Path, begin: int) -> ExitCode | None:
    """Search the log of a program for messages about memory.

    Parameters
    ----------
    log : Path
        The log.
    begin : int
        Byte of the log at which the program's output begins.

    Returns
    -------
    ExitCode | None
        The exit code of the first message; None if there is none.
    """
    with log.open("rb") as output:
        output.seek(begin)
        found = _MEMORY_MESSAGES.search(output.read())
    if found is None:
        return None
    return ExitCode.MEMORY_IN_LOG if found[0] == b"MemoryError" else ExitCode.CANNOT_ALLOCATE


def time_report(usages: Sequence[Usage], status: int) -> str:
    """Return a report in the format of GNU time.

    Parameters
    ----------
    usages : Sequence[Usage]
        Resource usage of all programs of a job.
    status : int
        Exit status of the job.

    Returns
    -------
    str
        Lines of text. CALCLOUD reads the fifth (elapsed time), the tenth (peak memory) and the last (exit status).
    """
    wall = sum(usage.wall_s for usage in usages)
    hours, rest = divmod(wall, 3600)
    minutes, seconds = divmod(rest, 60)
    shown = f"{hours:.0f}:{minutes:02.0f}:{seconds:02.0f}" if hours else f"{minutes:.0f}:{seconds:05.2f}"
    return "".join(
        f"\t{line}\n"
        for line in (
            f'Command being timed: "{"; ".join(" ".join(usage.command) for usage in usages)}"',
            f"User time (seconds): {sum(usage.user_s for usage in usages):.2f}",
            f"System time (seconds): {sum(usage.system_s for usage in usages):.2f}",
            "Percent of CPU this job got: ?",
            f"Elapsed (wall clock) time (h:mm:ss or m:ss): {shown}",
            "Average shared text size (kbytes): 0",
            "Average unshared data size (kbytes): 0",
            "Average stack size (kbytes): 0",
            "Average total size (kbytes): 0",
            f"Maximum resident set size (kbytes): {max((usage.maxrss_kb for usage in usages), default=0)}",
            f"Exit status: {status}",
        )
    )
