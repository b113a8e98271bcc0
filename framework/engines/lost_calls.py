"""Lost calls: calls that a killed execution left open are closed on record, and their logs get names of their own."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable

from framework.worker.files.transfer import READ_ONLY, lost_log_path, measure, move
from framework.worker.journal.facts import CallTry, FileObject, call_end, call_message, file_record
from framework.worker.journal.journal import Journal
from framework.worker.journal.message_level import MessageLevel
from framework.worker.journal.restart_state import OpenCall
from framework.worker.journal.statuses import LOST


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
    """Record the end of each lost call, with the log that it had written so far.

    The log lies in the archive or below ``written_in``; one that is ``in_use`` is another execution's by now.
    """
    for call in sorted(calls, key=lambda call: call.key):
        log = _keep_log(call, archive, archive_root, "" if call.log in in_use else written_in or archive_root)
        messages = [call_message(MessageLevel.ERROR, reason)]
        made = [[0, log["path"]]] if log else []
        name = log["path"] if log else ""
        files = [log] if log else []
        journal.write(call_end(CallTry(*call.key), LOST, files=files, made=made, messages=messages, log=name))


def _keep_log(call: OpenCall, archive: str, archive_root: str, written_in: str) -> FileObject | None:
    """Keep the log of a lost call under a name that its next execution will not use; None where it wrote none."""
    kept = lost_log_path(call.log, call.execution_id)
    target = os.path.join(archive_root, kept)
    try:
        # The next execution may have put it aside already.
        if written_in and not os.path.exists(target):
            move(os.path.join(written_in, call.log), target)
        found = measure(target)
        os.chmod(target, READ_ONLY)
    except OSError:
        return None  # it had written none, or it cannot be kept: the run goes on without it
    metadata = {"modulename": call.module}
    return file_record(kept, "log", size=found.size, sha256=found.sha256, archive=archive, metadata=metadata)
