"""Programs that compare models: the winner is registered with the figures it won by.

Settings: ``reigning``, a path of the model that won before, or ``none``; the program is given it as ``--reigning``. The
program leaves a JSON object in ``file.verdict``: champion, planner, promoted, models, and figures (model to rows to
figure), of which the planner's become metadata of ``file.champion``.
"""

from __future__ import annotations

from wrappers import Generic, Work
from wrappers.scrape import read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

NONE = "none"
#: What is recorded of the verdict beside the figures.
PLAIN = ("champion", "planner", "promoted")


class Wrapper(Generic):
    """Registers the champion, and says why it is one."""

    def __init__(self) -> None:
        self._verdict: dict[str, Any] = {}

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
        work.messages.append((3, f"champion by cost: {champion}; jobs are planned by: {planner}"))

    def metadata(self, work: Work, label: str, path: str) -> dict[str, Any]:
        if label != "file.champion":
            return {}
        known: dict[str, Any] = {
            key: self._verdict[key] for key in ("champion", "planner", "promoted") if key in self._verdict
        }
        figures = self._verdict.get("figures", {}).get(self._verdict.get("planner"), {}).get("all", {})
        return {**known, **{f"test_{name}": value for name, value in figures.items()}}
