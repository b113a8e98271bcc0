"""Memory and time of a job from reports of GNU time (`/usr/bin/time --verbose`)."""

import re
from collections.abc import Iterable
from pathlib import Path

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.schema import bin_of

#: Ends of the names of reports, one for each step of a job.
REPORTS = ("process_metrics.txt", "preview_metrics.txt")
_ELAPSED = re.compile(r"Elapsed \(wall clock\) time .*?: ((?:\d+:)?\d+:[\d.]+)")
_RESIDENT = re.compile(r"Maximum resident set size \(kbytes\): (\d+)")
_STATUS = re.compile(r"Exit status: (\d+)")
#: GNU time writes an exit status of 0 for a program that a signal ended.
_SIGNAL = re.compile(r"^Command (terminated|stopped) by signal (\d+)", re.MULTILINE)


def memory_and_time(paths: Iterable[Path]) -> dict[str, object]:
    """Return memory and time of both steps of a job together, as CALCLOUD adds them.

    Parameters
    ----------
    paths : Iterable[Path]
        Files of the job; those that are no reports are passed over.

    Returns
    -------
    dict[str, object]
        `memory` (GB), `wallclock` (s) and `mem_bin`; empty if there is no report.

    Raises
    ------
    InputError
        If a step failed, was ended by a signal, or its report is not complete.
    """
    memory_kb, seconds, reports = 0, 0.0, 0
    for path in paths:
        if path.name.endswith(REPORTS):
            resident, elapsed = _read_report(path)
            memory_kb, seconds, reports = memory_kb + resident, seconds + elapsed, reports + 1
    if not reports:
        return {}
    memory = memory_kb / 1e6
    return {"memory": memory, "wallclock": max(seconds, 0.01), "mem_bin": bin_of(memory)}


def _read_report(path: Path) -> tuple[int, float]:
    """Return the memory in kB and the seconds of a step that succeeded."""
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if signal := _SIGNAL.search(text):
        raise InputError(f"{path.name}: the step was {signal[1]} by signal {signal[2]}")
    elapsed, resident, status = _ELAPSED.search(text), _RESIDENT.search(text), _STATUS.search(text)
    if not elapsed or not resident or not status:
        raise InputError(f"{path.name}: is not a complete report of GNU time")
    if int(status[1]):
        raise InputError(f"{path.name}: the step ended with status {status[1]}")
    return int(resident[1]), _seconds(elapsed[1])


def _seconds(shown: str) -> float:
    total = 0.0
    for part in shown.split(":"):
        total = total * 60 + float(part)
    return total
