"""Jobs as arrays: the names of their datasets and the nine features, as the tabular model takes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.bytes_]

#: The features of a job, unscaled, in the order of the columns.
FEATURES = ("n_files", "total_mb", "drizcorr", "pctecorr", "crsplit", "subarray", "detector", "dtype", "instr")
_CRSPLIT_SEVERAL = 2


@dataclass(frozen=True)
class Jobs:
    """One row a job."""

    #: In lower case, nine letters.
    ipst: Names
    features: Floats

    def __len__(self) -> int:
        return len(self.ipst)

    @property
    def cycles(self) -> npt.NDArray[np.uint8]:
        """The first letter of each program: programs of one year or two share it."""
        return np.frombuffer(self.ipst.astype("S9").tobytes(), np.uint8).reshape(-1, 9)[:, 1]

    def take(self, rows: npt.NDArray[Any]) -> "Jobs":
        """Some of them, by number or by mask."""
        return Jobs(self.ipst[rows], self.features[rows])

    def distinct(self) -> tuple[Floats, npt.NDArray[np.intp]]:
        """The different rows of features, and which of them each job has: there are far fewer than jobs."""
        rows, where = np.unique(self.features, axis=0, return_inverse=True)
        return rows, where.reshape(-1)


def jobs_of(datasets: Iterable[tuple[str, Mapping[str, float]]]) -> Jobs:
    """Datasets with their features, as `dataset.read_features` gives them."""
    rows = list(datasets)
    names = np.array([name.lower() for name, _ in rows], dtype="S9")
    return Jobs(names, _tidied(np.array([[row[key] for key in FEATURES] for _, row in rows], float).reshape(-1, 9)))


def jobs_of_table(table: "pd.DataFrame") -> Jobs:
    """The rows of a table with `ipst` and the features."""
    names = table["ipst"].astype(str).str.lower().to_numpy().astype("S9")
    return Jobs(names, _tidied(table[list(FEATURES)].to_numpy(float)))


def joined(first: Jobs, second: Jobs) -> Jobs:
    """One after the other."""
    return Jobs(np.concatenate([first.ipst, second.ipst]), np.concatenate([first.features, second.features]))


def _tidied(features: Floats) -> Floats:
    """Whole MB, as most tables have them (half to even), and one code for several exposures."""
    features[:, 1] = np.rint(features[:, 1])
    features[:, 4] = np.minimum(features[:, 4], _CRSPLIT_SEVERAL)
    return features
