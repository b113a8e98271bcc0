"""Results are read back, in another process than the one that made them, by the names of their items."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.results import MULTI_FILES, REGRESSOR_FILES, ComputeMulti, ComputeRegressor


@pytest.fixture
def multi(trained):
    bcom = ComputeMulti(res_path=f"{trained}/results/mem_bin")
    bcom.load_results(bcom.upload())
    return bcom


@pytest.fixture(params=["memory", "wallclock"])
def regressor(request, trained):
    rcom = ComputeRegressor(res_path=f"{trained}/results/{request.param}")
    rcom.load_results(rcom.upload())
    return rcom


def test_every_item_of_the_tree_is_there(trained):
    assert set(ComputeMulti(res_path=trained / "results" / "mem_bin").upload()) == set(MULTI_FILES)
    assert set(ComputeRegressor(res_path=trained / "results" / "memory").upload()) == set(REGRESSOR_FILES)


def test_test_idx_is_the_truth_of_the_test_jobs_by_dataset(trained, multi, regressor):
    table = pd.read_csv(trained / "data" / "training.csv", index_col="ipst")
    test = table[table["split"] == "test"]
    assert multi.test_idx.equals(test["mem_bin"])
    assert regressor.test_idx.equals(test[regressor.res_path.name])


def test_classes_scores_and_counts_agree(multi):
    assert (multi.y_pred == multi.y_scores.argmax(axis=1)).all()
    assert (multi.y_onehot.argmax(axis=1) == multi.test_idx.to_numpy()).all()
    assert multi.cmx.sum() == len(multi.test_idx)
    assert np.trace(multi.cmx) / multi.cmx.sum() == multi.acc_loss["test_acc"] == multi.report["accuracy"]
    sums = multi.cmx_norm.sum(axis=1)
    assert np.allclose(sums[sums > 0], 1)


def test_misjudged_jobs_are_listed_by_true_class_and_side(multi):
    under = sum(len(jobs) for jobs in multi.fnfp["fn"].values())
    over = sum(len(jobs) for jobs in multi.fnfp["fp"].values())
    assert (under, over) == (np.tril(multi.cmx, -1).sum(), np.triu(multi.cmx, 1).sum())


def test_one_hot_has_a_column_for_a_class_that_no_job_has(multi):
    assert multi.y_onehot.shape == multi.y_scores.shape == (60, 4)
    assert 3 not in multi.test_idx.to_numpy()


def test_residuals_are_predictions_minus_truth(regressor):
    predicted, truth = regressor.predictions.T
    assert (regressor.residuals == predicted - truth).all()
    assert (truth == regressor.test_idx.to_numpy()).all()
    assert regressor.loss["test_rmse"] == pytest.approx(np.sqrt(np.mean(regressor.residuals**2)))


def test_the_history_has_a_number_for_each_epoch(multi, regressor):
    assert {name: len(values) for name, values in multi.history.items()} == dict.fromkeys(
        ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"], 2
    )
    assert regressor.history["val_rmse"][-1] == pytest.approx(regressor.loss["test_rmse"], rel=1e-4)


def test_reading_results_needs_neither_network_nor_figures(trained):
    program = (
        "import sys; from pipelines.calcloud.results import ComputeMulti;"
        "bcom = ComputeMulti(res_path=sys.argv[1]); bin_out = bcom.upload(); bcom.load_results(bin_out);"
        "print(len(bin_out['test_idx']), sorted({'tensorflow', 'keras', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, str(trained / "results" / "mem_bin")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "60 []\n"


def test_a_missing_or_damaged_item_is_named(tmp_path):
    with pytest.raises(InputError, match=r"acc_loss\.json: no such file"):
        ComputeMulti(res_path=tmp_path).upload()
    (tmp_path / "history.json").write_text("{")
    with pytest.raises(InputError, match=r"history\.json: cannot be read as json"):
        ComputeRegressor(res_path=tmp_path).upload()


def test_arrays_with_python_objects_are_refused(tmp_path):
    for file in ("history.json", "loss.json"):
        (tmp_path / file).write_text(json.dumps({}))
    np.save(tmp_path / "predictions.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"predictions\.npy: cannot be read as npy"):
        ComputeRegressor(res_path=tmp_path).upload()
