"""The file of a tabular model: trees, history, spread and chances, as arrays."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.calcloud.program.archive import read_archive, write_archive
from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.schema import BIN_EDGES_GB
from pipelines.calcloud.tabular.conformal import Spread
from pipelines.calcloud.tabular.history import TARGETS, past_of
from pipelines.calcloud.tabular.model import Tabular
from pipelines.calcloud.tabular.trees import Trees, trees_of
from pipelines.calcloud.training_data.job_arrays import Jobs

#: Rises when what the arrays mean changes.
FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A model as it was found on disk."""

    model: Tabular
    #: The first letters of the file's checksum: by this every prediction says who made it.
    id: str
    facts: Mapping[str, Any]


def write_tabular(model: Tabular, path: Path, facts: Mapping[str, Any]) -> None:
    """The same model and facts give the same bytes."""
    arrays = {"ipst": model.past.jobs.ipst, "features": model.past.jobs.features}
    for target in TARGETS:
        arrays |= {f"{target}/trees/{name}": array for name, array in model.average[target].arrays().items()}
        arrays[f"{target}/residuals"] = model.past.residuals[target]
        arrays[f"{target}/usual"] = model.spread[target].usual
        arrays[f"{target}/quantiles"] = model.spread[target].quantiles
        arrays[f"{target}/stretch"] = model.spread[target].stretch
    for edge, trees in zip(BIN_EDGES_GB, model.chances, strict=True):
        arrays |= {f"{edge:g}/trees/{name}": array for name, array in trees.arrays().items()}
    write_archive(path, {"format": FORMAT, **facts}, arrays)


def read_tabular(path: Path) -> Kept:
    """The model, ready to predict."""
    facts, arrays = read_archive(path)
    if facts.get("format") != FORMAT:
        raise InputError(f"{path}: is a model of format {facts.get('format')}, not {FORMAT}: train it again")
    try:
        model = Tabular(
            average={target: _trees(arrays, target) for target in TARGETS},
            past=past_of(
                Jobs(arrays["ipst"], arrays["features"]), {target: arrays[f"{target}/residuals"] for target in TARGETS}
            ),
            spread={
                target: Spread(**{name: arrays[f"{target}/{name}"] for name in ("usual", "quantiles", "stretch")})
                for target in TARGETS
            },
            chances=tuple(_trees(arrays, f"{edge:g}") for edge in BIN_EDGES_GB),
        )
    except KeyError as error:
        raise InputError(f"{path}: is no tabular model (it lacks {error})") from error
    return Kept(model=model, id=hashlib.sha256(path.read_bytes()).hexdigest()[:12], facts=facts)


def _trees(arrays: Mapping[str, Any], of: str) -> Trees:
    begin = f"{of}/trees/"
    return trees_of({name.removeprefix(begin): array for name, array in arrays.items() if name.startswith(begin)})
