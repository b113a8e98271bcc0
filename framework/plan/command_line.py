"""Command lines: from an ``exec_N`` section to the program's argument vector."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection

from framework.pipeline.definition import ExecDefinition
from framework.pipeline.problems import error_at
from framework.plan.call_scope import CallValues
from wcl import Scope, Section, split_command
from wcl.deferred import deferred_calls, resolve_deferred
from wcl.format import compile_format
from wcl.partial import expand_partially

#: What stands before an option of one letter, and before a longer one.
HYPHENS = {"allsingle": ("-", "-"), "alldouble": ("--", "--"), "mixed_gnu": ("-", "--")}
POSITION = re.compile(r"_(\d+)(?:_\w+)?")
FLAG = "_flag"
#: What a shell would split or take away, and a dollar that is text.
SPLITS = re.compile(r"[\s'\"\\]|\$\$")
#: Functions that a command line may hold: their values exist only inside the job.
LATE = frozenset({"head", "secret"})


class CommandLine:
    """The command line of a program, read once and filled in for each call."""

    def __init__(self, step: ExecDefinition, scope: Scope, loop: Collection[str] = ()) -> None:
        """``loop``: the names whose values differ from call to call, besides those of files and lists."""

        def is_open(name: str) -> bool:
            return name in loop or name.startswith(("file.", "list.", "wrapper."))

        section = step.section
        elements: list[tuple[str, ArgumentWords]] = [("", ArgumentWords(section, "execname", scope, is_open))]
        positional: list[tuple[int, ArgumentWords]] = []
        options = section.section("cmdline")
        single, double = _hyphens(section)
        for key in options:
            values = ArgumentWords(options, key, scope, is_open)
            if found := POSITION.fullmatch(key):
                positional.append((int(found[1]), values))
            elif key.startswith("_"):
                hint = "positions are _1, _02 or _03_name"
                raise error_at(options.position(key), f"'{key}' is neither an option nor a position", hint)
            else:
                elements.append(((single if len(key) == 1 else double) + key, values))
        # An option with its value counts as one position, as operators have always counted.
        for number, values in sorted(positional, key=lambda pair: pair[0]):
            elements.insert(max(number, 1), ("", values))
        self._elements = elements

    def fill(self, given: CallValues) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The program and its arguments, and which of them the job has still to fill in."""
        argv: list[str] = []
        for option, words_of in self._elements:
            values = words_of.fill(given)
            if option:
                argv.append(option)
                if values == [FLAG]:
                    continue
            argv += values
        if "$" not in "".join(argv):
            return tuple(argv), ()
        late = tuple(number for number, word in enumerate(argv) if deferred_calls(word))
        return tuple(word if number in late else resolve_deferred(word, {}) for number, word in enumerate(argv)), late


class ArgumentWords:
    """The words of one value."""

    def __init__(self, section: Section, key: str, scope: Scope, is_open: Callable[[str], bool]) -> None:
        text = section.text(key)
        self._position = section.position(key)
        if unknown := {name for name, _ in deferred_calls(text)} - LATE:
            raise error_at(self._position, f"${unknown.pop().upper()}{{}} means nothing on a command line")
        self._text = expand_partially(text, scope, is_open)
        #: Where nothing is left to fill in.
        self._fixed = None if "$" in self._text else split_command(self._text, scope, self._position)
        self._format = None if SPLITS.search(self._text) else compile_format(self._text)

    def fill(self, given: CallValues) -> list[str]:
        if self._fixed is not None:
            return self._fixed
        word = self._format.fill_word(given.paths.get, given.values.get) if self._format else None
        return [word] if word is not None else split_command(self._text, given.scope, self._position)


def shell_text(argv: tuple[str, ...]) -> str:
    """The command line as it can be pasted into a shell."""
    return shlex.join(argv)


def _hyphens(section: Section) -> tuple[str, str]:
    style = section.get("cmd_hyphen", "allsingle")
    if not isinstance(style, str) or style.lower() not in HYPHENS:
        raise error_at(
            section.position("cmd_hyphen"), f"unknown hyphen style '{style}'", hint=f"one of {', '.join(HYPHENS)}"
        )
    return HYPHENS[style.lower()]
