"""Files of tabular models: trees, history, errors and exceedance as plain arrays."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.program.archive import read_archive, write_archive
from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.schema import BIN_EDGES_GB
from pipelines.calcloud.tabular.conformal import ErrorDistribution
from pipelines.calcloud.tabular.history import TARGETS, fit_history
from pipelines.calcloud.tabular.model import TabularModel
from pipelines.calcloud.tabular.trees import TreeEnsemble, trees_from_arrays
from pipelines.calcloud.training_data.job_arrays import Jobs

#: Version of the arrays' meaning.
FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A tabular model read from a file."""

    model: TabularModel
    #: First twelve digits of the file's SHA-256 checksum; every prediction names its model by them.
    id: str
    facts: Mapping[str, Any]


def write_tabular(model: TabularModel, path: Path, facts: Mapping[str, Any]) -> None:
    """Write a tabular model; equal models and facts give equal bytes.

    Parameters
    ----------
    model : TabularModel
        The model.
    path : Path
        File to write; its directory is made.
    facts : Mapping[str, Any]
        What else to record, as JSON.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "ipst": model.history.jobs.ipst,
        "features": model.history.jobs.features,
    }
    for target in TARGETS:
        arrays |= {f"{target}/trees/{name}": array for name, array in model.average[target].arrays().items()}
        arrays[f"{target}/residuals"] = model.history.residuals[target]
        arrays[f"{target}/usual"] = model.errors[target].scale
        arrays[f"{target}/quantiles"] = model.errors[target].quantiles
        arrays[f"{target}/stretch"] = model.errors[target].stretch
    for edge, trees in zip(BIN_EDGES_GB, model.exceedance, strict=True):
        arrays |= {f"{edge:g}/trees/{name}": array for name, array in trees.arrays().items()}
    write_archive(path, {"format": FORMAT, **facts}, arrays)


def read_tabular(path: Path) -> StoredModel:
    """Read a tabular model.

    Parameters
    ----------
    path : Path
        File that `write_tabular` wrote.

    Returns
    -------
    StoredModel
        The model with its id and facts.

    Raises
    ------
    InputError
        If there is no such file, or it is not a tabular model of this format.
    """
    facts, arrays = read_archive(path)
    version = facts.get("format")
    if version != FORMAT:
        is_newer = isinstance(version, int) and version > FORMAT
        remedy = "update skyfw" if is_newer else "train it again"
        raise InputError(f"{path}: is a model of format {version}, and format {FORMAT} is read here: {remedy}")
    try:
        model = TabularModel(
            average={target: _trees(arrays, target) for target in TARGETS},
            history=fit_history(
                Jobs(arrays["ipst"], arrays["features"]), {target: arrays[f"{target}/residuals"] for target in TARGETS}
            ),
            errors={
                target: ErrorDistribution(
                    scale=arrays[f"{target}/usual"],
                    quantiles=arrays[f"{target}/quantiles"],
                    stretch=arrays[f"{target}/stretch"],
                )
                for target in TARGETS
            },
            exceedance=tuple(_trees(arrays, f"{edge:g}") for edge in BIN_EDGES_GB),
        )
    except KeyError as error:
        raise InputError(f"{path}: is not a tabular model (it lacks {error})") from error
    return StoredModel(model=model, id=hashlib.sha256(path.read_bytes()).hexdigest()[:12], facts=facts)


def _trees(arrays: Mapping[str, npt.NDArray[Any]], name: str) -> TreeEnsemble:
    prefix = f"{name}/trees/"
    return trees_from_arrays(
        {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}
    )
