"""Hooks of the wrappers in the folder ``wrappers``, as the planner calls them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from framework.pipeline.plugins import step_of
from wcl import SourcePosition
from wrappers import Generic, load_wrapper

WRAPPERS = Path(__file__).parents[2] / "wrappers"


def wrapper_files() -> Mapping[str, Path]:
    """Return the files of the wrappers by name."""
    return {path.stem: path for path in WRAPPERS.glob("[a-z]*.py")}


class WrapperHooks:
    """WrapperHooks of the wrappers in the folder ``wrappers``, as the planner calls them."""

    def takes_inputs(self, name: str) -> bool:
        wrapper = _wrapper(name)
        return wrapper is not None and type(wrapper).declared_inputs is not Generic.declared_inputs

    def adds_arguments(self, name: str) -> bool:
        wrapper = _wrapper(name)
        return wrapper is not None and type(wrapper).arguments is not Generic.arguments

    def shares_process(self, name: str) -> bool:
        wrapper = _wrapper(name)
        return wrapper is not None and wrapper.in_process

    def inputs(self, name: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        wrapper = _wrapper(name)
        return wrapper.declared_inputs(settings) if wrapper else {}

    def arguments(
        self, name: str, settings: Mapping[str, str], members: Mapping[str, list[Mapping[str, str]]]
    ) -> list[str]:
        wrapper = _wrapper(name)
        return wrapper.arguments(settings, members) if wrapper else []

    def step(self, argv: Sequence[str], position: SourcePosition) -> str:
        return step_of(argv, position)


@lru_cache
def _wrapper(name: str) -> Generic | None:
    """Return a wrapper to plan with; None for an unknown one, which the planner reports."""
    return load_wrapper(name) if (WRAPPERS / f"{name}.py").is_file() else None
