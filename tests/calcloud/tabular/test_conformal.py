"""The spread: quantiles are kept by as many jobs as they say, also where jobs change, and probabilities invert them."""

import numpy as np
import pytest

from pipelines.calcloud.tabular.conformal import KINDS, Errors, fit_spread


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


@pytest.mark.parametrize(("jobs", "wider"), [(40_000, 1.0), (40_000, 3.0), (40_000, 0.7)])
def test_limits_are_kept_by_as_many_jobs_as_asked_when_errors_change(spread, jobs, wider):
    new = errors(jobs, 4)
    kept = 0.0
    for first in range(0, jobs, 100):
        part = Errors(new.values[first : first + 100] * wider, new.kinds[first : first + 100])
        kept += float((part.values <= spread.at(0.999, part.kinds)).sum())
        spread = spread.after(part)
    assert kept / jobs == pytest.approx(0.999, abs=0.001)


def test_only_the_upper_end_and_only_of_the_instrument_that_erred_is_stretched(spread):
    far = Errors(np.full(5, 1e3), np.zeros(5, dtype=np.int64))
    after, kinds = spread.after(far), np.array([0, 2])
    assert (after.at(0.9, kinds) == spread.at(0.9, kinds)).all()
    assert (after.at(0.999, kinds) > spread.at(0.999, kinds)).tolist() == [True, False]
    assert (after.at(0.9999, kinds) >= after.at(0.999, kinds)).all()


def test_what_happens_once_stretches_no_further_than_to_a_bound(spread):
    after = spread.after(Errors(np.full(1000, 1e6), np.zeros(1000, dtype=np.int64)))
    assert after.at(0.999, np.array([0]))[0] < 5 * spread.at(0.999, np.array([0]))[0]
