"""Wrapper of programs that process planned jobs: records the resources used together with those planned.

Settings: ``planned.<key> = value``, the values of the plan. The program writes a JSON object to ``file.metrics``. Its
plain values become metadata of that file, with the plan's values as ``planned_<key>``. The next training set is made
from these metadata (source ``registry:``), and by them the query ``calcloud_drift`` finds a model that no longer fits.
"""

from __future__ import annotations

from wrappers import INFORMATION, Generic, Work
from wrappers.scrape import read_object

PLANNED = "planned."


class Wrapper(Generic):
    """A wrapper that records used and planned resources."""

    def __init__(self) -> None:
        self._metrics: dict[str, object] = {}

    def outputs(self, work: Work) -> None:
        self._metrics = read_object(work.output("metrics"))
        used = f"{self._metrics.get('memory')} GB, {self._metrics.get('wallclock')} s"
        work.messages.append((INFORMATION, f"{self._metrics.get('ipst')} used {used}"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, object]:
        if label != "file.metrics":
            return {}
        values: dict[str, object] = {
            key: value for key, value in self._metrics.items() if isinstance(value, int | float | str)
        }
        for key, value in work.settings.items():
            if key.startswith(PLANNED):
                values[f"planned_{key.removeprefix(PLANNED)}"] = _parse_number(value)
        return values


def _parse_number(text: str) -> str | float:
    """Return a text as a number if it is one, so that it can be compared in SQL."""
    try:
        return float(text)
    except ValueError:
        return text
