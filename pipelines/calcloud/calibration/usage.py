"""What a program used: run it, copy its words to a log, and measure memory, processor and time."""

import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.calcloud.calibration.exit_codes import Exit

_MEMORY_WORDS = re.compile(rb"MemoryError|[Cc]annot allocate memory|std::bad_alloc")


@dataclass(frozen=True, kw_only=True)
class Usage:
    """Of one program with all it waited for."""

    command: tuple[str, ...]
    status: int
    wall_s: float
    user_s: float
    system_s: float
    maxrss_kb: int


def run(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], log: Path) -> Usage:
    """Run a program in a folder, its words added to a log."""
    began = time.monotonic()
    with log.open("ab") as words:
        words.write(f"$ {' '.join(command)}\n".encode())
        words.flush()
        popen = subprocess.Popen(
            list(command), cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=words, stderr=words
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


def memory_status(log: Path, begin: int) -> Exit | None:
    """The status of a program whose words, from a byte of its log on, say that memory was too little."""
    with log.open("rb") as words:
        words.seek(begin)
        found = _MEMORY_WORDS.search(words.read())
    if found is None:
        return None
    return Exit.MEMORY_IN_LOG if found[0] == b"MemoryError" else Exit.CANNOT_ALLOCATE


def time_report(usages: Sequence[Usage], status: int) -> str:
    """GNU time's lines that are read again: the fifth is the elapsed time, the tenth the memory, the last the end."""
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
