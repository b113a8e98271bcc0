"""Summary of a run: metrics of the three networks, with and without doubtful rows, and the noise floor."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.networks import metrics
from pipelines.calcloud.networks.architecture import NETWORKS, Architecture
from pipelines.calcloud.networks.evaluation import NetworkOutputs, metrics_by_flag, network_metrics
from pipelines.calcloud.sources.schema import INSTRUMENT_NAMES
from pipelines.calcloud.training_data.inspection import FLAGGED, FLAGS
from pipelines.calcloud.training_data.split import TEST, TRAIN
from pipelines.calcloud.training_data.training_set import TrainingSet

#: By name of the network, its outputs for all rows.
Outputs = Mapping[str, npt.NDArray[np.float32]]


def summarise(jobs: TrainingSet, outputs: Outputs) -> dict[str, object]:
    """Compute the summary of the three networks.

    Parameters
    ----------
    jobs : TrainingSet
        n jobs.
    outputs : Mapping[str, NDArray[np.float32]]
        By name of the network, its outputs for all rows: probabilities of shape (n, 4), or GB or s of shape (n, 1).

    Returns
    -------
    dict[str, object]
        Numbers of rows, and by network the metrics of train and test rows, the noise floor, and the metrics by
        instrument, as JSON.
    """
    return {
        "simulated": jobs.simulated,
        "training_sha256": jobs.sha256,
        "rows": {"all": len(jobs.table)} | {split: len(jobs.rows(split)) for split in (TRAIN, TEST)},
        "flagged": {flag: int(jobs.table[flag].sum()) for flag in (*FLAGS, FLAGGED)},
        "distinct_inputs": len(np.unique(jobs.inputs, axis=0)),
        "networks": {network.name: _network_summary(network, jobs, outputs[network.name]) for network in NETWORKS},
    }


def _network_summary(network: Architecture, jobs: TrainingSet, outputs: npt.NDArray[np.float32]) -> dict[str, object]:
    found: dict[str, object] = {"target": network.target, "unit": network.unit}
    for split in (TRAIN, TEST):
        rows = jobs.rows(split)
        split_outputs = NetworkOutputs(jobs.table[network.target].iloc[rows], outputs[rows])
        found[split] = metrics_by_flag(network, split_outputs, jobs.table.iloc[rows])
    found["test_noise_floor"] = _noise_floor(network, jobs)
    found["test_by_instrument"] = _by_instrument(network, jobs, outputs)
    return found


def _noise_floor(network: Architecture, jobs: TrainingSet) -> dict[str, float]:
    """Return the best metric that any function of the nine inputs could reach on the test rows."""
    rows = jobs.rows(TEST)
    truth = jobs.table[network.target].to_numpy()[rows]
    floor = metrics.class_floor if network.classes else metrics.quantity_floor
    return {network.metric: floor(jobs.inputs[rows], truth)}


def _by_instrument(network: Architecture, jobs: TrainingSet, outputs: npt.NDArray[np.float32]) -> dict[str, Any]:
    found = {}
    for code, name in enumerate(INSTRUMENT_NAMES):
        mask = ((jobs.table["instr"] == code) & (jobs.table["split"] == TEST)).to_numpy()
        found[name] = network_metrics(network, NetworkOutputs(jobs.table[network.target][mask], outputs[mask]))
    return found


def table_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield the summary as a table for a person.

    Parameters
    ----------
    summary : Mapping[str, Any]
        The summary, as `summarise` returns it.

    Yields
    ------
    str
        A line of text; errors are in GB and seconds.
    """
    rows = summary["rows"]
    simulated = ", simulated" if summary["simulated"] else ""
    yield f"{rows['all']:,} jobs ({rows['train']:,} train, {rows['test']:,} test{simulated}); figures of the test jobs:"
    yield ""
    columns = ("all", "without_two_decimals", "without_crsplit", "without_flagged")
    headings = ("all rows", "w/o 2 decimals", "w/o crsplit", "w/o flagged", "noise floor")
    yield f"{'':26}" + "".join(f"{heading:>16}" for heading in headings)
    for network in NETWORKS:
        found = summary["networks"][network.name]
        values = [found[TEST][column].get(network.metric) for column in columns]
        values.append(found["test_noise_floor"][network.metric])
        yield f"{network.target:10}{_measure(network):16}" + "".join(f"{_short(value):>16}" for value in values)
    yield ""
    yield f"{'':26}" + "".join(f"{name:>16}" for name in INSTRUMENT_NAMES)
    for network in NETWORKS:
        found = summary["networks"][network.name]["test_by_instrument"]
        values = [found[name].get(network.metric) for name in INSTRUMENT_NAMES]
        yield f"{network.target:10}{_measure(network):16}" + "".join(f"{_short(value):>16}" for value in values)
    yield ""
    machine = summary["networks"]["mem_clf"][TEST]["all"]
    yield (
        f"{machine['under_provisioned']:,} test jobs would get too small a machine,"
        f" {machine['over_provisioned']:,} too large a one{simulated}"
    )


def _measure(network: Architecture) -> str:
    return "accuracy" if network.classes else f"RMSE ({network.unit})"


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
