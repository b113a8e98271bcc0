"""Functions that a site has registered for `$FUNC{name,...}` and `<<inclfunc name(key, ...)>>`."""

from collections.abc import Callable, Mapping
from typing import Any

#: `$FUNC` gives a function its arguments as texts and takes a text; `inclfunc` gives a mapping and takes one.
Function = Callable[..., Any]

_registered: dict[str, Function] = {}


def register_function(name: str, function: Function) -> None:
    """Make a function known under the name that configurations use; nothing else can be called from one."""
    _registered[name.lower()] = function


def registered_functions() -> Mapping[str, Function]:
    return _registered
