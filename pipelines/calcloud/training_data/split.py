"""Which jobs the networks learn from and which they are judged by: four to one, with the same mix of bins in both."""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.calcloud.program.errors import InputError

TRAIN, TEST = "train", "test"
TEST_SHARE = 0.2


def split_jobs(mem_bin: pd.Series, seed: int) -> pd.Series:
    """`train` or `test` for each job, stratified on its bin.

    Every bin is on both sides, but for one that has a single job: that one goes to train.
    """
    counts = mem_bin.map(mem_bin.value_counts())
    shared = np.flatnonzero(counts > 1)
    if len(shared) < 2:
        raise InputError(f"{len(mem_bin)} usable jobs cannot be split into train and test: two of one bin are needed")
    from sklearn.model_selection import train_test_split  # seconds to import

    bins = mem_bin.to_numpy()[shared]
    test_rows = max(math.ceil(TEST_SHARE * len(shared)), len(set(bins)))
    _, test = train_test_split(shared, test_size=test_rows, stratify=bins, random_state=seed)
    split = np.full(len(mem_bin), TRAIN, dtype=object)
    split[test] = TEST
    for label in set(bins):
        _fill_empty_side(split, shared[bins == label])
    return pd.Series(split, index=mem_bin.index)


def _fill_empty_side(split: npt.NDArray[np.object_], rows: npt.NDArray[np.intp]) -> None:
    """A bin of two or three jobs may have fallen on one side as a whole; its first job then changes sides."""
    for side, other in ((TRAIN, TEST), (TEST, TRAIN)):
        if (split[rows] == other).all():
            split[rows[0]] = side
