"""Plugins: what a site adds to the framework in Python, named in the site's own file and nowhere else."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from framework.plan.findings import near, wrong
from wcl import Place, Section, register_function


def load_functions(site: Section) -> None:
    """Make the functions of the site's ``functions`` section known to $FUNC{} and <<inclfunc>>.

    ``name = package.module:function``; a pipeline can use these names and no others.
    """
    section = site.section("functions")
    for name, target in section.items():
        if isinstance(target, str):
            register_function(name, _imported(target, section.place(name)))


def _imported(target: str, place: Place) -> Callable[..., Any]:
    module_name, colon, attribute = target.partition(":")
    if not colon:
        raise wrong(place, f"'{target}' names no function", "package.module:function")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise wrong(place, f"'{module_name}' cannot be imported: {error}") from error
    function = getattr(module, attribute, None)
    if not callable(function):
        raise wrong(place, f"'{module_name}' has no function '{attribute}'", near(attribute, dir(module)))
    found: Callable[..., Any] = function
    return found
