"""The border to the programs: what a wrapper may do around a resolved call.

A wrapper is a file of this folder with a class ``Wrapper``, found by its file's name (``wrappername = train``). The
worker loads it, so it imports the standard library only. Its hooks run in this order, in the job's directory:

``inputs``    the files are in place; arrange or add what the programs need
``command``   the argument vector of each program, which may be changed
``outputs``   the programs have ended well; arrange what they left before it is looked for
``metadata``  what to record with one output, besides what the pipeline says

Two run earlier, when the run is planned: ``declared_inputs`` names files outside every archive that the settings speak
of, and ``arguments`` adds words to the first program's command line.

A wrapper with ``in_process`` has its programs run as Python callables, in one process with those of the other such
calls of the job. An output that stays in memory there has a path like any other, and no file at it.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class WrapperError(Exception):
    """The call cannot be run, or its result is not what it should be; the message says why."""


class Work:
    """A call as its wrapper sees it: everything filled in, paths relative to the job's directory."""

    def __init__(
        self,
        number: int,
        module: str,
        keys: Mapping[str, str],
        settings: Mapping[str, str],
        inputs: Mapping[str, list[str]],
        outputs: Mapping[str, list[str]],
    ) -> None:
        self.number = number
        self.module = module
        #: The values of the loop keys.
        self.keys = keys
        #: The module's ``wrapper`` section.
        self.settings = settings
        #: Label (``file.raw``, ``wrapper.source``) to paths.
        self.inputs = inputs
        self.outputs = outputs
        #: (level, text): 1 error, 2 warning, 3 information; recorded with the call.
        self.messages: list[tuple[int, str]] = []

    def output(self, label: str) -> str:
        """The one output with this label."""
        found = self.outputs.get(f"file.{label}", [])
        if len(found) != 1:
            raise WrapperError(f"module '{self.module}' should make one file.{label}, not {len(found)}")
        return found[0]


class Generic:
    """Runs programs as the pipeline describes them; the hooks of the special wrappers start from here."""

    #: Whether its programs are run as callables, in a process that the job's calls share.
    in_process = False

    @staticmethod
    def declared_inputs(settings: Mapping[str, str]) -> dict[str, str]:
        """Label to path or URL."""
        return {}

    def arguments(self, settings: Mapping[str, str], members: Mapping[str, list[Mapping[str, str]]]) -> list[str]:
        """Further words of the first program's command line; ``members`` are what is known of the files of lists."""
        return []

    def inputs(self, work: Work) -> None:
        """Arrange what the programs need."""

    def command(self, work: Work, number: int, argv: list[str]) -> list[str]:
        """The argument vector of ``exec_<number>``."""
        return argv

    def outputs(self, work: Work) -> None:
        """Arrange what the programs left."""

    def metadata(self, work: Work, label: str, path: str) -> dict[str, Any]:
        """Keys to record with one output."""
        return {}


def load_wrapper(name: str) -> Generic:
    """The wrapper of this name, made anew for a call."""
    if not name.isidentifier():
        raise WrapperError(f"'{name}' is no wrapper's name")
    try:
        module = importlib.import_module(f"wrappers.{name}")
    except ModuleNotFoundError as error:
        raise WrapperError(f"there is no wrapper '{name}'") from error
    wrapper: Generic = module.Wrapper()
    return wrapper
