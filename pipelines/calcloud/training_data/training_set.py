"""The training set that scrape writes, with the inputs of the networks."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.schema import NAMES, SIMULATED
from pipelines.calcloud.training_data.features import INPUTS, Transform, input_matrix
from pipelines.calcloud.training_data.inspection import FLAGGED, FLAGS
from pipelines.calcloud.training_data.split import TEST, TRAIN

_TEXT = ("ipst", "split")
_NEEDED = (*NAMES, *FLAGS, FLAGGED, SIMULATED, "split", *INPUTS[:2])


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Jobs of a training set, in the order of the file."""

    table: pd.DataFrame
    #: Inputs of the networks, float32 of shape (n, 9).
    inputs: npt.NDArray[np.float32]
    #: Checksum of the file.
    sha256: str
    #: True where any job is simulated.
    simulated: bool

    def rows(self, split: str) -> npt.NDArray[np.intp]:
        """Return the row numbers of `train` or `test`.

        Parameters
        ----------
        split : str
            `train` or `test`.

        Returns
        -------
        NDArray[np.intp]
            Row numbers, increasing.
        """
        return np.flatnonzero(self.table["split"] == split)


def read_training_set(path: Path, transform: Transform) -> TrainingSet:
    """Read a training set.

    Parameters
    ----------
    path : Path
        CSV file that scrape wrote.
    transform : Transform
        The transform that the same scrape wrote.

    Returns
    -------
    TrainingSet
        Its n jobs with their inputs.

    Raises
    ------
    InputError
        If the file is not a training set, has no train or no test rows, or was made with another transform.
    """
    table = _read_table(path)
    _check_columns(path, table)
    for split in (TRAIN, TEST):
        if not (table["split"] == split).any():
            raise InputError(f"{path}: no row of the split '{split}'")
    if not np.allclose(transform(table), table[list(INPUTS[:2])], rtol=1e-6, atol=1e-6):
        raise InputError(f"{path}: x_files and x_size were not made by this transform; give the one of the same scrape")
    return TrainingSet(
        table=table,
        inputs=input_matrix(table, transform),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        simulated=bool(table[SIMULATED].any()),
    )


def _check_columns(path: Path, table: pd.DataFrame) -> None:
    """Raise InputError unless all needed columns are there and full, with numbers where they are needed."""
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        raise InputError(f"{path}:1: missing column {', '.join(missing)} (scrape writes them)")
    for name in _NEEDED:
        if name not in _TEXT and not pd.api.types.is_numeric_dtype(table[name]):
            line = int(np.argmax(pd.to_numeric(table[name], errors="coerce").isna())) + 2
            raise InputError(f"{path}:{line}: column {name} holds {table[name].iloc[line - 2]!r}, not a number")
        if table[name].isna().any():
            raise InputError(f"{path}:{int(np.argmax(table[name].isna())) + 2}: column {name} is empty")


def _read_table(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, low_memory=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file (scrape writes it)") from None
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not CSV ({error})") from error
    if table.empty:
        raise InputError(f"{path}:2: no row follows the header")
    return table
