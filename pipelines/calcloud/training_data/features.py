"""The nine inputs of the networks, the same for training and for prediction."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.dataset import CRSPLIT_SEVERAL

#: Inputs of the networks, in the order that their weights are trained for.
INPUTS = ("x_files", "x_size", "drizcorr", "pctecorr", "crsplit", "subarray", "detector", "dtype", "instr")


@dataclass(frozen=True, kw_only=True)
class Transform:
    """Yeo-Johnson power transform and standardisation of the number of files and of the size in whole MB.

    References
    ----------
    Yeo and Johnson, 2000, Biometrika 87, 954.
    """

    #: Power of files and of MB.
    lambdas: tuple[float, float]
    #: Mean and standard deviation of both after the power transform.
    mu: tuple[float, float]
    sigma: tuple[float, float]

    def __call__(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the columns `x_files` and `x_size` of a table with `n_files` and `total_mb` (MB), not rounded."""
        sizes = _sizes(table)
        columns = {}
        for i, name in enumerate(INPUTS[:2]):
            columns[name] = (_yeo_johnson(sizes[:, i], self.lambdas[i]) - self.mu[i]) / self.sigma[i]
        return pd.DataFrame(columns, index=table.index)

    def write(self, path: Path) -> None:
        """Write one JSON object with `lambdas`, `mu` and `sigma`.

        Parameters
        ----------
        path : Path
            File to write; its directory is made.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def read_transform(path: Path) -> Transform:
    """Read the transform that the inputs of a training set were made with.

    Parameters
    ----------
    path : Path
        JSON file that scrape wrote.

    Returns
    -------
    Transform
        The transform, needed for predictions as well.

    Raises
    ------
    InputError
        If there is no such file, or it does not hold two numbers for each of `lambdas`, `mu` and `sigma`.
    """
    try:
        found = json.loads(path.read_text())
        pairs = {key: tuple(float(value) for value in found[key]) for key in ("lambdas", "mu", "sigma")}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file (scrape writes it)") from None
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: is not a transform with lambdas, mu and sigma ({error!r})") from error
    if any(len(pair) != 2 for pair in pairs.values()):
        raise InputError(f"{path}: lambdas, mu and sigma have two numbers each, for files and MB")
    return Transform(**pairs)  # type: ignore[arg-type]  # lengths are checked above


def fit_transform(table: pd.DataFrame) -> Transform:
    """Fit the power transform that makes the two sizes as normal as a power can.

    Parameters
    ----------
    table : pandas.DataFrame
        The train rows only, with the columns `n_files` and `total_mb` (MB).

    Returns
    -------
    Transform
        Powers of the maximum likelihood, and mean and standard deviation after them.
    """
    sizes = _sizes(table)
    lambdas = [_best_power(sizes[:, i]) for i in range(2)]
    powers = [_yeo_johnson(sizes[:, i], lambdas[i]) for i in range(2)]
    return Transform(
        lambdas=(lambdas[0], lambdas[1]),
        mu=(float(powers[0].mean()), float(powers[1].mean())),
        sigma=(float(powers[0].std()) or 1.0, float(powers[1].std()) or 1.0),
    )


def input_matrix(table: pd.DataFrame, transform: Transform) -> npt.NDArray[np.float32]:
    """Return the inputs of the networks.

    Parameters
    ----------
    table : pandas.DataFrame
        n jobs with the features of the schema; sizes are in MB.
    transform : Transform
        The transform of the training set.

    Returns
    -------
    NDArray[np.float32]
        Shape (n, 9), columns in the order of `INPUTS`.
    """
    sizes = transform(table)
    return np.column_stack([sizes, table[list(INPUTS[2:])]]).astype(np.float32)


def normalise_crsplit(codes: pd.Series) -> pd.Series:
    """Return codes of 0, 1 and 2; some tables hold numbers of exposures instead: 3 and more become 2.

    Parameters
    ----------
    codes : pandas.Series
        Codes or numbers of exposures.

    Returns
    -------
    pandas.Series
        Codes.
    """
    return codes.clip(upper=CRSPLIT_SEVERAL)


def _sizes(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return files and whole MB; a few tables hold fractions, which the others have rounded (half to even)."""
    return np.column_stack([table["n_files"].to_numpy(float), np.rint(table["total_mb"].to_numpy(float))])


def _yeo_johnson(values: npt.NDArray[np.float64], power: float) -> npt.NDArray[np.float64]:
    """Return the transform of values from zero on, which counts and sizes are."""
    if power == 0:
        return np.log1p(values)
    return np.expm1(power * np.log1p(values)) / power


def _best_power(values: npt.NDArray[np.float64]) -> float:
    if np.ptp(values) == 0:
        return 1.0
    from sklearn.preprocessing import PowerTransformer  # start-up: seconds to import, and only fitting needs it

    lambdas: Sequence[float] = PowerTransformer(standardize=False).fit(values[:, None]).lambdas_
    return float(lambdas[0])
