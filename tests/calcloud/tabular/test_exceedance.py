"""Exceedance probabilities of machines: the observed shares, whatever the shape of the errors."""

import numpy as np
import pytest

from pipelines.calcloud.sources.schema import BIN_EDGES_GB
from pipelines.calcloud.tabular.exceedance import exceedance_probabilities, fit_exceedance
from pipelines.calcloud.training_data.job_arrays import Jobs

JOBS = 4000


@pytest.fixture(scope="module")
def held_out():
    """Equal jobs of two instruments, of which a quarter takes 0.9 GB and the others 3.5; of the second, all 0.5."""
    random = np.random.default_rng(1)
    features = np.tile([7.0, 103, 1, 1, 1, 0, 1, 1, 0], (JOBS, 1))
    features[JOBS // 2 :, 8] = 3
    names = [f"{'ji'[row >= JOBS // 2]}e28{row:04d}0" for row in range(JOBS)]
    few = random.random(JOBS) < 0.25
    memory = np.where(features[:, 8] == 3, 0.5, np.where(few, 0.9, 3.5))
    expected = {"memory": np.where(features[:, 8] == 3, np.log(0.5), np.log(2.8)), "wallclock": np.full(JOBS, 9.0)}
    job_counts = {level: np.full(JOBS, 20) for level in ("program", "program_setting", "dataset")}
    return Jobs(np.array(names, "S9"), features), expected, job_counts, np.log(memory)


def test_jobs_that_use_either_of_two_amounts_have_the_probability_of_each(held_out):
    jobs, expected, job_counts, memory = held_out
    sure = {edge: np.ones(JOBS) if edge < 2 else np.zeros(JOBS) for edge in BIN_EDGES_GB}
    above = exceedance_probabilities(fit_exceedance(*held_out), jobs, expected, job_counts, sure)[0]
    share = float((memory[: JOBS // 2] > np.log(BIN_EDGES_GB[0])).mean())
    assert above[: JOBS // 2].mean() == pytest.approx(0.7 * share + 0.3, abs=0.01)
    assert above[JOBS // 2 :].mean() == pytest.approx(0.3, abs=0.01)


def test_an_edge_without_trees_keeps_the_conformal_probability(held_out):
    jobs, expected, job_counts, _ = held_out
    conformal = {5.0: np.linspace(0, 1, JOBS)}
    assert (
        exceedance_probabilities(fit_exceedance(*held_out), jobs, expected, job_counts, conformal)[0] == conformal[5.0]
    ).all()


def test_a_larger_machine_is_never_likelier_to_be_too_small(held_out):
    jobs, expected, job_counts, _ = held_out
    conformal = dict.fromkeys(BIN_EDGES_GB, np.full(JOBS, 0.5))
    above = np.column_stack(exceedance_probabilities(fit_exceedance(*held_out), jobs, expected, job_counts, conformal))
    assert (np.diff(above, axis=1) <= 0).all()
