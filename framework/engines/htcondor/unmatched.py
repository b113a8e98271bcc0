"""Unmatched jobs: idle jobs that no machine of the pool can take, and what each asks for that none has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from framework.engines.engine import JobProblem, JobState
from framework.engines.htcondor.pool import idle_jobs, machines, matching_machines, setting
from framework.engines.htcondor.site import Site

#: Resources: name, attribute of the job, attribute of a whole slot, how many make a unit, the unit, and the module's
#: key.
RESOURCES = (
    ("memory", "RequestMemory", "TotalSlotMemory", 1, " MB", "request_memory"),
    ("disk", "RequestDisk", "TotalSlotDisk", 1024, " MB", "request_disk"),
    ("processors", "RequestCpus", "TotalSlotCpus", 1, "", "request_cpus"),
    ("graphics processors", "RequestGPUs", "TotalSlotGPUs", 1, "", "request_gpus"),
)
DOMAIN = "FileSystemDomain"
_TARGET = re.compile(r"\bTARGET\.", re.IGNORECASE)
_OF_JOB = re.compile(r"\bMY\.", re.IGNORECASE)


def find_blocking_reasons(run: str, jobs: Mapping[int, int], site: Site) -> tuple[JobProblem, ...]:
    """Return why idle jobs can never run as the pool is now; ``jobs`` are their numbers by cluster."""
    waiting = [job for job in idle_jobs(run, [name for _, name, *_ in RESOURCES]) if int(job["ClusterId"]) in jobs]
    if not waiting:
        return ()
    slots = machines([DOMAIN, *(name for _, _, name, *_ in RESOURCES)])
    general = _general_problem(slots, site)
    found = []
    for job in waiting:
        for what, remedy in (general,) if general else _excessive_requests(job, slots):
            found.append(JobProblem(jobs[int(job["ClusterId"])], JobState.IDLE, what, remedy))
    return tuple(found)


def _general_problem(slots: Sequence[Mapping[str, Any]], site: Site) -> tuple[str, str] | None:
    """Return reason and remedy that hold for every job of the run; None where there are none."""
    if not slots:
        return "the pool has no machines now", "condor_status shows them; ask those who run the pool"
    here = setting("FILESYSTEM_DOMAIN") or ""
    if site.shared and not any(str(slot.get(DOMAIN, "")).lower() == here.lower() for slot in slots):
        return (
            f"no machine of the pool says that it sees this machine's files (FILESYSTEM_DOMAIN = {here})",
            "submit with a site that has shared_filesystem = False, such as htcondor_transfer",
        )
    wanted = site.requirements
    if wanted and not _OF_JOB.search(wanted) and not matching_machines(_TARGET.sub("MY.", wanted)):
        return f"no machine of the pool is as machine_requirements asks ({wanted})", f"change that in site {site.name}"
    return None


def _excessive_requests(job: Mapping[str, str], slots: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for name, asked_as, given_as, units, unit, key in RESOURCES:
        asked = _number(job[asked_as]) / units
        most = max(_number(slot.get(given_as)) for slot in slots) / units
        if asked > most:
            yield (
                f"no machine of the pool has so much {name}: it asks for {asked:.0f}{unit}, and the most is {most:.0f}",
                f"have such a machine join, or fw cancel RUN and submit it again with less ({key})",
            )


def _number(text: Any) -> float:
    """Return a number that HTCondor has written; 0 for what it does not know."""
    try:
        return float(text)
    except (TypeError, ValueError):
        return 0.0
