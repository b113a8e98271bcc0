"""Exit codes of jobs as CALCLOUD defines them, and the classes of failed jobs with their remedies."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """Exit status of a job."""

    SUCCESS = 0
    GENERIC = 1
    COMMAND_LINE = 2
    INPUT_TAR = 21
    RETRIEVE = 22
    STAGE1 = 23
    STAGE2 = 24
    UPLOAD = 25
    DOWNLOAD = 26
    BESTREFS = 27
    PREVIEWS = 28
    MEMORY_IN_LOG = 31
    MEMORY_ERROR = 32
    CONTAINER_MEMORY = 33
    CANNOT_ALLOCATE = 34


#: Statuses of jobs that ran out of memory.
MEMORY = (ExitCode.MEMORY_IN_LOG, ExitCode.MEMORY_ERROR, ExitCode.CONTAINER_MEMORY, ExitCode.CANNOT_ALLOCATE)


class JobError(Exception):
    """Error that ends a job with an exit status."""

    def __init__(self, status: ExitCode, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class JobFailure:
    """Class of a failure, with its remedy."""

    #: `memory`, `timeout`, `infrastructure`, `cancelled` or `error`.
    kind: str
    #: `next rung`, `next quantile`, `same again` or `give up`.
    remedy: str
    reason: str


REMEDIES: Mapping[str, str] = {
    "memory": "next rung",
    "timeout": "next quantile",
    "infrastructure": "same again",
    "cancelled": "give up",
    "error": "give up",
}


def classify_event(event: Mapping[str, Any]) -> JobFailure:
    """Classify a failed job.

    Parameters
    ----------
    event : Mapping[str, Any]
        Event of the job as AWS Batch writes it.

    Returns
    -------
    JobFailure
        Class, remedy and reason.
    """
    detail = event.get("detail") or {}
    container = detail.get("container") or {}
    reasons = _container_reasons(detail, container)
    status_reason = str(detail.get("statusReason") or "")
    kind = _kind(container.get("exitCode"), reasons, status_reason)
    reason = " ".join(dict.fromkeys(part for part in (status_reason, reasons.strip()) if part and part != "undefined"))
    return JobFailure(kind=kind, remedy=REMEDIES[kind], reason=f"{reason} (exit {container.get('exitCode')})")


def _container_reasons(detail: Mapping[str, Any], container: Mapping[str, Any]) -> str:
    attempts = [attempt.get("container") or {} for attempt in detail.get("attempts") or [{}]]
    return " ".join(str(part.get("reason") or "") for part in (container, *attempts))


def _kind(status: Any, reasons: str, status_reason: str) -> str:
    if "Operator cancelled" in status_reason:
        return "cancelled"
    if "exceeded timeout" in status_reason:
        return "timeout"
    if status in MEMORY or "OutOfMemoryError" in reasons:
        return "memory"
    if "CannotInspectContainer" in reasons or "DockerTimeoutError" in reasons:
        return "infrastructure"
    return "error"
