"""Event log: what HTCondor reports of the jobs of a DAG, in the file that DAGMan has it write."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

#: ``012 (005.000.000) 2026-11-21 00:55:25 Job was held.``
_HEAD = re.compile(rb"(\d{3}) \((\d+)\.(\d+)\.\d+\) (\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(?:\.\d+)?Z? ?(.*)")
_END = b"...\n"
_HOLD = re.compile(r"Code (\d+) Subcode (-?\d+)")
_NODE = re.compile(r"DAG Node: (\S+)")
_RETURNED = re.compile(r"\(1\) Normal termination \(return value (\d+)\)")
_SIGNALLED = re.compile(r"\(0\) Abnormal termination \(signal (\d+)\)")
_MEMORY = re.compile(r"^\s*Memory = (\d+)")
_SLOT = re.compile(r"SlotName: (\S+)")


class EventKind(IntEnum):
    """Events that are read here, by HTCondor's numbers."""

    SUBMITTED = 0
    EXECUTING = 1
    EVICTED = 4
    TERMINATED = 5
    SHADOW_EXCEPTION = 7
    #: A line that the job itself has written through its starter.
    GENERIC = 8
    ABORTED = 9
    HELD = 12
    RELEASED = 13
    POST_ENDED = 16
    DISCONNECTED = 22
    RECONNECTED = 23
    RECONNECT_FAILED = 24


@dataclass(frozen=True, kw_only=True)
class Event:
    """Event of one job."""

    number: int
    cluster: int
    #: Seconds since 1970.
    t: float
    text: str
    lines: tuple[str, ...]

    @property
    def node(self) -> str:
        """Name of the job in its DAG, where the event has it."""
        return _first(_NODE, self.lines)

    @property
    def slot(self) -> str:
        """Name of the slot where the job runs."""
        return _first(_SLOT, self.lines)

    @property
    def memory_mb(self) -> int:
        """MB that a job gets when it begins to run; 0 where the pool does not say."""
        return int(_first(_MEMORY, self.lines) or 0)

    @property
    def hold(self) -> tuple[int, int]:
        """Code and subcode of a hold."""
        for line in self.lines:
            if found := _HOLD.search(line):
                return int(found[1]), int(found[2])
        return 0, 0

    @property
    def reason(self) -> str:
        """HTCondor's reason, as it is written in the event."""
        if self.number in (EventKind.HELD, EventKind.ABORTED, EventKind.RELEASED, EventKind.SHADOW_EXCEPTION):
            return self.lines[0].strip() if self.lines else ""
        return self.text.strip()

    @property
    def status(self) -> int | None:
        """Status that the job ended with: exit code, or 128 + signal; None for another event."""
        returned, signalled = _first(_RETURNED, self.lines), _first(_SIGNALLED, self.lines)
        if returned:
            return int(returned)
        return 128 + int(signalled) if signalled else None


class EventLog:
    """Log that grows; each event is read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0

    def read_new_events(self) -> Iterator[Event]:
        """Yield events that were added; one that is not whole yet is left for the next time."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._position)
                block: list[bytes] = []
                for line in file:
                    if not line.endswith(b"\n"):
                        return
                    block.append(line)
                    if line == _END:
                        self._position += sum(map(len, block))
                        if (event := _event(block)) is not None:
                            yield event
                        block = []
        except FileNotFoundError:
            return


def _event(block: list[bytes]) -> Event | None:
    head = _HEAD.match(block[0])
    if head is None:
        return None
    moment = time.strptime(head[4].decode().replace("T", " "), "%Y-%m-%d %H:%M:%S")
    return Event(
        number=int(head[1]),
        cluster=int(head[2]),
        t=time.mktime(moment),
        text=head[5].decode("utf-8", "replace"),
        lines=tuple(line.decode("utf-8", "replace").rstrip("\n") for line in block[1:-1]),
    )


def _first(pattern: re.Pattern[str], lines: tuple[str, ...]) -> str:
    return next((found[1] for line in lines if (found := pattern.search(line))), "")
