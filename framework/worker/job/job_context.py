"""Context of a job: what its calls share, and the exception by which a call fails."""

from __future__ import annotations

import os
import threading
from collections import Counter

from framework.worker.environments.cache import EnvironmentCache
from framework.worker.files.transfer import READ_ONLY, Checksum, ChecksumCache
from framework.worker.job.deferred_values import Secrets
from framework.worker.job.shared_process import SharedProcess
from framework.worker.job.spec import JobSpec
from framework.worker.job.work_directory import WorkDirectory
from framework.worker.journal.journal import Journal
from framework.worker.programs.programs import Programs


class WorkerTools:
    """Objects that a worker keeps from one job to the next."""

    def __init__(
        self, work_dir: WorkDirectory, journal: Journal, programs: Programs, environment: dict[str, str], images: str
    ) -> None:
        self.work_dir = work_dir
        self.journal = journal
        self.programs = programs
        self.checksums = ChecksumCache()
        self.secrets = Secrets(environment)
        # Variables of all programs; a secret is passed only where the pipeline names it.
        variables = {key: value for key, value in environment.items() if not key.startswith("FW_SECRET")}
        self.software = EnvironmentCache(programs, variables, images)


class JobContext:
    """State that the calls of one job share."""

    def __init__(self, job: JobSpec, execution_id: str, tools: WorkerTools) -> None:
        self.job = job
        self.execution_id = execution_id
        self.work_dir = tools.work_dir
        self.journal = tools.journal
        self.programs = tools.programs
        self.checksums = tools.checksums
        self.secrets = tools.secrets
        self.software = tools.software
        #: Whether the worker enforces memory limits; on a pool, the pool does.
        self.watches_memory = True
        #: Graphics processors of the job; empty where they are not assigned.
        self.gpus: list[int] = []
        #: Directory for outputs and logs: the archive, unless a recorded call is rerun.
        self.store_root = job.archive_root
        #: Mode of files there.
        self.store_mode = READ_ONLY
        #: Whether programs get copies of archived files instead of links, so that they cannot change the archive.
        self.copies_inputs = False
        #: Archive paths that calls of this job read.
        self.read_paths = {file.path for call in job.calls for file in call.inputs}
        #: Archive path to path in the job, of files that are there.
        self.job_paths: dict[str, str] = {}
        #: Archive path to the number of running calls that read the file.
        self.users: Counter[str] = Counter()
        #: Held while inputs are staged or removed.
        self.staging = threading.Lock()
        #: Archive paths that calls of this job made.
        self.made: set[str] = set()
        #: Checksums, by archive path, of files that other jobs of the run made.
        self.known: dict[str, Checksum] = {}
        #: Process that the steps of the job share.
        self.process = SharedProcess(job, tools.programs)

    def archive_location(self, path: str) -> str:
        """Return the location of a file of the archive, which this job may have stored elsewhere."""
        stored = os.path.join(self.store_root, path)
        if self.store_root != self.job.archive_root and os.path.exists(stored):
            return stored
        return os.path.join(self.job.archive_root, path)


class CallFailure(Exception):  # noqa: N818 (a result of the call, not an error of the code)
    """The call fails, with this exit status and reason."""

    def __init__(self, status: int, reason: str, exceeded: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        #: MEMORY or TIME, where it exceeded that; else empty.
        self.exceeded = exceeded
