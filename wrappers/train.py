"""Programs that train a model: seed, hyper-parameters and metrics are recorded, and the model is registered.

The program leaves them as JSON in ``file.record``; they become metadata of ``file.model`` and of its record, by
which the model is found again.
"""

from __future__ import annotations

from wrappers import Generic, Work
from wrappers.scrape import read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Wrapper(Generic):
    """Registers a trained model with what it was trained on and how well it does."""

    def __init__(self) -> None:
        self._record: dict[str, Any] = {}

    def outputs(self, work: Work) -> None:
        self._record = read_object(work.output("record"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, Any]:
        return self._record if label == "file.model" else {}
