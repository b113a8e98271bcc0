"""Functions that a site registers for `$FUNC{name,...}` and `<<inclfunc name(key, ...)>>`."""

from collections.abc import Callable, Mapping
from typing import Any

#: Called by `$FUNC` with texts, it returns a text; called by `inclfunc` with a mapping, it returns a mapping.
Function = Callable[..., Any]

_registered: dict[str, Function] = {}


def register_function(name: str, function: Function) -> None:
    """Register a function under the name that configurations use; they can call no other functions."""
    _registered[name.lower()] = function


def registered_functions() -> Mapping[str, Function]:
    """Return the registered functions by their names in lower case."""
    return _registered
