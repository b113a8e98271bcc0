"""The split of jobs into train and test rows: four to one, stratified by memory bin."""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.calcloud.program.errors import InputError

TRAIN, TEST = "train", "test"
TEST_SHARE = 0.2


def split_jobs(mem_bin: pd.Series, seed: int) -> pd.Series:
    """Assign each job to train or test.

    Parameters
    ----------
    mem_bin : pandas.Series
        Number of the bin of each of n jobs.
    seed : int
        Seed of the random choice.

    Returns
    -------
    pandas.Series
        `train` or `test` for each job. Every bin is on both sides, except that a bin of a single job is in train.

    Raises
    ------
    InputError
        If no bin has two jobs.
    """
    counts = mem_bin.map(mem_bin.value_counts())
    shared = np.flatnonzero(counts > 1)
    if len(shared) < 2:
        raise InputError(f"{len(mem_bin)} usable jobs cannot be split into train and test: two of one bin are needed")
    from sklearn.model_selection import train_test_split  # start-up: seconds to import

    bins = mem_bin.to_numpy()[shared]
    test_rows = max(math.ceil(TEST_SHARE * len(shared)), len(set(bins)))
    _, test = train_test_split(shared, test_size=test_rows, stratify=bins, random_state=seed)
    split = np.full(len(mem_bin), TRAIN, dtype=object)
    split[test] = TEST
    for label in set(bins):
        _fill_empty_side(split, shared[bins == label])
    return pd.Series(split, index=mem_bin.index)


def _fill_empty_side(split: npt.NDArray[np.object_], rows: npt.NDArray[np.intp]) -> None:
    """Move the first job of a bin to the other side if all of its jobs are on one, as happens to two or three jobs."""
    for side, other in ((TRAIN, TEST), (TEST, TRAIN)):
        if (split[rows] == other).all():
            split[rows[0]] = side
