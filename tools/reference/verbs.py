"""Page of the verbs, their arguments and options, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from framework.cli import fw
from tools.reference.markdown import table

title = "Verbs"


def lines() -> Iterator[str]:
    """Yield the page: a section for each verb, in alphabetical order."""
    yield "`fw VERB`; `fwsubmit` is `fw submit`, and `fwstat` is `fw stat`. Answers go to standard output, messages to"
    yield "standard error. [Exit codes](exit-codes.md) are the same for all verbs."
    yield ""
    yield from table(("option of `fw` itself", "meaning"), _options(fw))
    for name, command in commands():
        yield from _section(name, command)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every verb, and the verbs of a group after it, with the words that call them."""
    context = click.Context(fw)
    for verb in fw.list_commands(context):
        command = fw.get_command(context, verb)
        if command is not None:
            yield verb, command
        if isinstance(command, click.Group):
            for name in sorted(command.commands):
                yield f"{verb} {name}", command.commands[name]


def _section(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"fw {name}")
    yield from ("", f"## fw {name}", "")
    yield from inspect.cleandoc(command.help or "").replace("\b\n", "").splitlines()
    yield from ("", "```", command.get_usage(context).removeprefix("Usage: "))
    if command.epilog:
        yield from ("", command.epilog.removeprefix("Example: "))
    yield "```"
    options = list(_options(command))
    if options:
        yield ""
        yield from table(("option", "meaning"), options)


def _options(command: click.Command) -> Iterator[tuple[str, str]]:
    for option in command.params:
        if isinstance(option, click.Option):
            record = option.get_help_record(click.Context(command))
            if record:
                yield f"`{record[0]}`", record[1]
