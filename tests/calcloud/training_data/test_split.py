"""Four jobs of five to learn from, with every bin on both sides."""

import pandas as pd
import pytest

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.training_data.split import split_jobs


def counts(bins, split):
    return pd.crosstab(bins, split).to_dict("index")


def test_every_bin_is_split_four_to_one():
    bins = pd.Series([0] * 800 + [1] * 150 + [2] * 50)
    assert counts(bins, split_jobs(bins, 42)) == {
        0: {"test": 160, "train": 640},
        1: {"test": 30, "train": 120},
        2: {"test": 10, "train": 40},
    }


def test_the_seed_decides_the_split():
    bins = pd.Series([0, 1] * 50)
    assert split_jobs(bins, 1).equals(split_jobs(bins, 1))
    assert not split_jobs(bins, 1).equals(split_jobs(bins, 2))


@pytest.mark.parametrize("seed", range(20))
def test_two_jobs_of_a_rare_bin_are_on_two_sides_and_a_single_one_is_learned_from(seed):
    bins = pd.Series([0] * 60 + [1] * 20 + [2] * 2 + [3])
    split = split_jobs(bins, seed)
    assert sorted(split[bins == 2]) == ["test", "train"]
    assert list(split[bins == 3]) == ["train"]


def test_too_few_jobs_for_a_split_are_refused():
    with pytest.raises(InputError, match="2 usable jobs cannot be split"):
        split_jobs(pd.Series([0, 1]), 42)
