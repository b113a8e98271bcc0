"""The ladder of machines: costs, limits, and invalid files."""

import numpy as np
import pytest

from pipelines.calcloud.planning.ladder import DEFAULT_LADDER, cost_ratio, read_ladder
from pipelines.calcloud.program.errors import InputError


@pytest.fixture
def ladder():
    return read_ladder()


def test_the_shipped_ladder_is_the_published_one(ladder):
    assert [(rung.memory_mb, rung.price_per_hour) for rung in ladder.rungs] == [
        (1792, 0.0385), (7168, 0.086), (14336, 0.113), (57344, 0.452),
    ]  # fmt: skip
    assert (ladder.quantiles[0], ladder.floor_s, ladder.cap_s) == (0.999, 60, 172_800)


def test_a_failure_costs_its_share_of_the_time_on_each_rung_below(ladder):
    assert ladder.cost_matrix()[0, 2] == pytest.approx(0.5 * (0.0385 + 0.086) + 0.113)
    assert ladder.cost_matrix()[2, 0] == pytest.approx(0.113)


def test_a_job_that_may_need_more_begins_higher_when_that_is_cheaper(ladder):
    costs = ladder.expected_costs(np.array([[0.9, 0.1, 0, 0], [0.05, 0.95, 0, 0]]), np.array([3600.0, 3600.0]))
    assert costs.argmin(axis=1).tolist() == [0, 1]
    assert costs[0, 0] == pytest.approx(0.9 * 0.0385 + 0.1 * (0.5 * 0.0385 + 0.086))


def test_perfect_knowledge_costs_what_it_costs(ladder):
    memory, time = np.array([1.0, 3.0, 9.0, 20.0]), np.array([10.0, 20, 30, 40])
    assert cost_ratio(ladder, ladder.bins(memory), memory, time) == 1
    assert cost_ratio(ladder, np.zeros(4, int), memory, time) > 1


def test_limits_have_a_floor_and_a_cap(ladder):
    assert ladder.limits(np.array([1.0, 100.2, 1e9])).tolist() == [60, 101, 172_800]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("memory_mb = 7168", "memory_mb = 100", "in order of memory, the smallest first"),
        ("edges_gb = [1.792, 7.168, 14.336]", "edges_gb = [1.792]", "edges_gb must have 3 increasing values"),
        ("0.9999]", "1.5]", "probabilities between 0 and 1"),
        ("failure_share = 0.5", "", "is not a ladder of machines"),
        ("[[rungs]]", "[[rungs", "is not a ladder of machines"),
    ],
)
def test_an_invalid_ladder_is_refused_with_the_reason(old, new, says, tmp_path):
    path = tmp_path / "ladder.toml"
    path.write_text(DEFAULT_LADDER.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=says):
        read_ladder(path)
