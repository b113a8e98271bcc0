"""Wrapper of programs that train a model: registers the model with seed, hyper-parameters and metrics.

The program writes a JSON object to ``file.record``. These become metadata of ``file.model``: its plain values, all of
``hyperparameters``, and of ``metrics`` (split to rows to metric to value) those of all rows and of the rows without
flags. The model is found by them: ``fw query cal_model seed=1 'test_rmse=0.4%'``.
"""

from __future__ import annotations

from wrappers import Generic, Work
from wrappers.scrape import as_object, read_object

#: Rows whose metrics become metadata, with the suffix of the metrics' names.
SUFFIXES = {"all": "", "without_flagged": "_without_flagged"}


class Wrapper(Generic):
    """A wrapper that registers a trained model with its hyper-parameters and metrics."""

    def __init__(self) -> None:
        self._record: dict[str, object] = {}

    def outputs(self, work: Work) -> None:
        self._record = read_object(work.output("record"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, object]:
        return dict(flatten_record(self._record)) if label == "file.model" else {}


def flatten_record(record: dict[str, object]) -> list[tuple[str, object]]:
    """Return the plain values of a record, its hyper-parameters and its metrics, with a key for each."""
    values = [(key, value) for key, value in record.items() if not isinstance(value, dict | list)]
    values += as_object(record.get("hyperparameters")).items()
    for split, by_rows in as_object(record.get("metrics")).items():
        for rows, suffix in SUFFIXES.items():
            metrics = as_object(as_object(by_rows).get(rows))
            values += [(f"{split}_{name}{suffix}", value) for name, value in metrics.items()]
    return values
