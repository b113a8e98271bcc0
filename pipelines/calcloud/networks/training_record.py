"""Records of trainings: what is needed to judge a model, and to train the same model again."""

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from pipelines.calcloud.networks.architecture import Architecture, Hyperparameters
from pipelines.calcloud.networks.evaluation import NetworkOutputs, metrics_by_flag
from pipelines.calcloud.training_data.training_set import TrainingSet


def make_record(
    network: Architecture,
    parameters: Hyperparameters,
    jobs: TrainingSet,
    outputs: Mapping[str, NetworkOutputs],
    *,
    transform: Path,
    model: Path,
) -> dict[str, object]:
    """Return the record of a network's training, without dates, so that equal trainings have equal records.

    Parameters
    ----------
    network : Architecture
        The network.
    parameters : Hyperparameters
        Seed, epochs, batch and learning rate.
    jobs : TrainingSet
        The training set.
    outputs : Mapping[str, NetworkOutputs]
        Outputs of the trained network for the `train` and the `test` rows.
    transform, model : Path
        Files whose checksums are recorded.

    Returns
    -------
    dict[str, object]
        Seed, versions, checksums, numbers of rows, and metrics of train and test rows (GB or s), as JSON.
    """
    return {
        "network": network.name,
        "target": network.target,
        "unit": network.unit,
        "simulated": jobs.simulated,
        "hidden_units": network.hidden,
        "hyperparameters": {"optimizer": "adam", "schedule": "half cosine", **asdict(parameters)},
        "versions": library_versions("tensorflow", "keras", "numpy", "pandas", "scikit-learn"),
        "rows": {split: len(part.truth) for split, part in outputs.items()},
        "training_sha256": jobs.sha256,
        "transform_sha256": hashlib.sha256(transform.read_bytes()).hexdigest(),
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "metrics": {
            split: metrics_by_flag(network, part, jobs.table.iloc[jobs.rows(split)]) for split, part in outputs.items()
        },
    }


def library_versions(*libraries: str) -> dict[str, str]:
    """Return the versions of Python and of these libraries, by name."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in libraries}
