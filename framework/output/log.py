"""Logging: events of a run for whoever operates it, on standard error or in a file.

A part has its logger, :func:`get_logger`, and logs what began and ended, how many and how long, and what was unusual.
The run, the job and the call that an event is about are fields of its record::

    log.info("lost: %s", reason, extra={"run": run, "job": job})

Nothing is shown unless ``fw --verbose`` or ``FW_LOG`` asks for it: ``FW_LOG=info`` on standard error,
``FW_LOG=debug:FILE`` in a file. Processes beside a run (follower, planner of late blocks, stager, nodes of a DAG) write
to ``log/`` in its directory.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

from framework.errors import FrameworkError
from framework.output.text import printable_lines

#: Fields that a record may have, in the order in which they are shown.
FIELDS = ("run", "block", "job", "call")
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
#: The logger above those of all parts.
ROOT = "framework"

# Without a handler, warnings would go to standard error, where commands print the same in their own words.
logging.getLogger(ROOT).addHandler(logging.NullHandler())


class EventFormatter(logging.Formatter):
    """Lines with time (UTC), level, part and fields: ``2026-01-31T05:06:07Z INFO engines.local run=r job=3: lost``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, without characters that would move a terminal's cursor."""
        fields = "".join(
            f" {name}={value}" for name in FIELDS if (value := getattr(record, name, None)) not in (None, "")
        )
        part = record.name.removeprefix(f"{ROOT}.")
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        return printable_lines(f"{when} {record.levelname} {part}{fields}: {text}")


class EventFile(logging.FileHandler):
    """A file of events; where it cannot be written, that is printed once, and nothing fails for it."""

    _is_reported = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (the name is logging's)
        """Report the first error that writing a record meets."""
        if not self._is_reported:
            self._is_reported = True
            print(f"the log {self.baseFilename} cannot be written: {sys.exc_info()[1]}", file=sys.stderr)


def get_logger(name: str) -> logging.Logger:
    """Return the logger of a part, by the name of its module."""
    return logging.getLogger(name)


def configure(verbosity: int, setting: str) -> None:
    """Show events as ``--verbose`` (given so many times) and the variable ``FW_LOG`` ask.

    Raises FrameworkError where ``FW_LOG`` names no level, or its file cannot be written.
    """
    if setting:
        level, _, file = setting.partition(":")
        if level.lower() not in LEVELS:
            raise FrameworkError(f"FW_LOG={setting}: it is LEVEL or LEVEL:FILE, and a level is {', '.join(LEVELS)}")
        add_handler(LEVELS[level.lower()], Path(file) if file else None)
    if verbosity:
        add_handler(logging.DEBUG if verbosity > 1 else logging.INFO, None)


def add_handler(level: int, file: Path | None) -> None:
    """Write events of a level and above to a file, whose folder is made, or to standard error.

    Raises FrameworkError where the file cannot be written.
    """
    try:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.StreamHandler(sys.stderr) if file is None else EventFile(file, encoding="utf-8")
    except OSError as error:
        raise FrameworkError(f"the log {file} cannot be written: {error.strerror}") from error
    handler.setFormatter(EventFormatter())
    handler.setLevel(level)
    logger = logging.getLogger(ROOT)
    logger.addHandler(handler)
    logger.setLevel(min(level, logger.level or level))


def setting_for(directory: Path, part: str) -> str:
    """Return the value of ``FW_LOG`` by which a process beside a run logs into the run's directory."""
    level = os.environ.get("FW_LOG", "").partition(":")[0].lower()
    return f"{level if level in LEVELS else 'info'}:{directory / 'log' / part}.log"


def log_to_run(directory: Path, part: str) -> None:
    """Write events of this process to ``log/PART.log`` in a run's directory.

    A log that cannot be opened stops nothing: that is printed.
    """
    level, _, file = setting_for(directory, part).partition(":")
    try:
        add_handler(LEVELS[level], Path(file))
    except FrameworkError as error:
        print(error, file=sys.stderr)
