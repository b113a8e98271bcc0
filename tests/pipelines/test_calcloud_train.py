"""The training pipeline, end to end: its files, its records, and its restart after a kill."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framework.engines.fence import find_marked_processes
from framework.registry.admin.equality import differences
from framework.registry.database.opening import open_registry

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "pipelines/calcloud_train.wcl"
TREE = "HST/calcloud_train/none/r1/calcloud/p01"

RESULTS = {
    "data": ["latest.csv", "quarantine.csv", "report.json", "training.csv"],
    "models": [
        "champion.npz", "mem_clf.json", "mem_clf.keras", "mem_reg.json", "mem_reg.keras", "tabular.json",
        "tabular.npz", "tx_data.json", "wall_reg.json", "wall_reg.keras",
    ],
    "results": ["champion.json", "summary.json"],
    "results/mem_bin": [
        "acc_loss.json", "acc_loss.png", "cmx.npy", "cmx.png", "cmx_norm.npy", "fnfp.json", "history.json",
        "report.json", "roc_auc.json", "roc_auc.png", "test_idx.csv", "y_onehot.npy", "y_pred.npy", "y_scores.npy",
    ],
    "results/memory": [
        "history.json", "loss.json", "loss.png", "predictions.npy", "residuals.npy", "residuals.png", "test_idx.csv",
    ],
    "results/wallclock": [
        "history.json", "loss.json", "loss.png", "predictions.npy", "residuals.npy", "residuals.png", "test_idx.csv",
    ],
}  # fmt: skip


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "framework.cli", *map(str, arguments)]


def environment(home: Path) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("FW_")}
    return {**inherited, "FW_HOME": str(home), "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def disturbed_and_not(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The homes of two runs of the same pipeline: one killed in the middle of its training and restarted, one not.

    Both ran in the same place, so that nothing but the kill tells them apart.
    """
    place = tmp_path_factory.mktemp("calcloud")
    home = place / "home"
    submit = command("submit", PIPELINE, "--set", "sample_rows=600")
    run = subprocess.Popen(submit, env=environment(home), cwd=place, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not _training(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(2)
    run.kill()
    run.wait()
    time.sleep(0.5)
    assert find_marked_processes(str(home / "runs/calcloud_r1p01")) == []
    subprocess.run(command("restart", "calcloud_r1p01"), env=environment(home), cwd=place, check=True)
    disturbed = home.rename(place / "disturbed")
    subprocess.run(submit, env=environment(home), cwd=place, check=True)
    return disturbed, home


def _training(home: Path) -> bool:
    logs = home / "archive" / TREE / "log"
    return any(path.stat().st_size for path in logs.glob("train_*/*.log"))


def test_the_results_are_whole(disturbed_and_not):
    for home in disturbed_and_not:
        for folder, names in RESULTS.items():
            found = sorted(path.name for path in (home / "archive" / TREE / folder).iterdir() if path.is_file())
            assert found == names


def test_the_same_input_gives_the_same_bytes(disturbed_and_not):
    first, second = (home / "archive" / TREE for home in disturbed_and_not)
    different = [
        f"{folder}/{name}"
        for folder, names in RESULTS.items()
        for name in names
        if (first / folder / name).read_bytes() != (second / folder / name).read_bytes()
    ]
    assert different == []


def test_a_killed_and_restarted_run_is_recorded_like_an_undisturbed_one(disturbed_and_not):
    disturbed, undisturbed = (open_registry(f"sqlite:///{home}/registry.sqlite") for home in disturbed_and_not)
    volatile = frozenset({"log", "plan"})
    assert differences(disturbed, 1, undisturbed, 1, volatile=volatile, ignore_lost=True) == []
    assert differences(disturbed, 1, undisturbed, 1, volatile=volatile) != []


def test_finished_calls_are_not_repeated(disturbed_and_not):
    registry = sqlite3.connect(disturbed_and_not[0] / "registry.sqlite")
    rows = registry.execute("select modname, count(*) from pfw_wrapper group by modname").fetchall()
    registry.close()
    assert dict(rows)["scrape"] == 1
    assert dict(rows)["evaluate"] == 1
    assert sum(count for _, count in rows) > 5


def test_every_result_is_marked_as_simulated(disturbed_and_not):
    tree = disturbed_and_not[1] / "archive" / TREE
    assert json.loads((tree / "results/summary.json").read_text())["simulated"] is True
    assert "simulated" in next((tree / "log/evaluate").iterdir()).read_text()


def test_the_table_has_the_predictions_and_the_split(disturbed_and_not):
    with open(disturbed_and_not[1] / "archive" / TREE / "data/latest.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 600
    assert {"bin_pred", "mem_pred", "wall_pred", "split"} <= rows[0].keys()
    assert {row["split"] for row in rows} == {"train", "test"}


def test_models_are_found_by_what_they_were_trained_with(disturbed_and_not):
    completed = subprocess.run(
        command("query", "cal_model", "seed=1", "target=memory", "--json"),
        env=environment(disturbed_and_not[1]), capture_output=True, text=True, check=True,
    )  # fmt: skip
    (model,) = json.loads(completed.stdout)
    assert model["path"] == f"{TREE}/models/mem_reg.keras"
    assert model["metadata"]["simulated"] is True
    assert model["metadata"]["test_rmse"] > 0


def test_results_load_in_another_process_as_the_original_documents_it(disturbed_and_not):
    lines = """
import sys
from pipelines.calcloud.results import ComputeMulti, ComputeRegressor
res_path = sys.argv[1]
bcom = ComputeMulti(res_path=f"{res_path}/mem_bin")
bin_out = bcom.upload()
bcom.load_results(bin_out)
test_idx = bin_out["test_idx"]
mcom = ComputeRegressor(res_path=f"{res_path}/memory")
mcom.load_results(mcom.upload())
print(len(test_idx))
"""
    tree = disturbed_and_not[1] / "archive" / TREE
    completed = subprocess.run(
        [sys.executable, "-c", lines, tree / "results"],
        env=environment(tree), capture_output=True, text=True, check=True,
    )  # fmt: skip
    with open(tree / "data/latest.csv", newline="") as file:
        assert int(completed.stdout) == sum(row["split"] == "test" for row in csv.DictReader(file))


BAD_SOURCES = {
    "an empty file": ("", "empty"),
    "a missing column": ("ipst,n_files\ni9zf04010,5\n", "total_mb"),
    "no table at all": ("\x00\x01\x02", ""),
}


@pytest.mark.parametrize("what", BAD_SOURCES)
def test_an_invalid_source_is_reported(fw, tmp_path, ask, what):
    text, word = BAD_SOURCES[what]
    (tmp_path / "jobs.csv").write_text(text)
    ended = fw("submit", PIPELINE, "--set", "source=jobs.csv")
    assert ended.status == 1
    assert "job 1 (scrape): python -m pipelines.calcloud.scrape ended with status 2:" in ended.err
    assert word in ended.err
    assert ask("select count(*) from desfile where filetype = 'external' and filename = 'jobs.csv'") == [(1,)]


def test_a_missing_source_is_reported_before_anything_runs(fw, fw_home):
    ended = fw("submit", PIPELINE, "--set", "source=nowhere.csv")
    assert ended.status == 2
    assert "nowhere.csv: there is no such file" in ended.err
    assert not (fw_home / "runs").exists()
