"""Evaluation reloads the models, refuses inputs that do not match, and computes the metrics."""

import json
import shutil
from typing import Any

import pandas as pd
import pytest

from pipelines.calcloud.results import ComputeMulti, ComputeRegressor


@pytest.fixture(scope="module")
def evaluated(trained, evaluate, tmp_path_factory):
    folder = shutil.copytree(trained, tmp_path_factory.mktemp("evaluated") / "run")
    return folder, evaluate(folder)


@pytest.fixture
def copy_of(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def read(path):
    return pd.read_csv(path)


def test_every_job_gets_its_predictions_and_keeps_its_split(evaluated):
    folder, ended = evaluated
    assert (ended.returncode, ended.stderr) == (0, "")
    training, latest = read(folder / "data" / "training.csv"), read(folder / "evaluated.csv")
    assert latest[training.columns].equals(training)
    assert list(latest.columns[len(training.columns) :]) == ["bin_pred", "mem_pred", "wall_pred"]


def test_predictions_of_the_test_jobs_are_those_of_the_results(evaluated):
    folder, _ = evaluated
    latest = read(folder / "evaluated.csv")
    test = latest[latest["split"] == "test"]
    assert (test["bin_pred"] == ComputeMulti(res_path=folder / "results" / "mem_bin").upload()["y_pred"]).all()
    results: dict[str, Any] = ComputeRegressor(res_path=folder / "results" / "memory").upload()
    memory = results["predictions"][:, 0]
    assert test["mem_pred"].to_numpy().tolist() == memory.tolist()


def test_the_summary_has_all_networks_with_and_without_flagged_rows(evaluated):
    folder, _ = evaluated
    summary = json.loads((folder / "evaluated.json").read_text())
    record = json.loads((folder / "models" / "mem_clf.json").read_text())
    assert (summary["simulated"], summary["rows"]) == (True, {"all": 300, "train": 240, "test": 60})
    assert list(summary["networks"]) == ["mem_clf", "mem_reg", "wall_reg"]
    figures = summary["networks"]["mem_clf"]
    assert figures["test"] == record["metrics"]["test"]
    assert sum(part["rows"] for part in figures["test_by_instrument"].values()) == 60
    assert figures["test"]["all"]["accuracy"] <= figures["test_noise_floor"]["accuracy"] <= 1


def test_the_printed_table_is_marked_as_simulated(evaluated):
    _, ended = evaluated
    assert ended.stdout.startswith("300 jobs (240 train, 60 test, simulated); figures of the test jobs:\n")
    assert max(map(len, ended.stdout.splitlines())) <= 120


def test_a_model_that_its_results_do_not_come_from_is_refused(copy_of, evaluate):
    shutil.copy(copy_of / "models" / "mem_reg.keras", copy_of / "models" / "wall_reg.keras")
    ended = evaluate(copy_of)
    assert ended.returncode == 2
    assert "models/wall_reg.keras: its outputs for the test rows differ from those in" in ended.stderr
    assert not (copy_of / "evaluated.csv").exists()


def test_results_of_other_test_jobs_are_refused(copy_of, evaluate):
    path = copy_of / "results" / "mem_bin" / "test_idx.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    ended = evaluate(copy_of)
    assert ended.returncode == 2
    assert "mem_bin/test_idx.csv: lists other jobs than the test rows" in ended.stderr


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"PK\3\4 cut")])
def test_a_missing_or_damaged_model_is_named(damage, copy_of, evaluate):
    damage(copy_of / "models" / "mem_clf.keras")
    ended = evaluate(copy_of)
    assert ended.returncode == 2
    assert "models/mem_clf.keras: " in ended.stderr
    assert ended.stderr.count("\n") == 1
