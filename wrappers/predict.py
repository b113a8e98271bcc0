"""Wrapper of programs that predict the needs of jobs: records which model made the predictions.

The program writes a line with a JSON object for each job to ``file.forecast``, each with the key ``model``. The input
``file.model`` is the model's own file, found by its tag.
"""

from __future__ import annotations

import json
from collections import Counter

from wrappers import INFORMATION, Generic, Work, WrapperError

FORECAST = "forecast"


class Wrapper(Generic):
    """A wrapper that records the models of the predictions, and the number of jobs."""

    label = FORECAST

    def __init__(self) -> None:
        self._models: Counter[str] = Counter()

    def inputs(self, work: Work) -> None:
        if len(work.inputs.get("file.model", [])) != 1:
            raise WrapperError(f"module '{work.module}' must have one model, as file.model")

    def outputs(self, work: Work) -> None:
        self._models = Counter(str(line.get("model")) for line in read_lines(work.output(self.label)))
        for model, jobs in sorted(self._models.items()):
            work.messages.append((INFORMATION, f"{jobs} jobs by model {model}"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, object]:
        if label != f"file.{self.label}":
            return {}
        return {"model": ",".join(sorted(self._models)), "jobs": sum(self._models.values())}


def read_lines(path: str) -> list[dict[str, object]]:
    """Read the JSON objects of a file, one a line; raise WrapperError if it holds anything else."""
    objects = []
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                value = json.loads(line)
                if not isinstance(value, dict):
                    raise WrapperError(f"{path}:{number}: not a JSON object")
                objects.append(value)
    except (OSError, ValueError) as error:
        raise WrapperError(f"{path} cannot be read as JSON lines: {error}") from error
    return objects
