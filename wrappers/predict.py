"""Programs that predict what jobs will need: which model said so is recorded with what it said.

The program leaves a JSON object a line in ``file.forecast``, each with ``model``; the model's own file is the input
``file.model``, found by its tag.
"""

from __future__ import annotations

import json
from collections import Counter

from wrappers import Generic, Work, WrapperError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FORECAST = "forecast"


class Wrapper(Generic):
    """Records which model was asked, and how many jobs it spoke of."""

    label = FORECAST

    def __init__(self) -> None:
        self._models: Counter[str] = Counter()

    def inputs(self, work: Work) -> None:
        if len(work.inputs.get("file.model", [])) != 1:
            raise WrapperError(f"module '{work.module}' must have one model, as file.model")

    def outputs(self, work: Work) -> None:
        self._models = Counter(str(line.get("model")) for line in read_lines(work.output(self.label)))
        for model, jobs in sorted(self._models.items()):
            work.messages.append((3, f"{jobs} jobs by model {model}"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, Any]:
        if label != f"file.{self.label}":
            return {}
        return {"model": ",".join(sorted(self._models)), "jobs": sum(self._models.values())}


def read_lines(path: str) -> list[dict[str, Any]]:
    """The JSON objects of a file, one a line; WrapperError where it holds something else."""
    found = []
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise WrapperError(f"{path}:{number}: is no JSON object")
                found.append(value)
    except (OSError, ValueError) as error:
        raise WrapperError(f"{path} cannot be read as JSON lines: {error}") from error
    return found
