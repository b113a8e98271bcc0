"""Statuses: numbers by which attempts, jobs and calls say how they ended, beside the exit codes of programs."""

from __future__ import annotations

#: Of a call whose results are not what they should be, although its programs ended well.
BAD_RESULT = 1
#: Of an attempt that was cancelled or interrupted.
INTERRUPTED = 5
#: Of a call or job that its machine failed, not the science, as sysexits has it: worth another try elsewhere.
INFRASTRUCTURE = 75
#: Of a job that asks for more memory, as it tells the pool.
OUT_OF_MEMORY = 76
#: Of a call whose execution ended without recording an end; no program can end with it.
LOST = -9
