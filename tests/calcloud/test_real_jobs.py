"""The three networks on all the real jobs against what the published ones reach: seed 1; in the long form, three."""

import json
import secrets
from statistics import median
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def figures(hst_jobs, scrape, network, tmp_path_factory, long_form):
    """Return a function that gives a metric of each seed, on the test rows."""
    folder = tmp_path_factory.mktemp("real")
    assert scrape(folder, "--source", hst_jobs).returncode == 0

    def of_seeds(target, name, figure):
        found = []
        for seed in (1, 2, 3) if long_form else (1,):
            assert network(folder, target, name, "--seed", seed, into=f"seed{seed}").returncode == 0
            record = json.loads((folder / f"seed{seed}" / f"{name}.json").read_text())
            found.append(record["metrics"]["test"]["all"][figure])
        return found

    return of_seeds


def test_the_machine_is_right_for_945_jobs_of_1000(figures):
    assert median(figures("mem_bin", "mem_clf", "accuracy")) >= 0.945


def test_the_memory_is_right_to_450_mb(figures):
    assert median(figures("memory", "mem_reg", "rmse")) <= 0.45


def test_the_time_is_right_to_830_s_and_for_no_seed_worse_than_870(figures):
    found = figures("wallclock", "wall_reg", "rmse")
    assert median(found) <= 830
    assert max(found) <= 870


def test_the_tabular_model_reaches_its_bars_on_a_split_by_chance(hst_jobs):
    import pandas as pd  # start-up

    from pipelines.calcloud.planning.ladder import read_ladder  # start-up
    from pipelines.calcloud.planning.planning_metrics import planning_metrics  # start-up
    from pipelines.calcloud.tabular.model import fit  # start-up
    from pipelines.calcloud.training_data.job_arrays import jobs_of_table  # start-up
    from pipelines.calcloud.training_data.split import TEST, split_jobs  # start-up

    table = pd.read_csv(hst_jobs)
    seed = secrets.randbelow(2**32)
    test = (split_jobs(table["mem_bin"], seed) == TEST).to_numpy()
    truth = {target: table[target].to_numpy(float) for target in ("memory", "wallclock")}
    jobs, ladder = jobs_of_table(table), read_ladder()
    model = fit(jobs.take(~test), {target: values[~test] for target, values in truth.items()})
    found: dict[str, Any] = planning_metrics(
        ladder, model.predict(jobs.take(test)), truth["memory"][test], truth["wallclock"][test]
    )
    # One split strays from the mean of ten by a few thousandths.
    assert found["accuracy"] >= 0.985, seed
    assert found["under_provisioned"] <= 110, seed
    assert found["log_rmse"] <= 0.245, seed
    assert found["mae"] <= 195, seed
    assert abs(found["coverage"] - 0.999) <= 0.001, seed
    assert found["limit_over_used"] <= 3, seed
