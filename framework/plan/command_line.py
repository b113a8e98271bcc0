"""Command lines: from an ``exec_N`` section to the program's argument vector."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection

from framework.pipeline.definition import ExecDefinition
from framework.pipeline.problems import error_at
from framework.plan.call_values import CallValues
from framework.plan.section_texts import DEFERRED
from wcl import (
    Scope,
    Section,
    compile_format,
    deferred_calls,
    expand_partially,
    resolve_deferred,
    split_command,
)

#: Hyphens before an option of one letter, and before a longer one, by ``cmd_hyphen``.
HYPHENS = {"allsingle": ("-", "-"), "alldouble": ("--", "--"), "mixed_gnu": ("-", "--")}
POSITION = re.compile(r"_(\d+)(?:_\w+)?")
#: Value of an option that stands alone.
FLAG = "_flag"
#: Letters that a shell would split at or take away, and a dollar that is text.
SHELL_LETTERS = re.compile(r"[\s'\"\\]|\$\$")


class CommandLine:
    """The command line of a program, read once and filled in for each call."""

    def __init__(self, step: ExecDefinition, scope: Scope, loop: Collection[str] = ()) -> None:
        """``loop`` are the names whose values differ from call to call, besides those of files and lists."""

        def is_open(name: str) -> bool:
            return name in loop or name.startswith(("file.", "list.", "wrapper."))

        section = step.section
        elements: list[tuple[str, ArgumentWords]] = [("", ArgumentWords(section, "execname", scope, is_open))]
        positional: list[tuple[int, ArgumentWords]] = []
        options = section.section("cmdline")
        single, double = _hyphens(section)
        for key in options:
            words = ArgumentWords(options, key, scope, is_open)
            if match := POSITION.fullmatch(key):
                positional.append((int(match[1]), words))
            elif key.startswith("_"):
                hint = "positions are _1, _02 or _03_name"
                raise error_at(options.position(key), f"'{key}' is neither an option nor a position", hint)
            else:
                elements.append(((single if len(key) == 1 else double) + key, words))
        # An option with its value counts as one position, as operators have always counted.
        for number, words in sorted(positional, key=lambda pair: pair[0]):
            elements.insert(max(number, 1), ("", words))
        self._elements = elements

    def fill(self, call: CallValues) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the program with its arguments, and the indexes of words with deferred values."""
        argv: list[str] = []
        for option, argument in self._elements:
            words = argument.fill(call)
            if option:
                argv.append(option)
                if words == [FLAG]:
                    continue
            argv += words
        if "$" not in "".join(argv):
            return tuple(argv), ()
        deferred = tuple(number for number, word in enumerate(argv) if deferred_calls(word))
        return (
            tuple(word if number in deferred else resolve_deferred(word, {}) for number, word in enumerate(argv)),
            deferred,
        )


class ArgumentWords:
    """Words of one value of a command line."""

    def __init__(self, section: Section, key: str, scope: Scope, is_open: Callable[[str], bool]) -> None:
        text = section.text(key)
        self._position = section.position(key)
        if unknown := {name for name, _ in deferred_calls(text)} - DEFERRED:
            raise error_at(self._position, f"${unknown.pop().upper()}{{}} means nothing on a command line")
        self._text = expand_partially(text, scope, is_open)
        #: The words, if all calls share them.
        self._shared = None if "$" in self._text else split_command(self._text, scope, self._position)
        self._format = None if SHELL_LETTERS.search(self._text) else compile_format(self._text)

    def fill(self, call: CallValues) -> list[str]:
        """Return the words for a call."""
        if self._shared is not None:
            return self._shared
        word = self._format.fill_word(call.paths.get, call.values.get) if self._format else None
        return [word] if word is not None else split_command(self._text, call.scope, self._position)


def shell_text(argv: tuple[str, ...]) -> str:
    """Return a command line as it can be pasted into a shell."""
    return shlex.join(argv)


def _hyphens(section: Section) -> tuple[str, str]:
    style = section.get("cmd_hyphen", "allsingle")
    if not isinstance(style, str) or style.lower() not in HYPHENS:
        hint = f"one of {', '.join(HYPHENS)}"
        raise error_at(section.position("cmd_hyphen"), f"unknown hyphen style '{style}'", hint)
    return HYPHENS[style.lower()]
