"""The cycle: a champion plans, jobs run as planned, and their usage updates the model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "pipelines"

#: Stands in for calacs.e and says so; the dataset's name says what it takes: 100 MB, or too long, at first.
STAND_IN = """#!{python} -SI
import os, sys, time
name = os.path.basename(os.getcwd())
print("stand-in for", sys.argv[0])
if name == "jbig01a1q":
    held = bytearray(b"x") * 100_000_000
    time.sleep(0.5)
if name == "jslow01aq" and not os.path.exists("{place}/slow"):
    open("{place}/slow", "w").close()
    time.sleep(60)
open(name + "_flt.fits", "w").write("product")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loop")


@pytest.fixture(scope="module")
def do(place: Path):
    """Commands as a user types them, with the stand-in first on PATH."""
    programs = place / "bin"
    programs.mkdir()
    (programs / "calacs.e").write_text(STAND_IN.format(python=sys.executable, place=place))
    (programs / "calacs.e").chmod(0o755)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("FW_")}
    path = f"{programs}:{Path(sys.executable).parent}:{inherited['PATH']}"
    environment = {**inherited, "FW_HOME": str(place / "home"), "PYTHONPATH": str(ROOT), "PATH": path, "NO_COLOR": "1"}

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", *map(str, words)], cwd=place, env=environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def loop(place: Path, do) -> Path:
    """Trained, forecast, planned, processed; read only."""
    do("framework.cli", "submit", PIPELINES / "calcloud_train.wcl", "--set", "sample_rows=300")
    do("framework.cli", "tag", "calcloud-champion", "calcloud_r1p01")
    inputs = place / "inputs"
    inputs.mkdir()
    for name in ("jbig01a1q", "jslow01aq", "jone01a1q"):
        (inputs / f"{name}_raw.fits").write_text("raw")
        (inputs / f"{name}_MemModelFeatures.txt").write_text("n_files=1\ntotal_mb=1\nDETECTOR=WFC\nCRSPLIT=1\n")
    do("framework.cli", "submit", PIPELINES / "calcloud_predict.wcl", "--set", "features=inputs")
    settings = {
        "plan": "calcloud_r1p02", "inputs": "inputs", "unitname": "N1", "memory_scale": "0.04",
        "time_scale": "0.001", "overhead_mb": "20", "overhead_s": "4",
    }  # fmt: skip
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    do("framework.cli", "submit", PIPELINES / "calcloud_process.wcl", *words)
    return place


def metrics(do) -> dict[str, dict]:
    found = json.loads(do("framework.cli", "query", "cal_metrics", "run=N1_r1p01", "--json").stdout)
    return {file["metadata"]["ipst"]: file["metadata"] for file in found}


def test_every_job_ran_as_planned_and_its_usage_is_recorded_next_to_the_plan(loop, do):
    found = metrics(do)
    assert sorted(found) == ["jbig01a1q", "jone01a1q", "jslow01aq"]
    plan = next((loop / "home/archive").rglob("plan.jsonl"))
    planned = {line["ipst"]: line for line in map(json.loads, plan.read_text().splitlines())}
    for name, row in found.items():
        assert row["planned_model"] == planned[name]["model"]
        assert row["planned_wallclock_s"] == planned[name]["predicted_wallclock_s"]
        assert (row["status"], row["calibration"]) == (0, "calacs.e")
    assert found["jbig01a1q"]["memory"] > 100 / 1000 / 0.04 * 0.95


def test_want_of_memory_took_the_next_rung_and_a_time_out_the_next_quantile(loop, do):
    completed = do(
        "framework.cli", "sql", "--json",
        "select w.wrapkeys k, w.trynum t, x.status s from pfw_wrapper w, task x, pfw_attempt a where x.id = w.task_id "
        "and a.id = w.pfw_attempt_id and a.run = 'N1_r1p01' order by w.wrapnum, w.trynum",
    )  # fmt: skip
    tries: dict[str, list[int]] = {}
    for row in json.loads(completed.stdout):
        name = next(name for name in ("jbig01a1q", "jone01a1q", "jslow01aq") if name in row["k"])
        tries.setdefault(name, []).append(row["s"])
    assert tries == {"jbig01a1q": [137, 0], "jone01a1q": [0], "jslow01aq": [124, 0]}


def test_what_was_used_is_history_for_the_next_model(loop, do, place):
    completed = do(
        "pipelines.calcloud.update", "--source", "registry:run=N1%", "--model",
        next((loop / "home/archive").rglob("champion.npz")), "--updated", "new.npz",
    )  # fmt: skip
    assert completed.stdout.startswith("3 jobs learned")
    before, after = (
        json.loads(do("pipelines.calcloud.predict", "inputs/jone01a1q_MemModelFeatures.txt", "--model", model).stdout)
        for model in (next((loop / "home/archive").rglob("champion.npz")), "new.npz")
    )
    assert (before["history"]["dataset"], after["history"]["dataset"]) == (0, 1)
    assert before["model"] != after["model"]


def test_the_training_reads_the_registry_too(loop, do, place):
    outputs = [f"--{name}=again/{name}" for name in ("training", "quarantine", "report", "transform")]
    do("pipelines.calcloud.scrape", "--source", "registry:,sample", "--sample_rows", 100, *outputs)
    report = json.loads((place / "again/report").read_text())
    assert (report["rows_kept"], report["simulated"]) == (103, True)


def test_planned_against_used_is_looked_at_run_by_run(loop, do, place):
    do("framework.cli", "submit", PIPELINES / "calcloud_drift.wcl", "--set", "of=N1%")
    verdict = json.loads(next((loop / "home/archive").rglob("drift.json")).read_text())
    assert verdict["runs"]["N1_r1p01"]["jobs"] == 3
    assert verdict["runs"]["N1_r1p01"]["fits"] is None
    assert next((loop / "home/archive").rglob("drift.png")).read_bytes()[:4] == b"\x89PNG"


def test_a_plan_whose_datasets_have_no_files_is_refused(loop, do, place):
    (place / "empty").mkdir()
    with pytest.raises(AssertionError, match="empty has no file of 3 planned datasets, such as jbig01a1q"):
        do(
            "framework.cli", "submit", PIPELINES / "calcloud_process.wcl", "--set", "plan=calcloud_r1p02", "--set",
            "inputs=empty",
        )  # fmt: skip


def test_a_plan_is_submitted_by_its_own_command(loop, do, place):
    champion = next((loop / "home/archive").rglob("champion.npz"))
    do(
        "pipelines.calcloud.plan", "none", "B7", "jone01a1q", "--features", "inputs", "--model", champion, "--out",
        "plan.out", "--no-stamp",
    )  # fmt: skip
    do("pipelines.calcloud.submit", "plan.out", "--inputs", "inputs", "--engine", "local")
    found = json.loads(do("framework.cli", "query", "cal_metrics", "run=B7_r1p01", "--json").stdout)
    assert [file["metadata"]["ipst"] for file in found] == ["jone01a1q"]
