"""The lines that each test executes, in its own process and in the Python processes that it starts.

As ``sitecustomize`` of a copy of the tree this begins with every interpreter; as a pytest plugin it names the test.
It is there before pytest is (PYTEST_DONT_REWRITE).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import coverage
import pytest

#: The variable with the directory that the records go to. Names that begin with FW_ are not passed on by tests.
FOLDER = "MUTANTS_LINES"
#: Where pytest tells the processes that it starts which test is running.
CURRENT = "PYTEST_CURRENT_TEST"


def begin(folder: str) -> coverage.Coverage:
    """Record this process; what it executes belongs to the test that started it."""
    recorder = coverage.Coverage(config_file=os.path.join(folder, "coveragerc"), data_suffix=True)
    recorder.start()
    put_down_to_the_test(recorder)
    return recorder


def put_down_to_the_test(recorder: coverage.Coverage) -> None:
    """Put what follows down to the test that the environment names."""
    recorder.switch_context(os.environ.get(CURRENT, "").rpartition(" (")[0])


def follow_forks(folder: str) -> None:
    """Record forks by themselves, each from the moment when it has the environment of the test that it is for.

    The server of commands gives a fork the environment of its command, and then its directory.
    """

    def after_in_child() -> None:
        if before := coverage.Coverage.current():
            before.stop()
        begin(folder)

    def on_event(event: str, _: object) -> None:
        if event == "os.chdir" and CURRENT in os.environ and (recorder := coverage.Coverage.current()):
            put_down_to_the_test(recorder)

    os.register_at_fork(after_in_child=after_in_child)
    sys.addaudithook(on_event)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Put what follows down to the test."""
    recorder = coverage.Coverage.current()
    if recorder:
        recorder.switch_context(item.nodeid)
    yield
    if recorder:
        recorder.switch_context("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Write down how the test went, from the process that runs it."""
    folder = os.environ.get(FOLDER)
    if folder and report.when == "call" and "PYTEST_XDIST_WORKER" in os.environ:
        with open(os.path.join(folder, f"{os.getpid()}.tests"), "a", encoding="utf-8") as out:
            out.write(f"{report.outcome} {report.duration:.3f} {report.nodeid}\n")


if __name__ == "sitecustomize" and FOLDER in os.environ:
    import atexit

    begin(os.environ[FOLDER])
    follow_forks(os.environ[FOLDER])

    @atexit.register
    def _end() -> None:
        recorder = coverage.Coverage.current()
        if recorder is None:
            return
        recorder.stop()
        try:
            recorder.save()
        except coverage.CoverageException as error:
            print(f"lines were not recorded: {error}", file=sys.stderr)
