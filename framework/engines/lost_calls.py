"""Loss: what a killed execution of a job left open is closed on record, and its logs keep a name of their own."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any

from framework.worker.files.transfer import READ_ONLY, lost_log, measure, move
from framework.worker.journal.journal import Journal

#: The status of what ended without a word; no program can end with it.
LOST = -9


@dataclass(frozen=True, order=True)
class OpenCall:
    """A call that began and never ended."""

    job: int
    queue: str
    call: int
    number_of_try: int
    log: str
    module: str

    @property
    def key(self) -> tuple[int, str, int, int]:
        return (self.job, self.queue, self.call, self.number_of_try)


def closed_calls(facts: Iterable[dict[str, Any]]) -> set[OpenCall]:
    """The calls that the engine has closed for a worker that could not."""
    return {
        OpenCall(fact["job"], fact["queue"], fact["call"], fact["try"], "", "")
        for fact in facts
        if fact["e"] == "call.end" and fact["status"] == LOST
    }


def open_calls(facts: Iterable[dict[str, Any]]) -> set[OpenCall]:
    """The calls that some facts leave open."""
    found: dict[tuple[int, str, int, int], OpenCall] = {}
    for fact in facts:
        if fact["e"] == "call.start":
            key = (fact["job"], fact["queue"], fact["call"], fact["try"])
            found[key] = OpenCall(*key, fact["log"], fact["module"])
        elif fact["e"] == "call.end":
            found.pop((fact["job"], fact["queue"], fact["call"], fact["try"]), None)
    return set(found.values())


def close_calls(
    calls: Iterable[OpenCall],
    journal: Journal,
    archive: str,
    archive_root: str,
    reason: str,
    *,
    written_in: str | None = None,
    in_use: Container[str] = (),
) -> None:
    """Put the end of each lost call on record, with the log it had written so far.

    The log lies in the archive or below ``written_in``; one that is ``in_use`` is another execution's by now.
    """
    for call in sorted(calls):
        log = _keep_log(call, archive, archive_root, "" if call.log in in_use else written_in or archive_root)
        journal.write(
            "call.end", job=call.job, queue=call.queue, call=call.call, **{"try": call.number_of_try}, status=LOST,
            files=[log] if log else [], used=[], made=[[0, log["path"]]] if log else [], derived=[],
            messages=[{"level": 1, "text": reason, "exec": 0}], **({"log": log["path"]} if log else {}),
        )  # fmt: skip


def _keep_log(call: OpenCall, archive: str, archive_root: str, written_in: str) -> dict[str, Any] | None:
    """The lost call's log under a name that its next execution will not use; None where it wrote none."""
    kept = lost_log(call.log, call.queue)
    target = os.path.join(archive_root, kept)
    try:
        # The next execution may have put it aside already.
        if written_in and not os.path.exists(target):
            move(os.path.join(written_in, call.log), target)
        found = measure(target)
        os.chmod(target, READ_ONLY)
    except OSError:
        return None  # it had written none, or it cannot be kept: the run goes on without it
    meta = {"modulename": call.module}
    return {"path": kept, "type": "log", "size": found.size, "sha256": found.sha256, "archive": archive, "meta": meta}
