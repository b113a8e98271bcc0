"""Plug-ins: Python functions that a site adds to the framework, named in the site's own file only."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from framework.pipeline.problems import error_at, suggest_name
from wcl import Section, SourcePosition, WclError, register_function

#: Module of a program that ships with the framework; its steps need no registration.
SHIPPED_PROGRAM = re.compile(r"pipelines\.[a-z]\w*\.[a-z]\w*")
PYTHON = re.compile(r"(?:.*/)?python[\d.]*")
#: Name of the function in a program's module that does its work in a process with others.
IN_PROCESS = "in_process"
#: Module name to ``package.module:function`` of the steps that the site has registered.
_steps: dict[str, str] = {}


def load_functions(site: Section) -> None:
    """Register the functions of the site's ``functions`` section for $FUNC{} and <<inclfunc>>.

    ``name = package.module:function``; a pipeline can use these names and no others.
    """
    section = site.section("functions")
    for name, target in section.items():
        if isinstance(target, str):
            register_function(name, _import_function(target, section.position(name)))


def load_steps(site: Section) -> None:
    """Register the steps of the site's ``steps`` section: programs that can run in one process with others.

    ``<module> = package.module:function``, for ``execname = python -m <module>``.
    """
    section = site.section("steps")
    for name, target in section.items():
        if isinstance(target, str):
            _import_function(target, section.position(name))
            _steps[name.lower()] = target


def step_of(argv: Sequence[str], position: SourcePosition) -> str:
    """Return the function ``package.module:function`` that does a program's work in a process with others.

    Only programs that ship with the framework have one, and programs that the site has registered.
    """
    if len(argv) < 3 or argv[1] != "-m" or not PYTHON.fullmatch(argv[0]):
        raise error_at(position, f"'{argv[0]}' cannot run in one process with others", "execname = python -m <module>")
    name = argv[2]
    if name.lower() in _steps:
        return _steps[name.lower()]
    if not SHIPPED_PROGRAM.fullmatch(name):
        hint = "it is a module pipelines.<family>.<program>, or named in the section <steps> of the site's file"
        raise error_at(position, f"'{name}' is not registered as a step that runs in one process with others", hint)
    try:
        _import_function(f"{name}:{IN_PROCESS}", position)
    except WclError as error:
        hint = f"use another wrapper for it, or give the module a function {IN_PROCESS}"
        problem = error.problems[0].message
        raise error_at(position, f"'{name}' does not run in one process with others: {problem}", hint) from error
    return f"{name}:{IN_PROCESS}"


def _import_function(target: str, position: SourcePosition) -> Callable[..., Any]:
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
