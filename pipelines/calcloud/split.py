"""Which jobs the networks learn from and which they are judged by: four to one, with the same mix of bins in both."""

import math

import numpy as np
import pandas as pd

from pipelines.calcloud.errors import InputError

TRAIN, TEST = "train", "test"
TEST_SHARE = 0.2


def split_jobs(mem_bin: pd.Series, seed: int) -> pd.Series:
    """`train` or `test` for each job, stratified on its bin.

    A bin with one job only can be learned from or be judged, not both: its job goes to train.
    """
    counts = mem_bin.map(mem_bin.value_counts())
    shared = np.flatnonzero(counts > 1)
    if len(shared) < 2:
        raise InputError(f"{len(mem_bin)} usable jobs cannot be split into train and test: two of one bin are needed")
    from sklearn.model_selection import train_test_split  # seconds to import

    bins = mem_bin.to_numpy()[shared]
    test_rows = max(math.ceil(TEST_SHARE * len(shared)), len(set(bins)))
    _, test = train_test_split(shared, test_size=test_rows, stratify=bins, random_state=seed)
    split = pd.Series(TRAIN, index=mem_bin.index)
    split.iloc[test] = TEST
    return split
