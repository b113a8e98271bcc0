"""Programs that are steps of one process: called in Python, with what they pass to each other left in memory.

Modules with this wrapper whose calls share a job run in one process. What one of them makes with
``savefiles = False``, and only others of them read, is never written. Setting: ``wraps``, the wrapper that prepares
the calls and sees to their outputs (default: generic).

A program is ``python -m <module>``, and is called as the function ``in_process(arguments, objects, memory)`` of that
module: the words of the command line after its name; what is in memory, by the place that its file would have; and
the places of what this call is to leave there instead of writing it. What it gives back is its exit status; what it
finds in memory it leaves as it is, for others may read it too. Modules of the families that ship,
``pipelines.<family>.<program>``, may have such a function; any others a site names in its own file, in the section
``steps``: ``<module> = package.module:function``.
"""

from __future__ import annotations

from wrappers import Generic, Work, WrapperError, load_wrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Wrapper(Generic):
    """Leaves everything but the running of programs to another wrapper."""

    in_process = True

    def __init__(self) -> None:
        self._wrapped = Generic()

    @staticmethod
    def declared_inputs(settings: Mapping[str, str]) -> dict[str, str]:
        return _wrapped(settings).declared_inputs(settings)

    def arguments(self, settings: Mapping[str, str], members: Mapping[str, list[Mapping[str, str]]]) -> list[str]:
        return _wrapped(settings).arguments(settings, members)

    def inputs(self, work: Work) -> None:
        self._wrapped = _wrapped(work.settings)
        self._wrapped.inputs(work)

    def command(self, work: Work, number: int, argv: list[str]) -> list[str]:
        return self._wrapped.command(work, number, argv)

    def outputs(self, work: Work) -> None:
        self._wrapped.outputs(work)

    def metadata(self, work: Work, label: str, path: str) -> dict[str, Any]:
        return self._wrapped.metadata(work, label, path)


def _wrapped(settings: Mapping[str, str]) -> Generic:
    found = load_wrapper(settings.get("wraps", "generic"))
    if found.in_process:
        raise WrapperError(f"wraps = {settings['wraps']}: it wraps another kind of wrapper")
    return found
