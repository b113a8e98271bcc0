"""Plugins: what a site adds to the framework in Python, named in the site's own file and nowhere else."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from framework.pipeline.problems import error_at, suggest_name
from wcl import Section, SourcePosition, WclError, register_function

#: A program of a family that ships; its steps need no registration.
OF_A_FAMILY = re.compile(r"pipelines\.[a-z]\w*\.[a-z]\w*")
PYTHON = re.compile(r"(?:.*/)?python[\d.]*")
#: What a program's module calls the function that does its work in a process with others.
IN_PROCESS = "in_process"
#: Module name to ``package.module:function`` of the steps that the site has registered.
_steps: dict[str, str] = {}


def load_functions(site: Section) -> None:
    """Make the functions of the site's ``functions`` section known to $FUNC{} and <<inclfunc>>.

    ``name = package.module:function``; a pipeline can use these names and no others.
    """
    section = site.section("functions")
    for name, target in section.items():
        if isinstance(target, str):
            register_function(name, _imported(target, section.position(name)))


def load_steps(site: Section) -> None:
    """Make the steps of the site's ``steps`` section known: programs that can run in one process with others.

    ``<module> = package.module:function``, for ``execname = python -m <module>``.
    """
    section = site.section("steps")
    for name, target in section.items():
        if isinstance(target, str):
            _imported(target, section.position(name))
            _steps[name.lower()] = target


def step_of(argv: Sequence[str], position: SourcePosition) -> str:
    """``package.module:function`` of what does a program's work in a process with others.

    Only a program of a family that ships has one, or a program that the site has registered.
    """
    if len(argv) < 3 or argv[1] != "-m" or not PYTHON.fullmatch(argv[0]):
        raise error_at(position, f"'{argv[0]}' cannot run in one process with others", "execname = python -m <module>")
    name = argv[2]
    if name.lower() in _steps:
        return _steps[name.lower()]
    if not OF_A_FAMILY.fullmatch(name):
        hint = "it is a module pipelines.<family>.<program>, or named in the section <steps> of the site's file"
        raise error_at(position, f"nobody has registered '{name}' as a step that runs in one process with others", hint)
    try:
        _imported(f"{name}:{IN_PROCESS}", position)
    except WclError as error:
        hint = f"use another wrapper for it, or give the module a function {IN_PROCESS}"
        problem = error.problems[0].message
        raise error_at(position, f"'{name}' does not run in one process with others: {problem}", hint) from error
    return f"{name}:{IN_PROCESS}"


def _imported(target: str, position: SourcePosition) -> Callable[..., Any]:
    module_name, colon, attribute = target.partition(":")
    if not colon:
        raise error_at(position, f"'{target}' names no function", "package.module:function")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise error_at(position, f"'{module_name}' cannot be imported: {error}") from error
    function = getattr(module, attribute, None)
    if not callable(function):
        raise error_at(position, f"'{module_name}' has no function '{attribute}'", suggest_name(attribute, dir(module)))
    found: Callable[..., Any] = function
    return found
