"""A real pool, beside which these tests run (tools/htcondor-pool), and what can be done to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from framework.registry.admin.equality import differences
from framework.registry.database.opening import open_registry
from framework.registry.questions.runs import find_run
from tests.engines.test_late import a_scatter, count  # noqa: F401 (fixtures)

ROOT = Path(__file__).parents[2]
#: Types of files whose contents differ each time.
VOLATILE = frozenset({"log", "plan"})
#: How long anything may take before a test gives up.
PATIENCE = 120.0
#: Tests to what they share: a training, and simulated images.
TOGETHER = {
    "test_the_training_": "training",
    "test_the_coadds_": "images",
    "test_steps_in_one_process_": "images",
}
#: The sites of pipelines/common/sites.wcl, with what this pool's machines have.
SHARED = [
    "target_site=htcondor",
    "site.htcondor.python=" + sys.executable,
    # The pool gives a machine that is lost so many seconds to come back; its default is forty minutes.
    "site.htcondor.condor_submit.job_lease_duration=20",
]
FAR = [
    "target_site=htcondor_transfer",
    "site.htcondor_transfer.python=" + sys.executable,
    "site.htcondor_transfer.condor_submit.job_lease_duration=20",
]


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("POOL_CONTROL"):
        config.option.basetemp = Path.home() / "tests"
        # The programs of a run must find their packages without it.
        os.environ.pop("PYTHONPATH", None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Leave a worker that runs beside a pool the packages of its own Python: it is another than this process's."""
    if node.gateway.spec.python:
        node.gateway.spec.popen = None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand the tests out one by one, except that those which share a fixture that takes minutes stay together."""
    from xdist.scheduler import LoadScopeScheduling

    class OneByOne(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((group for name, group in TOGETHER.items() if name in nodeid), nodeid)

    return OneByOne(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.htcondor)
            if not os.environ.get("POOL_CONTROL"):
                item.add_marker(pytest.mark.skip(reason="runs beside a pool: make test-htcondor"))
    if os.environ.get("POOL_CONTROL"):
        # What takes longest begins first, so that no pool is left with it when the others have ended.
        items.sort(key=lambda item: "slow" not in item.keywords)


def until(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Wait for something to be so, and say what it is."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "it has not come to pass"
        time.sleep(0.1)
    return found


class Pool:
    """The pool that the tests run beside."""

    def ask(self, line: str) -> None:
        """Have something done that only root can."""
        with socket.socket(socket.AF_UNIX) as talk:
            talk.settimeout(PATIENCE)
            talk.connect(os.environ["POOL_CONTROL"])
            talk.sendall(line.encode() + b"\n")
            answer = talk.makefile().readline().strip()
        assert answer == "done", f"{line}: {answer}"

    def queue(self, *attributes: str, constraint: str = "true") -> list[dict[str, Any]]:
        done = subprocess.run(
            ["condor_q", "-json", "-constraint", constraint, "-attributes", ",".join(["ClusterId", *attributes])],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return json.loads(done.stdout) if done.stdout.strip() else []

    def remove_all(self) -> None:
        subprocess.run(["condor_rm", "-all"], capture_output=True, check=False)
        deadline = time.monotonic() + PATIENCE / 4
        while self.queue():
            if time.monotonic() > deadline:  # of machines that were lost, nobody will say that they have ended
                subprocess.run(["condor_rm", "-forcex", "-all"], capture_output=True, check=False)
            time.sleep(0.1)


@pytest.fixture(scope="session")
def the_pool() -> Pool:
    return Pool()


@pytest.fixture
def pool(the_pool: Pool) -> Iterator[Pool]:
    """The pool with an empty queue, before and after."""
    yield the_pool
    the_pool.ask("start")
    the_pool.remove_all()


def kill(*words: str) -> list[int]:
    """SIGKILL to every process of this user whose command line holds all of these words."""
    ended = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if all(word in line for word in words):
                os.kill(int(entry.name), signal.SIGKILL)
                ended.append(int(entry.name))
        except OSError:
            continue
    return ended


def sets(values: list[str]) -> list[str]:
    """``--set`` before each."""
    return [word for value in values for word in ("--set", value)]


def compare(first: Path, second: Path, run: str, *, ignore_lost: bool = False) -> list[str]:
    """What is different about a run in two homes, except that it ran at different sites."""
    one, other = (open_registry(f"sqlite:///{home}/registry.sqlite") for home in (first, second))
    try:
        a, b = find_run(one, run).attempt_id, find_run(other, run).attempt_id
        found = differences(one, a, other, b, volatile=VOLATILE, ignore_lost=ignore_lost)
    finally:
        one.close()
        other.close()
    return [line for line in found if "target_site" not in line]
