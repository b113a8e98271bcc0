"""Wrappers: hooks that prepare the programs of a call and register their outputs.

A wrapper is a module of this package with a class ``Wrapper``, found by the module's name (``wrappername = train``).
The worker loads it, so it imports the standard library only. These hooks run in the job's directory, in this order:

``inputs``    prepares the input files, which are there already, for the programs
``command``   returns the argument vector of each program
``outputs``   prepares the output files after the programs have succeeded, before the worker collects them
``metadata``  returns what to record with one output, in addition to what the pipeline says

Two hooks run when the run is planned: ``declared_inputs`` returns files outside all archives that the settings name,
and ``arguments`` returns further words of the first program's command line.

The programs of a wrapper with ``in_process`` run as Python functions, in one process with those of the other such
calls of the job. An output that stays in memory there has a path like any other, but no file.
"""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: Levels of messages, as journals have them.
ERROR, WARNING, INFORMATION = 1, 2, 3


class WrapperError(Exception):
    """A call cannot be run, or its outputs are wrong; the message says why."""


class Work:
    """A call as its wrapper sees it, with all values expanded and paths relative to the job's directory."""

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
        #: Values of the loop keys.
        self.keys = keys
        #: Values of the module's ``wrapper`` section.
        self.settings = settings
        #: Paths of input files by label (``file.raw``, ``wrapper.source``).
        self.inputs = inputs
        #: Paths of output files by label.
        self.outputs = outputs
        #: Messages to record with the call, as (level, text); a level is ERROR, WARNING or INFORMATION.
        self.messages: list[tuple[int, str]] = []

    def output(self, label: str) -> str:
        """Return the path of the one output with a label; raise WrapperError if there is none, or more."""
        paths = self.outputs.get(f"file.{label}", [])
        if len(paths) != 1:
            raise WrapperError(f"module '{self.module}' should make one file.{label}, not {len(paths)}")
        return paths[0]


class Generic:
    """A wrapper whose hooks change nothing; other wrappers derive from it."""

    #: True if its programs run as Python functions, in a process that the job's calls share.
    in_process = False

    @staticmethod
    def declared_inputs(settings: Mapping[str, str]) -> dict[str, str]:
        """Return the paths or URLs of files outside all archives, by label."""
        return {}

    def arguments(self, settings: Mapping[str, str], members: Mapping[str, list[Mapping[str, str]]]) -> list[str]:
        """Return further words of the first program's command line; ``members`` are keys of the files of each list."""
        return []

    def inputs(self, work: Work) -> None:
        """Prepare the input files for the programs."""

    def command(self, work: Work, number: int, argv: list[str]) -> list[str]:
        """Return the argument vector of the program ``exec_<number>``."""
        return argv

    def outputs(self, work: Work) -> None:
        """Prepare the output files that the programs left."""

    def metadata(self, work: Work, label: str, path: str) -> dict[str, object]:
        """Return the metadata to record with one output."""
        return {}


def load_wrapper(name: str) -> Generic:
    """Return a new wrapper of this name, for one call."""
    if not name.isidentifier():
        raise WrapperError(f"'{name}' is not the name of a wrapper")
    try:
        module = importlib.import_module(f"wrappers.{name}")
    except ModuleNotFoundError as error:
        raise WrapperError(f"there is no wrapper '{name}'") from error
    wrapper: Generic = module.Wrapper()
    return wrapper
