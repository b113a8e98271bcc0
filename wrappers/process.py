"""Programs that process planned jobs: what each really used is recorded beside what was planned for it.

Settings: ``planned.<key> = value`` is what the plan said. The program leaves a JSON object in ``file.metrics``, of
which everything plain becomes metadata of that file, with the plan's values as ``planned_<key>``. Of these rows the
next training set is made (source ``registry:``), and they tell when the model no longer fits (``calcloud_drift``).
"""

from __future__ import annotations

from wrappers import Generic, Work
from wrappers.scrape import read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PLANNED = "planned."


class Wrapper(Generic):
    """Records use beside plan."""

    def __init__(self) -> None:
        self._metrics: dict[str, Any] = {}

    def outputs(self, work: Work) -> None:
        self._metrics = read_object(work.output("metrics"))
        used = f"{self._metrics.get('memory')} GB, {self._metrics.get('wallclock')} s"
        work.messages.append((3, f"{self._metrics.get('ipst')} used {used}"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, Any]:
        if label != "file.metrics":
            return {}
        found = {key: value for key, value in self._metrics.items() if isinstance(value, int | float | str)}
        for key, value in work.settings.items():
            if key.startswith(PLANNED):
                found[f"planned_{key.removeprefix(PLANNED)}"] = _number(value)
        return found


def _number(text: str) -> str | float:
    """A number where it is one, so that it can be compared in SQL."""
    try:
        return float(text)
    except ValueError:
        return text
