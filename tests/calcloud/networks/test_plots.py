"""Plots: equal bytes for equal results, and a mark for simulated jobs."""

import pytest

from pipelines.calcloud.networks import plots
from pipelines.calcloud.networks.architecture import BY_TARGET
from pipelines.calcloud.results import ComputeMulti, ComputeRegressor


@pytest.mark.parametrize("target", BY_TARGET)
def test_a_plot_shows_whether_the_jobs_are_simulated(target, trained, tmp_path):
    folder = trained / "results" / target
    compute = ComputeMulti if BY_TARGET[target].classes else ComputeRegressor
    items = compute(res_path=folder).upload()
    for path in plots.draw(BY_TARGET[target], items, tmp_path / "simulated", simulated=True):
        assert path.read_bytes() == (folder / path.name).read_bytes()
    for path in plots.draw(BY_TARGET[target], items, tmp_path / "real", simulated=False):
        assert path.read_bytes() != (folder / path.name).read_bytes()
