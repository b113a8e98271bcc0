"""The spread: quantiles are kept by as many jobs as they say, and probabilities are their inverse."""

import numpy as np
import pytest

from pipelines.calcloud.spread import KINDS, Errors, fit_spread


def errors(jobs, seed):
    """Heavy-tailed errors of jobs of three kinds, each kind with an error of its own."""
    random = np.random.default_rng(seed)
    kinds = random.integers(0, 3, jobs) * 16
    return Errors(random.standard_t(4, jobs) * (1 + kinds / 16), kinds)


@pytest.fixture(scope="module")
def spread():
    return fit_spread(errors(40_000, 1), errors(2_000, 2))


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 0.99, 0.999])
def test_a_quantile_is_kept_by_as_many_new_jobs_as_it_says(spread, level):
    new = errors(200_000, 3)
    kept = float((new.values <= spread.at(level, new.kinds)).mean())
    assert kept == pytest.approx(level, abs=max(0.0006, 4 * np.sqrt(level * (1 - level) / 40_000)))


@pytest.mark.parametrize("level", [0.001, 0.3, 0.7, 0.99, 0.9995])
def test_probabilities_are_the_inverse_of_quantiles(spread, level):
    kinds = np.array([0, 16, 32])
    assert spread.exceeds(spread.at(level, kinds), kinds) == pytest.approx(1 - level, abs=1e-6)


def test_kinds_with_larger_errors_have_wider_limits(spread):
    narrow, _, wide = spread.at(0.99, np.array([0, 16, 32]))
    assert wide == pytest.approx(3 * narrow, rel=0.05)


def test_kinds_that_nobody_saw_have_the_usual_error_of_all(spread):
    seen = {0, 16, 32}
    others = {float(spread.usual[kind]) for kind in range(KINDS) if kind not in seen}
    assert len(others) == 1
    assert min(spread.usual[[0, 16, 32]]) < others.pop() < max(spread.usual[[0, 16, 32]])
