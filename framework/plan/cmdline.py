"""Command lines: from an ``exec_N`` section to the program's argument vector."""

from __future__ import annotations

import re
import shlex

from framework.plan.definition import ExecDefinition
from framework.plan.findings import wrong
from wcl import Scope, Section, words
from wcl.late import late_calls, resolve_late

#: What stands before an option of one letter, and before a longer one.
HYPHENS = {"allsingle": ("-", "-"), "alldouble": ("--", "--"), "mixed_gnu": ("-", "--")}
POSITION = re.compile(r"_(\d+)(?:_\w+)?")
FLAG = "_flag"
#: Functions that a command line may hold: their values exist only inside the job.
LATE = frozenset({"head", "secret"})


def command_line(step: ExecDefinition, scope: Scope) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The program and its arguments, and which of them the job has still to fill in."""
    argv = _argv(step, scope)
    late = tuple(number for number, word in enumerate(argv) if late_calls(word))
    return tuple(word if number in late else resolve_late(word, {}) for number, word in enumerate(argv)), late


def _argv(step: ExecDefinition, scope: Scope) -> tuple[str, ...]:
    """Options in their order, positional arguments put in at their numbers.

    An option with its value counts as one position, as operators have always counted.
    """
    section = step.section
    elements = [_words(section, "execname", scope)]
    options = section.section("cmdline")
    single, double = _hyphens(section)
    positional: list[tuple[int, list[str]]] = []
    for key in options:
        values = _words(options, key, scope)
        if found := POSITION.fullmatch(key):
            positional.append((int(found[1]), values))
        elif key.startswith("_"):
            raise wrong(
                options.place(key),
                f"'{key}' is neither an option nor a position",
                hint="positions are _1, _02 or _03_name",
            )
        else:
            option = (single if len(key) == 1 else double) + key
            elements.append([option] if values == [FLAG] else [option, *values])
    for number, values in sorted(positional, key=lambda pair: pair[0]):
        elements.insert(max(number, 1), values)
    return tuple(word for element in elements for word in element)


def shell_text(argv: tuple[str, ...]) -> str:
    """The command line as it can be pasted into a shell."""
    return shlex.join(argv)


def _hyphens(section: Section) -> tuple[str, str]:
    style = section.get("cmd_hyphen", "allsingle")
    if not isinstance(style, str) or style.lower() not in HYPHENS:
        raise wrong(section.place("cmd_hyphen"), f"unknown hyphen style '{style}'", hint=f"one of {', '.join(HYPHENS)}")
    return HYPHENS[style.lower()]


def _words(section: Section, key: str, scope: Scope) -> list[str]:
    text = section[key]
    if not isinstance(text, str):
        raise wrong(section.place(key), f"'{key}' is a section where a value is wanted")
    if unknown := {name for name, _ in late_calls(text)} - LATE:
        raise wrong(section.place(key), f"${unknown.pop().upper()}{{}} means nothing on a command line")
    return words(text, scope, section.place(key))
