"""The nine numbers that the networks see of a job, the same ones wherever a job is learned from or predicted."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.dataset import CRSPLIT_SEVERAL

#: The inputs of the networks, in the order that their weights are trained for.
INPUTS = ("x_files", "x_size", "drizcorr", "pctecorr", "crsplit", "subarray", "detector", "dtype", "instr")


@dataclass(frozen=True, kw_only=True)
class Transform:
    """Yeo-Johnson power and standardisation of the number of files and of the whole MB: six numbers, in that order."""

    lambdas: tuple[float, float]
    mu: tuple[float, float]
    sigma: tuple[float, float]

    def __call__(self, table: pd.DataFrame) -> pd.DataFrame:
        """Columns `x_files` and `x_size` of a table with `n_files` and `total_mb`, unrounded."""
        sizes = _sizes(table)
        columns = {}
        for i, name in enumerate(INPUTS[:2]):
            columns[name] = (_yeo_johnson(sizes[:, i], self.lambdas[i]) - self.mu[i]) / self.sigma[i]
        return pd.DataFrame(columns, index=table.index)

    def write(self, path: Path) -> None:
        """One JSON object with `lambdas`, `mu` and `sigma`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def read_transform(path: Path) -> Transform:
    """The transform that a table was normalised with, and its predictions need."""
    try:
        found = json.loads(path.read_text())
        pairs = {key: tuple(float(value) for value in found[key]) for key in ("lambdas", "mu", "sigma")}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file (scrape writes it)") from None
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: is no transform with lambdas, mu and sigma ({error!r})") from error
    if any(len(pair) != 2 for pair in pairs.values()):
        raise InputError(f"{path}: lambdas, mu and sigma have two numbers each, for files and MB")
    return Transform(**pairs)  # type: ignore[arg-type]  # lengths are checked above


def fit_transform(table: pd.DataFrame) -> Transform:
    """The transform that makes the two sizes of these rows as normal as a power can; give it the train rows only."""
    sizes = _sizes(table)
    lambdas = [_best_power(sizes[:, i]) for i in range(2)]
    powers = [_yeo_johnson(sizes[:, i], lambdas[i]) for i in range(2)]
    return Transform(
        lambdas=(lambdas[0], lambdas[1]),
        mu=(float(powers[0].mean()), float(powers[1].mean())),
        sigma=(float(powers[0].std()) or 1.0, float(powers[1].std()) or 1.0),
    )


def input_matrix(table: pd.DataFrame, transform: Transform) -> npt.NDArray[np.float32]:
    """One row of nine numbers for each job, in the order of `INPUTS`."""
    sizes = transform(table)
    return np.column_stack([sizes, table[list(INPUTS[2:])]]).astype(np.float32)


def normalise_crsplit(codes: pd.Series) -> pd.Series:
    """Raw numbers of exposures above 2, which some tables carry, are several exposures as well."""
    return codes.clip(upper=CRSPLIT_SEVERAL)


def _sizes(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Files and MB; a few tables hold fractions of MB, which the others have rounded away (half to even)."""
    return np.column_stack([table["n_files"].to_numpy(float), np.rint(table["total_mb"].to_numpy(float))])


def _yeo_johnson(values: npt.NDArray[np.float64], power: float) -> npt.NDArray[np.float64]:
    """For values of zero and above, which counts and sizes are."""
    if power == 0:
        return np.log1p(values)
    return np.expm1(power * np.log1p(values)) / power


def _best_power(values: npt.NDArray[np.float64]) -> float:
    if np.ptp(values) == 0:
        return 1.0
    from sklearn.preprocessing import PowerTransformer  # seconds to import, and only the fit needs it

    lambdas: Sequence[float] = PowerTransformer(standardize=False).fit(values[:, None]).lambdas_
    return float(lambdas[0])
