"""Command line: finds the verb, prints errors, chooses the exit code."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from framework.errors import FrameworkError
from framework.output.standard_error import keep_going_without_audience
from framework.output.text import printable_lines

VERBS = Path(__file__).parent / "commands"


class Verbs(click.Group):
    """Verbs of the command line: each file of ``framework/commands`` is one, and imported only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(path.stem for path in VERBS.glob("[a-z]*.py"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"framework.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(verb, first_sentence(VERBS / f"{verb}.py")) for verb in self.list_commands(ctx)]
        with formatter.section("Verbs"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            from wcl.spelling import did_you_mean  # wcl is loaded only for an error

            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(f"there is no verb '{args[0]}'{f': {hint}' if hint else ''}")
        return super().resolve_command(ctx, args)


def first_sentence(path: Path) -> str:
    """Return the help of a verb from the first line of its file, without importing it."""
    with open(path, encoding="utf-8") as file:
        return file.readline().strip().strip('"').rstrip(".")


def show_version(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version  # slow to import, and seldom asked for

        click.echo(f"skyfw {version('skyfw')}")
        ctx.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version, help="Say which.")
@click.option("-v", "--verbose", count=True, help="Log events on standard error; twice: with details. See FW_LOG.")
def fw(verbose: int) -> None:
    """Run a sky survey's production, and ask how a file came to be.

    \b
    Begin with:  fw submit hello
    Then:        fw stat
    """  # noqa: D301  (click reads the backspace itself as «do not wrap»)
    setting = os.environ.get("FW_LOG", "")
    if verbose or setting:
        from framework.output.log import configure  # logging takes as long to import as click: only where asked for

        configure(verbose, setting)


def run(arguments: list[str], name: str = "fw") -> int:
    """Run a command line and return its exit code.

    0 done, 1 the run or check failed, 2 usage or configuration, 3 infrastructure (registry, pool, disk).
    """
    open_standard_streams()
    keep_going_without_audience()
    output = sys.stdout
    try:
        answer: Any = fw.main(arguments, prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        click.echo("interrupted", err=True)
        return 1
    except _wcl_error() as error:
        complain(str(error))
        return 2
    except FrameworkError as error:
        complain(f"error: {error}")
        return error.exit_code
    except BrokenPipeError:
        return end_of_output()
    except SystemExit:
        if sys.stdout is output:
            raise
        return end_of_output()  # click exits by itself where the pipe is closed, and puts another stream in its place
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        complain(f"error: {named}{error.strerror or error}")
        flush_or_drop()
        return 3
    return answer if isinstance(answer, int) else 0


def end_of_output() -> int:
    """Return the exit code of a verb whose output nobody reads any more: whoever read it has seen enough."""
    flush_or_drop()
    return 0


def complain(text: str) -> None:
    """Print an error on standard error, with control characters escaped."""
    click.echo(printable_lines(text), err=True)


def _wcl_error() -> type[Exception]:
    # Asked for when something has gone wrong: the language takes longer to load than most verbs to run.
    from wcl.errors import WclError

    return WclError


def flush_or_drop() -> None:
    """Flush standard output; where that fails, drop the rest, so that the interpreter does not try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_standard_streams() -> None:
    """Open /dev/null on standard streams that the caller closed, so that no other file gets their descriptors."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def main() -> None:
    """Run ``fw``."""
    sys.exit(run(sys.argv[1:]))


def submit() -> None:
    """Run ``fwsubmit``: the verb submit."""
    sys.exit(run(["submit", *sys.argv[1:]], "fw"))


def stat() -> None:
    """Run ``fwstat``: the verb stat."""
    sys.exit(run(["stat", *sys.argv[1:]], "fw"))


if __name__ == "__main__":
    main()
