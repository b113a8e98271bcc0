"""Pipelines on the command line: a path, or the name of a pipeline that ships with the framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

#: The pipelines that ship; the package is found beside this one, whatever PYTHONPATH says.
SHIPPED = Path(__file__).parents[3] / "pipelines"


class PipelineFile(click.Path):
    """Path of a pipeline's file; a word without suffix and slash may be the name of a pipeline that ships."""

    name = "pipeline"

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(value)
        if path.is_file():
            return super().convert(value, param, ctx)
        name = path.name.removesuffix(".wcl")
        shipped = SHIPPED / f"{name}.wcl"
        if str(value) == name and shipped.is_file():
            return shipped
        if not path.exists():
            self.fail(f"{str(value)!r} is no file{_hint(name)}", param, ctx)
        return super().convert(value, param, ctx)


def shipped_names() -> list[str]:
    """Return the names of the pipelines that ship, sorted."""
    return sorted(path.stem for path in SHIPPED.glob("*.wcl"))


def _hint(name: str) -> str:
    from wcl.spelling import did_you_mean  # loaded only for an error

    names = shipped_names()
    if name in names:
        return f"; the pipeline that ships is called {name}, without folder and suffix"
    hint = did_you_mean(name, names)
    return f"; {hint}" if hint else ""
