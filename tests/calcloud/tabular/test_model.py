"""The tabular model: its training data, held-out jobs, and updates by finished jobs."""

from itertools import pairwise

import numpy as np
import pytest

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.tabular.history import dataset_keys, level_keys, program_keys
from pipelines.calcloud.tabular.model import fit, fold_masks, predict_held_out
from pipelines.calcloud.tabular.model_file import read_tabular, write_tabular
from pipelines.calcloud.training_data.job_arrays import Jobs


def changed(truth, row, factor):
    """Return the truth with another value for one job."""
    copies = {target: values.copy() for target, values in truth.items()}
    for values in copies.values():
        values[row] *= factor
    return copies


@pytest.mark.parametrize("row", [0, 17, 799])
def test_the_label_of_a_job_never_reaches_its_own_prediction(some_jobs, row):
    jobs, truth = some_jobs
    predictions = []
    for use in (truth, changed(truth, row, 1000.0)):
        logs = {target: np.log(values) for target, values in use.items()}
        out = predict_held_out(jobs, logs, fold_masks(dataset_keys(jobs), 5, seed=1), history=True)
        index = int(np.flatnonzero(out.jobs.ipst == jobs.ipst[row])[0])
        predictions.append([part[key][index] for part in (out.expected, out.job_counts) for key in part])
    assert predictions[0] == pytest.approx(predictions[1], abs=1e-12)


def test_runs_of_one_dataset_are_left_out_together(some_jobs):
    jobs, _ = some_jobs
    twice = Jobs(np.concatenate([jobs.ipst, jobs.ipst]), np.concatenate([jobs.features, jobs.features]))
    for left in fold_masks(dataset_keys(twice), 5, seed=3):
        assert (left[: len(jobs)] == left[len(jobs) :]).all()


def test_a_finished_job_changes_the_prediction_of_its_program(some_jobs, a_model):
    jobs, truth = some_jobs
    alike = Jobs(np.array([jobs.ipst[0][:4] + b"zz99q"], "S9"), jobs.features[:1])
    before = a_model.predict(alike)
    longer = {target: values[:1] * 20 for target, values in truth.items()}
    after = a_model.update(jobs.take(np.arange(1)), longer).predict(alike)
    assert after.wallclock_s[0] > 1.1 * before.wallclock_s[0]
    assert after.job_counts["program"][0] == before.job_counts["program"][0] + 1


def test_a_run_before_changes_the_prediction_of_a_dataset_more_than_of_its_program(some_jobs, a_model):
    jobs, truth = some_jobs
    first = jobs.take(np.arange(1))
    known = a_model.update(first, {target: values[:1] * 20 for target, values in truth.items()})
    other = Jobs(np.array([first.ipst[0][:4] + b"zz99q"], "S9"), first.features)
    grown = [known.predict(one).wallclock_s[0] / a_model.predict(one).wallclock_s[0] for one in (first, other)]
    assert grown[0] > grown[1] > 1


def test_removed_datasets_leave_no_trace_in_history(some_jobs, a_model):
    jobs, truth = some_jobs
    new = Jobs(np.array([b"inew01010"]), jobs.features[:1])
    learned = a_model.update(new, {target: values[:1] * 50 for target, values in truth.items()})
    assert np.allclose(learned.without(new).predict(jobs).wallclock_s, a_model.predict(jobs).wallclock_s)


def test_a_dataset_of_an_unknown_program_is_predicted_with_wider_errors(some_jobs, a_model):
    jobs, _ = some_jobs
    unknown = Jobs(np.array([b"izzz01010"]), jobs.features[:1])
    prediction = a_model.predict(unknown)
    assert prediction.job_counts["program"][0] == 0
    assert prediction.quantile("wallclock", 0.99)[0] > prediction.wallclock_s[0] > 0


def test_probabilities_are_of_four_machines_and_add_up_to_one(some_jobs, a_model):
    prediction = a_model.predict(some_jobs[0])
    assert prediction.probabilities.shape == (800, 4)
    assert np.allclose(prediction.probabilities.sum(axis=1), 1)
    assert (prediction.probabilities >= 0).all()


def test_a_longer_quantile_is_longer(some_jobs, a_model):
    prediction = a_model.predict(some_jobs[0])
    lengths = [prediction.quantile("wallclock", level) for level in (0.5, 0.9, 0.99, 0.999)]
    assert all((longer >= shorter).all() for shorter, longer in pairwise(lengths))


def test_a_model_reads_back_as_it_was_written_and_equal_models_are_equal_files(some_jobs, a_model, tmp_path):
    write_tabular(a_model, tmp_path / "one.npz", {"simulated": True})
    write_tabular(fit(*some_jobs), tmp_path / "two.npz", {"simulated": True})
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    stored = read_tabular(tmp_path / "one.npz")
    assert stored.facts["simulated"] is True
    assert np.array_equal(stored.model.predict(some_jobs[0]).probabilities, a_model.predict(some_jobs[0]).probabilities)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"words"])
def test_another_file_is_refused(content, tmp_path):
    (tmp_path / "model.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.npz: is not a tabular model"):
        read_tabular(tmp_path / "model.npz")


def test_capital_letters_make_no_other_dataset(some_jobs):
    jobs, _ = some_jobs
    keys = level_keys(jobs)
    assert len(np.unique(keys["dataset"])) == 800
    assert {level: len(np.unique(found)) <= 800 for level, found in keys.items()} == dict.fromkeys(keys, True)


def test_two_programs_of_few_jobs_are_enough_to_train(some_jobs):
    jobs, truth = some_jobs
    rows = np.array([0, int(np.flatnonzero(program_keys(jobs) != program_keys(jobs)[0])[0])])
    few = {target: values[rows] for target, values in truth.items()}
    for seed in range(3):  # whichever fold they are drawn into
        assert fit(jobs.take(rows), few, seed).predict(jobs.take(rows)).memory_gb.shape == (2,)


def test_jobs_of_one_program_are_too_few_and_that_is_said(some_jobs):
    jobs, truth = some_jobs
    rows = np.array([0])
    with pytest.raises(InputError, match=r"all 1 jobs are of .*: jobs of two datasets and two programs are needed"):
        fit(jobs.take(rows), {target: values[rows] for target, values in truth.items()})
