"""The record of a training: what a reader needs to judge the model, and to train the same one again."""

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.calcloud.networks.architecture import Architecture, Hyperparameters
from pipelines.calcloud.networks.evaluation import Judged, judge_with_and_without_flagged
from pipelines.calcloud.training_data.training_set import TrainingSet


def make_record(
    network: Architecture,
    how: Hyperparameters,
    jobs: TrainingSet,
    judged: Mapping[str, Judged],
    *,
    transform: Path,
    model: Path,
) -> dict[str, Any]:
    """Seed, versions, checksums and metrics; no dates, so that equal trainings have equal records."""
    return {
        "network": network.name,
        "target": network.target,
        "unit": network.unit,
        "simulated": jobs.simulated,
        "hidden_units": network.hidden,
        "hyperparameters": {"optimizer": "adam", "schedule": "half cosine", **asdict(how)},
        "versions": versions("tensorflow", "keras", "numpy", "pandas", "scikit-learn"),
        "rows": {split: len(part.truth) for split, part in judged.items()},
        "training_sha256": jobs.sha256,
        "transform_sha256": hashlib.sha256(transform.read_bytes()).hexdigest(),
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "metrics": {
            split: judge_with_and_without_flagged(network, part, jobs.table.iloc[jobs.rows(split)])
            for split, part in judged.items()
        },
    }


def versions(*libraries: str) -> dict[str, str]:
    """Of Python and these libraries."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in libraries}
