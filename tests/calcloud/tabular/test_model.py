"""The tabular model: what it learns from, what it must not see, and what finished jobs change."""

from itertools import pairwise

import numpy as np
import pytest

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.tabular.history import datasets, level_keys
from pipelines.calcloud.tabular.model import fit, folds_of, left_out
from pipelines.calcloud.tabular.model_file import read_tabular, write_tabular
from pipelines.calcloud.training_data.job_arrays import Jobs


def changed(truth, row, factor):
    """The same use, but for one job."""
    copies = {target: values.copy() for target, values in truth.items()}
    for values in copies.values():
        values[row] *= factor
    return copies


@pytest.mark.parametrize("row", [0, 17, 799])
def test_the_label_of_a_job_never_reaches_what_is_said_of_it(some_jobs, row):
    jobs, truth = some_jobs
    said = []
    for use in (truth, changed(truth, row, 1000.0)):
        logs = {target: np.log(values) for target, values in use.items()}
        out = left_out(jobs, logs, folds_of(datasets(jobs), 5, seed=1), history=True)
        place = int(np.flatnonzero(out.jobs.ipst == jobs.ipst[row])[0])
        said.append([part[key][place] for part in (out.expected, out.evidence) for key in part])
    assert said[0] == pytest.approx(said[1], abs=1e-12)


def test_runs_of_one_dataset_are_left_out_together(some_jobs):
    jobs, _ = some_jobs
    twice = Jobs(np.concatenate([jobs.ipst, jobs.ipst]), np.concatenate([jobs.features, jobs.features]))
    for left in folds_of(datasets(twice), 5, seed=3):
        assert (left[: len(jobs)] == left[len(jobs) :]).all()


def test_a_finished_job_changes_what_is_said_of_its_program(some_jobs, a_model):
    jobs, truth = some_jobs
    alike = Jobs(np.array([jobs.ipst[0][:4] + b"zz99q"], "S9"), jobs.features[:1])
    before = a_model.predict(alike)
    longer = {target: values[:1] * 20 for target, values in truth.items()}
    after = a_model.learn(jobs.take(np.arange(1)), longer).predict(alike)
    assert after.wallclock_s[0] > 1.1 * before.wallclock_s[0]
    assert after.evidence["program"][0] == before.evidence["program"][0] + 1


def test_a_run_before_changes_what_is_said_of_a_dataset_more_than_of_its_program(some_jobs, a_model):
    jobs, truth = some_jobs
    first = jobs.take(np.arange(1))
    known = a_model.learn(first, {target: values[:1] * 20 for target, values in truth.items()})
    other = Jobs(np.array([first.ipst[0][:4] + b"zz99q"], "S9"), first.features)
    grown = [known.predict(one).wallclock_s[0] / a_model.predict(one).wallclock_s[0] for one in (first, other)]
    assert grown[0] > grown[1] > 1


def test_what_is_forgotten_leaves_no_trace_in_history(some_jobs, a_model):
    jobs, truth = some_jobs
    new = Jobs(np.array([b"inew01010"]), jobs.features[:1])
    learned = a_model.learn(new, {target: values[:1] * 50 for target, values in truth.items()})
    assert np.allclose(learned.forget(new).predict(jobs).wallclock_s, a_model.predict(jobs).wallclock_s)


def test_a_dataset_of_an_unknown_program_is_predicted_with_a_wider_spread(some_jobs, a_model):
    jobs, _ = some_jobs
    stranger = Jobs(np.array([b"izzz01010"]), jobs.features[:1])
    said = a_model.predict(stranger)
    assert said.evidence["program"][0] == 0
    assert said.quantile("wallclock", 0.99)[0] > said.wallclock_s[0] > 0


def test_probabilities_are_of_four_machines_and_add_up_to_one(some_jobs, a_model):
    said = a_model.predict(some_jobs[0])
    assert said.probabilities.shape == (800, 4)
    assert np.allclose(said.probabilities.sum(axis=1), 1)
    assert (said.probabilities >= 0).all()


def test_a_longer_quantile_is_longer(some_jobs, a_model):
    said = a_model.predict(some_jobs[0])
    lengths = [said.quantile("wallclock", level) for level in (0.5, 0.9, 0.99, 0.999)]
    assert all((longer >= shorter).all() for shorter, longer in pairwise(lengths))


def test_a_model_reads_back_as_it_was_written_and_equal_models_are_equal_files(some_jobs, a_model, tmp_path):
    write_tabular(a_model, tmp_path / "one.npz", {"simulated": True})
    write_tabular(fit(*some_jobs), tmp_path / "two.npz", {"simulated": True})
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    kept = read_tabular(tmp_path / "one.npz")
    assert kept.facts["simulated"] is True
    assert np.array_equal(kept.model.predict(some_jobs[0]).probabilities, a_model.predict(some_jobs[0]).probabilities)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"words"])
def test_what_is_no_model_is_refused(content, tmp_path):
    (tmp_path / "model.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.npz: is no tabular model"):
        read_tabular(tmp_path / "model.npz")


def test_capital_letters_make_no_other_dataset(some_jobs):
    jobs, _ = some_jobs
    keys = level_keys(jobs)
    assert len(np.unique(keys["dataset"])) == 800
    assert {level: len(np.unique(found)) <= 800 for level, found in keys.items()} == dict.fromkeys(keys, True)
