"""Page of exit codes, from the classes of errors."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from framework import errors
from tools.reference.markdown import table

title = "Exit codes"

COMMANDS = {
    0: "Done. Also when the reader of a pipe has closed it.",
    1: "The run or the check failed, or was interrupted.",
    2: "Usage or configuration: an option, a pipeline or a site's file is wrong. Nothing was done.",
    3: "Infrastructure: a registry, a disk, a pool or a server does not answer or is full. Try again later.",
}
WORKER = {
    0: "All calls of the job are done.",
    1: "A program failed, or its outputs are missing. The job is tried again only where `max_retries` says so.",
    75: "Infrastructure failed: a transfer, a disk, an environment. The job is tried again, elsewhere if possible.",
}


def lines() -> Iterator[str]:
    """Yield the page: codes of commands, the errors behind them, and codes of jobs."""
    yield from ("## Commands", "")
    classes = [value for value in vars(errors).values() if inspect.isclass(value)]
    kinds = [kind for kind in classes if issubclass(kind, errors.FrameworkError)]
    rows = []
    for code, meaning in COMMANDS.items():
        behind = [f"`{kind.__name__}`: {(kind.__doc__ or '').rstrip('.')}" for kind in kinds if kind.exit_code == code]
        rows.append((str(code), meaning, "; ".join(behind)))
    yield from table(("code", "meaning", "errors of `framework.errors`"), rows)
    yield from ("", "## Jobs", "")
    yield "What the worker ends with, as HTCondor sees it. The exit status of each program itself is in the registry"
    yield "(`pfw_exec`, `task.status`) and in the [journal](journal.md)."
    yield ""
    yield from table(("code", "meaning"), ((str(code), meaning) for code, meaning in WORKER.items()))
