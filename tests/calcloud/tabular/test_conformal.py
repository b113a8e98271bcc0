"""Conformal quantiles: coverage as requested, also where jobs change, and probabilities as the inverse of quantiles."""

import numpy as np
import pytest

from pipelines.calcloud.tabular.conformal import GROUPS, GroupedErrors, fit_error_distribution


def errors(jobs, seed):
    """Heavy-tailed errors of jobs of three groups, each group with an error of its own."""
    random = np.random.default_rng(seed)
    groups = random.integers(0, 3, jobs) * 16
    return GroupedErrors(random.standard_t(4, jobs) * (1 + groups / 16), groups)


@pytest.fixture(scope="module")
def distribution():
    return fit_error_distribution(errors(40_000, 1), errors(2_000, 2))


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9, 0.99, 0.999])
def test_a_quantile_covers_the_requested_share_of_new_jobs(distribution, level):
    new = errors(200_000, 3)
    covered = float((new.values <= distribution.error_quantile(level, new.groups)).mean())
    assert covered == pytest.approx(level, abs=max(0.0006, 4 * np.sqrt(level * (1 - level) / 40_000)))


@pytest.mark.parametrize("level", [0.001, 0.3, 0.7, 0.99, 0.9995])
def test_probabilities_are_the_inverse_of_quantiles(distribution, level):
    groups = np.array([0, 16, 32])
    assert distribution.exceedance(distribution.error_quantile(level, groups), groups) == pytest.approx(
        1 - level, abs=1e-6
    )


def test_groups_with_larger_errors_have_wider_limits(distribution):
    narrow, _, wide = distribution.error_quantile(0.99, np.array([0, 16, 32]))
    assert wide == pytest.approx(3 * narrow, rel=0.05)


def test_groups_without_jobs_have_the_typical_error_of_all(distribution):
    seen = {0, 16, 32}
    others = {float(distribution.scale[group]) for group in range(GROUPS) if group not in seen}
    assert len(others) == 1
    assert min(distribution.scale[[0, 16, 32]]) < others.pop() < max(distribution.scale[[0, 16, 32]])


@pytest.mark.parametrize(("jobs", "wider"), [(40_000, 1.0), (40_000, 3.0), (40_000, 0.7)])
def test_limits_cover_the_requested_share_of_jobs_when_errors_change(distribution, jobs, wider):
    new = errors(jobs, 4)
    covered = 0.0
    for first in range(0, jobs, 100):
        part = GroupedErrors(new.values[first : first + 100] * wider, new.groups[first : first + 100])
        covered += float((part.values <= distribution.error_quantile(0.999, part.groups)).sum())
        distribution = distribution.update(part)
    assert covered / jobs == pytest.approx(0.999, abs=0.001)


def test_only_the_upper_quantiles_of_the_instrument_that_exceeded_are_stretched(distribution):
    far = GroupedErrors(np.full(5, 1e3), np.zeros(5, dtype=np.int64))
    after, groups = distribution.update(far), np.array([0, 2])
    assert (after.error_quantile(0.9, groups) == distribution.error_quantile(0.9, groups)).all()
    assert (after.error_quantile(0.999, groups) > distribution.error_quantile(0.999, groups)).tolist() == [True, False]
    assert (after.error_quantile(0.9999, groups) >= after.error_quantile(0.999, groups)).all()


def test_the_stretch_has_an_upper_bound(distribution):
    after = distribution.update(GroupedErrors(np.full(1000, 1e6), np.zeros(1000, dtype=np.int64)))
    assert after.error_quantile(0.999, np.array([0]))[0] < 5 * distribution.error_quantile(0.999, np.array([0]))[0]
