"""Wrapper of programs that compare models: registers the best one with its metrics.

Setting: ``reigning``, the path of the model in use so far, or ``none``; it is passed to the program as ``--reigning``.
The program writes a JSON object to ``file.verdict``: champion, planner, promoted, models, and figures (model to rows to
figure), of which the planner's become metadata of ``file.champion``.
"""

from __future__ import annotations

from wrappers import INFORMATION, Generic, Work
from wrappers.scrape import as_object, read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NONE = "none"
#: Keys of the verdict that are recorded besides the figures.
RECORDED = ("champion", "planner", "promoted")


class Wrapper(Generic):
    """A wrapper that registers the best model with its metrics."""

    def __init__(self) -> None:
        self._verdict: dict[str, object] = {}

    @staticmethod
    def declared_inputs(settings: Mapping[str, str]) -> dict[str, str]:
        reigning = settings.get("reigning", NONE)
        return {} if reigning in ("", NONE) else {"reigning": reigning}

    def command(self, work: Work, number: int, argv: list[str]) -> list[str]:
        paths = work.inputs.get("wrapper.reigning", [])
        return [*argv, "--reigning", paths[0]] if paths else argv

    def outputs(self, work: Work) -> None:
        self._verdict = read_object(work.output("verdict"))
        champion, planner = self._verdict.get("champion"), self._verdict.get("planner")
        work.messages.append((INFORMATION, f"champion by cost: {champion}; jobs are planned by: {planner}"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, object]:
        if label != "file.champion":
            return {}
        recorded: dict[str, object] = {key: self._verdict[key] for key in RECORDED if key in self._verdict}
        by_model = as_object(self._verdict.get("figures"))
        figures = as_object(as_object(by_model.get(str(self._verdict.get("planner")))).get("all"))
        return {**recorded, **{f"test_{name}": value for name, value in figures.items()}}
