"""Standard error for people who may have gone: what cannot be written to it is dropped, and the work goes on."""

from __future__ import annotations

import io
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing_extensions import Buffer


class DroppingFile(io.FileIO):
    """Raw file whose writes never fail: a full disk, a closed pipe or terminal takes what it can."""

    def write(self, data: Buffer, /) -> int:
        """Write bytes, or drop them."""
        try:
            written = super().write(data)
        except OSError:
            written = None
        return memoryview(data).nbytes if written is None else written


def keep_going_without_audience() -> None:
    """Put a standard error in place that drops what cannot be written; one that is not the process's own stays.

    Progress and messages are also in the logs and journals of a run. Results go to standard output, whose errors count.
    """
    own = sys.stderr
    if own is not sys.__stderr__ or own is None:
        return
    raw = DroppingFile(own.fileno(), "w", closefd=False)
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=own.encoding, errors="backslashreplace", line_buffering=True
    )
