"""Files of the results of one network, and their reading without the network.

bcom = ComputeMulti(res_path="results/mem_bin")
bin_out = bcom.upload()
bcom.load_results(bin_out)
test_idx = bin_out["test_idx"]
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from pipelines.calcloud.program.errors import InputError

#: File of each item of the bin classifier's results. Rows of arrays are the test jobs in the order of `test_idx`.
MULTI_FILES = {
    "acc_loss": "acc_loss.json",
    "cmx": "cmx.npy",
    "cmx_norm": "cmx_norm.npy",
    "fnfp": "fnfp.json",
    "history": "history.json",
    "report": "report.json",
    "roc_auc": "roc_auc.json",
    "test_idx": "test_idx.csv",
    "y_onehot": "y_onehot.npy",
    "y_pred": "y_pred.npy",
    "y_scores": "y_scores.npy",
}

#: File of each item of a regressor's results.
REGRESSOR_FILES = {
    "history": "history.json",
    "loss": "loss.json",
    "predictions": "predictions.npy",
    "residuals": "residuals.npy",
    "test_idx": "test_idx.csv",
}


class _NetworkResults:
    """Results of one network; `load_results` makes each item an attribute of its name."""

    files: ClassVar[Mapping[str, str]]

    def __init__(self, res_path: str | Path) -> None:
        self.res_path = Path(res_path)

    def upload(self) -> dict[str, object]:
        """Read every item from `res_path`, by name (the method's name is that of CALCLOUD; nothing is uploaded).

        Returns
        -------
        dict[str, object]
            Values of JSON, arrays and series; the README lists dtype, shape and unit of each.

        Raises
        ------
        InputError
            If a file is missing or cannot be read.
        """
        return {item: read_item(self.res_path / file) for item, file in self.files.items()}

    def load_results(self, outputs: Mapping[str, Any]) -> None:
        """Make each item that `upload` returned an attribute; InputError if one is missing."""
        missing = sorted(set(self.files) - set(outputs))
        if missing:
            raise InputError(f"these results lack {', '.join(missing)}")
        for item in self.files:
            setattr(self, item, outputs[item])


class ComputeMulti(_NetworkResults):
    """Results of the memory-bin classifier."""

    files = MULTI_FILES

    def __init__(self, res_path: str | Path = "results/mem_bin") -> None:
        super().__init__(res_path)


class ComputeRegressor(_NetworkResults):
    """Results of the memory or the wallclock regressor."""

    files = REGRESSOR_FILES

    def __init__(self, res_path: str | Path = "results/memory") -> None:
        super().__init__(res_path)


def write_items(folder: Path, files: Mapping[str, str], items: Mapping[str, Any]) -> None:
    """Write a file for each item into a folder, which is made; nothing is rounded."""
    folder.mkdir(parents=True, exist_ok=True)
    for item, file in files.items():
        _write_item(folder / file, items[item])


def _write_item(path: Path, value: Any) -> None:
    if path.suffix == ".json":
        path.write_text(json.dumps(value, indent=1) + "\n")
    elif path.suffix == ".npy":
        np.save(path, value, allow_pickle=False)
    else:
        value.to_csv(path, lineterminator="\n")


def read_item(path: Path) -> Any:
    """Read one item.

    Parameters
    ----------
    path : Path
        JSON, npy or CSV file.

    Returns
    -------
    Any
        The value of JSON, the array of npy, or the series of the truth by dataset of CSV; the README lists dtype, shape
        and unit of each.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be read.
    """
    try:
        if path.suffix == ".json":
            return json.loads(path.read_text())
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        return pd.read_csv(path, index_col="ipst").iloc[:, 0]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file (network writes it)") from None
    except (ValueError, KeyError, EOFError, IndexError) as error:
        raise InputError(f"{path}: cannot be read as {path.suffix[1:]} ({error})") from error
