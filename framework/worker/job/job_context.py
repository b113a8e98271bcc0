"""A bench: what the calls of a job share, and how a call may fail there."""

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
from framework.worker.journal.statuses import BAD_RESULT as BAD_RESULT
from framework.worker.journal.statuses import INFRASTRUCTURE as INFRASTRUCTURE
from framework.worker.programs.programs import Programs


class WorkerTools:
    """What a worker keeps from one job to the next."""

    def __init__(
        self, workplace: WorkDirectory, journal: Journal, programs: Programs, environment: dict[str, str], images: str
    ) -> None:
        self.workplace = workplace
        self.journal = journal
        self.programs = programs
        self.measurer = ChecksumCache()
        self.secrets = Secrets(environment)
        # What programs get besides what the pipeline says; a secret reaches only those that are given it by name.
        given = {key: value for key, value in environment.items() if not key.startswith("FW_SECRET")}
        self.software = EnvironmentCache(programs, given, images)


class JobContext:
    """What the calls of one job share."""

    def __init__(self, job: JobSpec, queue: str, tools: WorkerTools) -> None:
        self.job = job
        self.queue = queue
        self.workplace = tools.workplace
        self.journal = tools.journal
        self.programs = tools.programs
        self.measurer = tools.measurer
        self.secrets = tools.secrets
        self.software = tools.software
        #: Whether programs are held to their memory here, or by the pool that has given it.
        self.watches_memory = True
        #: The graphics processors that the job may use; none where nobody counts them.
        self.gpus: list[int] = []
        #: Where outputs and logs are put: the archive, unless the call is only repeated.
        self.store_root = job.archive_root
        #: The rights of what is put there.
        self.store_mode = READ_ONLY
        #: Whether programs get copies of the archive's files, so that nothing they do can reach it.
        self.is_apart = False
        #: Archive paths that calls of this job read.
        self.wanted = {file.path for call in job.calls for file in call.inputs}
        #: Archive path to place in the job, for what earlier calls of this job made.
        self.placed: dict[str, str] = {}
        #: Calls that run at the same time share inputs: how many use each path now. Held while files are placed.
        self.users: Counter[str] = Counter()
        self.placing = threading.Lock()
        #: Archive paths that calls of this job made.
        self.made: set[str] = set()
        #: What is known of files that other jobs of the run made.
        self.known: dict[str, Checksum] = {}
        #: In which the steps run that share one.
        self.process = SharedProcess(job, tools.programs)

    def kept_at(self, path: str) -> str:
        """Where a file of the archive lies: with the outputs of this job, or where its inputs come from."""
        made = os.path.join(self.store_root, path)
        if self.store_root != self.job.archive_root and os.path.exists(made):
            return made
        return os.path.join(self.job.archive_root, path)


class CallFailure(Exception):  # noqa: N818 (an outcome, not a mistake of the code)
    """The call ends here, with this status and reason."""

    def __init__(self, status: int, reason: str, exceeded: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.exceeded = exceeded
