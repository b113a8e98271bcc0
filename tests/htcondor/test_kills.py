"""Whatever is killed, the run comes to its end, nothing that is on record is done again, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from framework.job.journal import read_facts
from tests.htcondor.conftest import ROOT, SHARED, kill, sets, until

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
GATED = 'echo x >> {home}/began-$1; until [ -e {home}/go-$1 ] || [ -e {home}/go ]; do sleep 0.1; done; echo "$1" > "$2"'


@pytest.fixture
def begun(a_pipeline, fw, tmp_path: Path) -> Callable[[], Path]:
    """A run of three gated programs and a gather, handed to the pool."""

    def begin() -> Path:
        pipeline = a_pipeline(GATED.format(home=tmp_path))
        done = fw("submit", pipeline, *sets(SHARED))
        assert done.status == 0, done.err
        return tmp_path / "home/runs" / RUN

    return begin


def dagman(run: Path) -> None:
    until(lambda: kill("condor_dagman", "run.dag"))


def follower(run: Path) -> None:
    until(lambda: kill("service.py", "follow"))


def worker(run: Path) -> None:
    until(lambda: kill("start.py", "settings.json"))


VICTIMS = {"dagman": dagman, "follower": follower, "worker": worker}


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_run_survives_the_loss_of(begun, fw, pool, ask, tmp_path, victim):
    end = VICTIMS[victim]
    run = begun()
    if victim != "worker":  # there is none yet
        end(run)
    until(lambda: len(list(tmp_path.glob("began-*"))) == 3)
    end(run)  # twice in a row
    until(lambda: len(list(tmp_path.glob("began-*"))) == 3)
    (tmp_path / "go-1").touch()
    until(lambda: (run.parents[1] / "archive").rglob("1.txt"))
    end(run)
    (tmp_path / "go").touch()
    over(pool, run)
    whole(run, ask)


def test_a_run_survives_the_loss_of_the_whole_pool(begun, pool, ask, tmp_path):
    run = begun()
    restart_pool(pool)
    until(lambda: len(list(tmp_path.glob("began-*"))) == 3)
    restart_pool(pool)
    restart_pool(pool)
    (tmp_path / "go-1").touch()
    until(lambda: finished(run)[1])
    restart_pool(pool)
    (tmp_path / "go").touch()
    over(pool, run)
    whole(run, ask)


@pytest.mark.parametrize("point", ["plan/run.json", "condor/0/settings.json", "condor/0/run.dag"])
def test_a_submission_that_is_killed_is_taken_up_by_a_restart(a_pipeline, fw, environment, pool, ask, tmp_path, point):
    pipeline = a_pipeline()
    run = tmp_path / "home/runs" / RUN
    command = [sys.executable, "-m", "framework.cli", "submit", str(pipeline), *sets(SHARED)]
    submit = subprocess.Popen(command, env={**environment, "PYTHONPATH": str(ROOT)}, cwd=tmp_path)
    until(lambda: (run / point).exists() or submit.poll() is not None)
    os.kill(submit.pid, signal.SIGKILL)
    submit.wait()
    restarted = fw("restart", RUN, "--wait")
    if "is running" in restarted.err:  # it was submitted just before its end
        over(pool, run)
    whole(run, ask)


def restart_pool(pool) -> None:
    for name in DAEMONS:
        pool.ask(f"kill {name}")
    pool.ask("start")


def over(pool, run: Path) -> None:
    until(lambda: not pool.queue(constraint=f'SkyfwRun == "{run}"'), patience=240)


def finished(run: Path) -> Counter[int]:
    """Call number to how often its good end is in a journal."""
    facts = (fact for path in (run / "journal").glob("*.jsonl") for fact in read_facts(str(path)))
    return Counter(fact["call"] for fact in facts if fact["e"] == "call.end" and fact["status"] == 0)


def whole(run: Path, ask) -> None:
    assert finished(run) == {1: 1, 2: 1, 3: 1, 4: 1}
    good = ask(
        "select w.wrapnum, count(*) from pfw_wrapper w, task t where t.id = w.task_id and t.status = 0 group by 1"
    )
    assert sorted(good) == [(1, 1), (2, 1), (3, 1), (4, 1)]
    kept = ask("select filename from desfile where filetype in ('made', 'all') order by filename")
    assert kept == [("1.txt",), ("2.txt",), ("3.txt",), ("together.txt",)]
    assert ask("select status from task where name = 'attempt'") == [(0,)]
    assert ask("select count(*) from task where end_time is null") == [(0,)]
