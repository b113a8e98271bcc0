"""Simulated jobs: the same for the same seed, possible one by one, and with the published shares together."""

import io

import pandas as pd
import pytest

from pipelines.calcloud.sources.sample import simulated_jobs_csv
from pipelines.calcloud.sources.source import read_source
from pipelines.calcloud.training_data.inspection import inspect


@pytest.fixture(scope="module")
def jobs():
    return pd.read_csv(io.StringIO(simulated_jobs_csv(3000, seed=1)))


def test_the_seed_decides_every_byte():
    assert simulated_jobs_csv(50, seed=1) == simulated_jobs_csv(50, seed=1)
    assert simulated_jobs_csv(50, seed=1) != simulated_jobs_csv(50, seed=2)


@pytest.mark.parametrize("rows", [1, 2, 3000])
def test_every_simulated_job_is_possible_and_marked(rows):
    inspection = inspect(read_source("sample", sample_rows=rows, sample_seed=5))
    assert inspection.quarantined == ()
    assert list(inspection.kept["simulated"]) == [1] * rows


def test_instruments_have_their_published_shares(jobs):
    shares = jobs["instr"].value_counts(normalize=True).sort_index()
    assert shares.to_list() == pytest.approx([0.068, 0.083, 0.086, 0.763], abs=0.02)


def test_bins_have_their_published_shares(jobs):
    shares = jobs["mem_bin"].value_counts(normalize=True).sort_index()
    assert shares.to_list() == pytest.approx([0.7738, 0.2229, 0.0028, 0.0005], abs=0.001)


def test_memory_and_time_have_their_published_middles_and_ends(jobs):
    middles = jobs[["memory", "wallclock"]].median()
    assert middles.to_list() == pytest.approx([0.986, 331], rel=0.02)
    assert jobs["memory"].between(0.26, 46.7).all()
    assert jobs["wallclock"].between(9, 79_010).all()
