"""Wrapper of programs that run as functions in one process and pass data to each other in memory.

Modules with this wrapper whose calls share a job run in one process. An output with ``savefiles = False`` that only
calls of these modules read is never written. Setting: ``wraps``, the wrapper that prepares the calls and their outputs
(default: generic).

A program is ``python -m <module>``, and is called as the function ``in_process(arguments, objects, memory)`` of that
module. ``arguments`` are the words of the command line after the program's name. ``objects`` are the data in memory, by
the paths that their files would have; the function must not change those of other calls. ``memory`` are the paths of
the outputs that the function must put into ``objects`` and not write. The function returns its exit status. Modules
that come with the framework, ``pipelines.<family>.<program>``, may have such a function; for others a site names it in
the section ``steps`` of its own file: ``<module> = package.module:function``.
"""

from __future__ import annotations

from wrappers import Generic, Work, WrapperError, load_wrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Wrapper(Generic):
    """A wrapper that calls the hooks of another one, and has the programs run in one process."""

    in_process = True

    def __init__(self) -> None:
        self._wrapped = Generic()

    @staticmethod
    def declared_inputs(settings: Mapping[str, str]) -> dict[str, str]:
        return _load_wrapped(settings).declared_inputs(settings)

    def arguments(self, settings: Mapping[str, str], members: Mapping[str, list[Mapping[str, str]]]) -> list[str]:
        return _load_wrapped(settings).arguments(settings, members)

    def inputs(self, work: Work) -> None:
        self._wrapped = _load_wrapped(work.settings)
        self._wrapped.inputs(work)

    def command(self, work: Work, number: int, argv: list[str]) -> list[str]:
        return self._wrapped.command(work, number, argv)

    def outputs(self, work: Work) -> None:
        self._wrapped.outputs(work)

    def metadata(self, work: Work, label: str, path: str) -> dict[str, object]:
        return self._wrapped.metadata(work, label, path)


def _load_wrapped(settings: Mapping[str, str]) -> Generic:
    wrapper = load_wrapper(settings.get("wraps", "generic"))
    if wrapper.in_process:
        raise WrapperError(f"wraps = {settings['wraps']}: this wrapper runs programs in one process itself")
    return wrapper
