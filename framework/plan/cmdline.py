"""Command lines: from an ``exec_N`` section to the program's argument vector."""

from __future__ import annotations

import re
import shlex

from framework.plan.definition import ExecDefinition
from framework.plan.findings import wrong
from wcl import Scope, Section, words

#: What stands before an option of one letter, and before a longer one.
HYPHENS = {"allsingle": ("-", "-"), "alldouble": ("--", "--"), "mixed_gnu": ("-", "--")}
POSITION = re.compile(r"_(\d+)(?:_\w+)?")
FLAG = "_flag"
#: Functions whose values exist only inside the job.
LATE = re.compile(r"\$(HEAD|SECRET)\{", re.IGNORECASE)


def command_line(step: ExecDefinition, scope: Scope) -> tuple[str, ...]:
    """The program and its arguments, positional ones put in at their numbers.

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
    if LATE.search(text):
        raise wrong(
            section.place(key),
            "$HEAD and $SECRET cannot be used on a command line yet",
            hint="give the value by a file or by job_environment",
        )
    return words(text, scope, section.place(key))
