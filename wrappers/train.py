"""Programs that train a model: seed, hyper-parameters and metrics are recorded, and the model is registered.

The program leaves a JSON object in ``file.record``. Of it, what is plain, everything in ``hyperparameters``, and of
``metrics`` (split to rows to metric to value) those of all rows and without the flagged ones become metadata of
``file.model``, by which the model is found again: ``fw query cal_model seed=1 'test_rmse=0.4%'``.
"""

from __future__ import annotations

from wrappers import Generic, Work
from wrappers.scrape import read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Which rows' metrics become metadata, and what stands behind the metric's name for them.
SUFFIXES = {"all": "", "without_flagged": "_without_flagged"}


class Wrapper(Generic):
    """Registers a trained model with what it was trained on and how well it does."""

    def __init__(self) -> None:
        self._record: dict[str, Any] = {}

    def outputs(self, work: Work) -> None:
        self._record = read_object(work.output("record"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, Any]:
        return dict(flat(self._record)) if label == "file.model" else {}


def flat(record: dict[str, Any]) -> list[tuple[str, Any]]:
    """The record's keys and plain values, one level deep."""
    found = [(key, value) for key, value in record.items() if not isinstance(value, dict | list)]
    found += _parts(record.get("hyperparameters")).items()
    for split, by_rows in _parts(record.get("metrics")).items():
        for rows, suffix in SUFFIXES.items():
            found += [(f"{split}_{name}{suffix}", value) for name, value in _parts(_parts(by_rows).get(rows)).items()]
    return found


def _parts(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
