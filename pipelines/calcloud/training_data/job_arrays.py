"""Jobs as arrays: the names of their datasets and their nine features, the inputs of the tabular model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.bytes_]

#: Features of a job, not scaled, in the order of the columns; sizes are in MB.
FEATURES = ("n_files", "total_mb", "drizcorr", "pctecorr", "crsplit", "subarray", "detector", "dtype", "instr")
_CRSPLIT_SEVERAL = 2


@dataclass(frozen=True)
class Jobs:
    """Datasets and features of n jobs."""

    #: Names of the datasets in lower case, nine bytes each, shape (n,).
    ipst: Names
    #: Values of `FEATURES`, float64 of shape (n, 9).
    features: Floats

    def __len__(self) -> int:
        return len(self.ipst)

    @property
    def cycles(self) -> npt.NDArray[np.uint8]:
        """First letter of the program of each job, as its ASCII code; programs of one year or two share it."""
        return np.frombuffer(self.ipst.astype("S9").tobytes(), np.uint8).reshape(-1, 9)[:, 1]

    def take(self, rows: npt.NDArray[Any]) -> "Jobs":
        """Return some of the jobs, by row numbers or by a mask.

        Parameters
        ----------
        rows : NDArray
            Row numbers (integers) or a mask of n (bool).

        Returns
        -------
        Jobs
            The jobs in the order of the rows.
        """
        return Jobs(self.ipst[rows], self.features[rows])

    def distinct(self) -> tuple[Floats, npt.NDArray[np.intp]]:
        """Return the distinct rows of features; there are far fewer of them than jobs.

        Returns
        -------
        rows : NDArray[np.float64]
            m rows of features, shape (m, 9).
        where : NDArray[np.intp]
            Number of the row that each of the n jobs has.
        """
        rows, where = np.unique(self.features, axis=0, return_inverse=True)
        return rows, where.reshape(-1)


def jobs_of(datasets: Iterable[tuple[str, Mapping[str, float]]]) -> Jobs:
    """Return jobs of datasets with their features.

    Parameters
    ----------
    datasets : Iterable[tuple[str, Mapping[str, float]]]
        Name and features of each dataset, as `sources.dataset.read_features` returns them.

    Returns
    -------
    Jobs
        The jobs in the same order; sizes are rounded to whole MB.
    """
    rows = list(datasets)
    names = np.array([name.lower() for name, _ in rows], dtype="S9")
    return Jobs(names, _normalise(np.array([[row[key] for key in FEATURES] for _, row in rows], float).reshape(-1, 9)))


def jobs_of_table(table: "pd.DataFrame") -> Jobs:
    """Return the jobs of a table with the column `ipst` and one for each of `FEATURES`; sizes are in MB.

    Parameters
    ----------
    table : pandas.DataFrame
        n jobs.

    Returns
    -------
    Jobs
        The jobs in the same order; sizes are rounded to whole MB.
    """
    names = table["ipst"].astype(str).str.lower().to_numpy().astype("S9")
    return Jobs(names, _normalise(table[list(FEATURES)].to_numpy(float)))


def concatenate_jobs(first: Jobs, second: Jobs) -> Jobs:
    """Return the jobs of both, one after the other.

    Parameters
    ----------
    first, second : Jobs
        n and m jobs.

    Returns
    -------
    Jobs
        n + m jobs.
    """
    return Jobs(np.concatenate([first.ipst, second.ipst]), np.concatenate([first.features, second.features]))


def _normalise(features: Floats) -> Floats:
    """Round sizes to whole MB, as most tables hold them (half to even), and use one code for several exposures."""
    features[:, 1] = np.rint(features[:, 1])
    features[:, 4] = np.minimum(features[:, 4], _CRSPLIT_SEVERAL)
    return features
