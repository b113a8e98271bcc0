"""Execution of a job on an HTCondor pool: its scratch directory, its id, and how often the job was started."""

from __future__ import annotations

import os
import re
import time


class PoolExecution:
    """Present execution of a job, as its pool describes it."""

    def __init__(self, cluster: str) -> None:
        self.scratch = os.environ.get("_CONDOR_SCRATCH_DIR") or os.getcwd()
        self.cluster = cluster
        starts = _read_attribute(os.environ.get("_CONDOR_JOB_AD", ""), "NumJobStarts")
        #: How many executions of the job began before; None where the pool does not say.
        self.starts = None if starts is None else int(starts)

    @property
    def id(self) -> str:
        """Id of this execution, unique in the run."""
        if self.starts is not None:
            return execution_id(self.cluster, self.starts)
        return f"{self.cluster}.{os.uname().nodename}-{os.getpid()}-{int(time.time())}"


def execution_id(cluster: str, starts: int) -> str:
    """Return the id of the execution of a cluster that began after so many others."""
    return f"{cluster}.{starts}"


def _read_attribute(ad: str, name: str) -> str | None:
    """Read an attribute of the file with the job's ClassAd; None where either is missing."""
    try:
        with open(ad, encoding="utf-8", errors="replace") as file:
            found = re.search(rf"^{name} = (.*)$", file.read(), re.MULTILINE)
    except OSError:
        return None
    return found[1] if found else None
