"""How a job ended: the exit codes of the original, and what becomes of a job that failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """What a job's status says."""

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


#: Statuses that say that memory was too little.
MEMORY = (Exit.MEMORY_IN_LOG, Exit.MEMORY_ERROR, Exit.CONTAINER_MEMORY, Exit.CANNOT_ALLOCATE)


class JobError(Exception):
    """The job ends here, with this status."""

    def __init__(self, status: Exit, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What kind of failure it was, and what to do."""

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


def classify_event(event: Mapping[str, Any]) -> Failure:
    """The kind of a failed job's event, as the batch system of the original writes it."""
    detail = event.get("detail") or {}
    container = detail.get("container") or {}
    attempts = [attempt.get("container") or {} for attempt in detail.get("attempts") or [{}]]
    said = " ".join(str(part.get("reason") or "") for part in (container, *attempts))
    status_reason = str(detail.get("statusReason") or "")
    kind = _kind(container.get("exitCode"), said, status_reason)
    reason = " ".join(dict.fromkeys(part for part in (status_reason, said.strip()) if part and part != "undefined"))
    return Failure(kind=kind, remedy=REMEDIES[kind], reason=f"{reason} (exit {container.get('exitCode')})")


def _kind(status: Any, said: str, status_reason: str) -> str:
    if "Operator cancelled" in status_reason:
        return "cancelled"
    if "exceeded timeout" in status_reason:
        return "timeout"
    if status in MEMORY or "OutOfMemoryError" in said:
        return "memory"
    if "CannotInspectContainer" in said or "DockerTimeoutError" in said:
        return "infrastructure"
    return "error"
