"""Whatever is killed, the run comes to its end, nothing that is on record is done again, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from framework.worker.journal.journal import read_facts
from tests.conftest import Said
from tests.htcondor.conftest import FAR, ROOT, SHARED, Pool, compare, kill, sets, until

RUN = "U_r1p01"
DAEMONS = (
    "master",
    "schedd",
    "shadow",
    "startd",
    "starter",
    "collector",
    "negotiator",
    "shared_port",
    "procd",
    "dagman",
)
#: Each program says that it has begun, and goes on when it may.
WAIT = "echo x >> {home}/began-{what}; until [ -e {home}/go-{what} ] || [ -e {home}/go ]; do sleep 0.1; done"
MAKE, GATHER = WAIT + '; echo "$1" > "$2"', WAIT + '; cat $(cat "$1") > "$2"'


class Stage:
    """A run of three programs and a gather, each of which waits for a word."""

    def __init__(self, fw: Callable[..., Said], pool: Pool, pipeline: Path) -> None:
        self._fw = fw
        self._pool = pool
        self._place = pipeline.parent
        self.pipeline = pipeline
        self.run = self._place / "home/runs" / RUN

    def submit(self, site: list[str]) -> None:
        done = self._fw("submit", self.pipeline, *sets(site))
        assert done.status == 0, done.err

    def wait_for(self, *programs: object, times: int = 1) -> None:
        """Until these have begun so often."""
        for program in programs:
            until(partial(self.has_begun, program, times))

    def has_begun(self, program: object, times: int) -> bool:
        return self.begun(program) >= times

    def begun(self, program: object) -> int:
        file = self._place / f"began-{program}"
        return len(file.read_text().split()) if file.exists() else 0

    def let_go(self, *programs: object) -> None:
        """Let these come to their end; without names all."""
        for name in [f"go-{program}" for program in programs] or ["go"]:
            (self._place / name).touch()

    def wait_for_the_end_of(self, call: int) -> None:
        """Until it is in a journal that nobody can take away any more, and its job has ended too."""
        until(lambda: finished(self.run)[call])
        until(lambda: json.loads(self._fw("why", RUN, "--json").out)["queue"].get("done"))

    def wait_for_the_end(self) -> None:
        until(lambda: not self._pool.queue(constraint=f'SkyfwRun == "{self.run}"'), patience=240)


@pytest.fixture
def stage(a_pipeline, a_program, fw, pool, tmp_path: Path) -> Stage:
    """The run; the same has come to its end undisturbed before, elsewhere."""
    pipeline = a_pipeline(MAKE.format(home=tmp_path, what="$1"))
    a_program("gather", GATHER.format(home=tmp_path, what="gather"))
    stage = Stage(fw, pool, pipeline)
    stage.let_go()
    assert fw("submit", pipeline, FW_HOME=str(tmp_path / "undisturbed")).status == 0
    for left in [tmp_path / "go", *tmp_path.glob("began-*")]:
        left.unlink()
    return stage


def dagman(pool: Pool) -> None:
    until(lambda: kill("condor_dagman", "run.dag"))


def follower(pool: Pool) -> None:
    until(lambda: kill("service.py", "follow"))


def schedd(pool: Pool) -> None:
    pool.ask("kill schedd")
    pool.ask("start")


def whole_pool(pool: Pool) -> None:
    for name in DAEMONS:
        pool.ask(f"kill {name}")
    pool.ask("start")


def worker(pool: Pool) -> None:
    until(lambda: kill("start.py", "settings.json") + kill("job.pyz", "settings.json"))


def worker_and_follower(pool: Pool) -> None:
    """The one that would close what the other leaves open comes too late for it."""
    follower(pool)
    worker(pool)
    kill("service.py", "follow")


@pytest.mark.parametrize(
    ("end", "site"),
    [
        pytest.param(dagman, SHARED, id="dagman"),
        pytest.param(follower, FAR, id="follower-transfer"),
        pytest.param(schedd, SHARED, id="schedd"),
    ],
)
def test_a_run_survives_the_loss_of_what_looks_after_it(stage, pool, fw, ask, end, site):
    stage.submit(site)
    end(pool)
    with watched(fw):
        stage.wait_for(1, 2, 3)
        end(pool)
        end(pool)
        stage.let_go(1)
        stage.wait_for_the_end_of(1)
        end(pool)
        stage.let_go(2, 3)
        stage.wait_for("gather")
        end(pool)
        stage.let_go()
        until(lambda: kill("service.py", "finish") or not pool.queue())
        stage.wait_for_the_end()
    whole(stage, fw, ask)
    assert [stage.begun(program) for program in (1, 2, 3, "gather")] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("end", "site"),
    [
        pytest.param(worker, SHARED, id="worker"),
        pytest.param(worker_and_follower, SHARED, id="worker-and-follower"),
        pytest.param(worker_and_follower, FAR, id="worker-and-follower-transfer"),
        pytest.param(whole_pool, SHARED, id="pool"),
        pytest.param(whole_pool, FAR, id="pool-transfer"),
    ],
)
def test_a_run_survives_the_loss_of_what_it_runs_on(stage, pool, fw, ask, end, site):
    stage.submit(site)
    if end is whole_pool:
        end(pool)
    stage.wait_for(1, 2, 3)
    end(pool)
    stage.wait_for(1, 2, 3, times=2)
    end(pool)
    stage.let_go(1)
    stage.wait_for_the_end_of(1)
    stage.wait_for(2, 3, times=3)
    end(pool)
    stage.let_go(2, 3)
    stage.wait_for("gather")
    end(pool)
    stage.let_go()
    stage.wait_for_the_end()
    whole(stage, fw, ask)
    assert stage.begun(1) == 3


def is_reached_or_over(point: Path, process: subprocess.Popen[bytes]) -> bool:
    return point.exists() or process.poll() is not None


@pytest.mark.parametrize("point", ["plan/run.json", "condor/0/settings.json", "condor/0/run.dag"])
def test_a_submission_that_is_killed_is_taken_up_by_a_restart(stage, fw, environment, ask, tmp_path, point):
    for words in (["submit", str(stage.pipeline), *sets(SHARED)], ["restart", RUN]):  # twice in a row
        command = [sys.executable, "-m", "framework.cli", *words]
        handing = subprocess.Popen(command, env={**environment, "PYTHONPATH": str(ROOT)}, cwd=tmp_path)
        until(partial(is_reached_or_over, stage.run / point, handing))
        os.kill(handing.pid, signal.SIGKILL)
        handing.wait()
    stage.let_go()
    restarted = fw("restart", RUN, "--wait")
    if "is running" in restarted.err:  # it was submitted just before its end
        stage.wait_for_the_end()
    whole(stage, fw, ask)


@contextmanager
def watched(fw: Callable[..., Said]) -> Iterator[None]:
    """Somebody looks at the run all the time, while others write its record."""
    stop = threading.Event()
    wrong: list[str] = []

    def look() -> None:
        while not stop.wait(0.5):
            for verb in ("stat", "why", "job"):
                said = fw(verb, RUN)
                wrong.extend([said.err] if said.status else [])

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
    assert wrong == []


def finished(run: Path) -> Counter[int]:
    """Call number to how often its good end is in a journal."""
    facts = (fact for path in (run / "journal").glob("*.jsonl") for fact in read_facts(str(path)))
    return Counter(fact["call"] for fact in facts if fact["e"] == "call.end" and fact["status"] == 0)


def whole(stage: Stage, fw: Callable[..., Said], ask: Callable[..., list[tuple[object, ...]]]) -> None:
    """Each call came to one good end, and the record is that of the undisturbed run but for what was lost."""
    assert finished(stage.run) == {1: 1, 2: 1, 3: 1, 4: 1}
    home = stage.run.parents[1]
    assert compare(home.parent / "undisturbed", home, RUN, ignore_lost=True) == []
    assert ask("select count(*) from task where end_time is null") == [(0,)]
    checked = fw("fsck", "--contents")
    assert checked.status == 0, checked.out
