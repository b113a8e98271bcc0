"""Main functions of programs: parse the arguments, run, and report wrong input as one line with exit status 2."""

import argparse
import sys
from collections.abc import Callable, Sequence

from pipelines.calcloud.program.errors import InputError

SYSTEM_FAILED = 1


def run(
    parser: argparse.ArgumentParser, program: Callable[[argparse.Namespace], None], argv: Sequence[str] | None = None
) -> int:
    """Run a program on its parsed arguments, and return its exit status.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of the program's arguments.
    program : Callable[[argparse.Namespace], None]
        The program.
    argv : Sequence[str] | None
        The arguments; None for those of the process.

    Returns
    -------
    int
        0, 1 when the disk or network failed, 2 (or the error's own status) when the input is wrong.
    """
    arguments = parser.parse_args(argv)
    try:
        program(arguments)
    except InputError as error:
        return _report(parser, error, error.status)
    except OSError as error:
        return _report(parser, error, SYSTEM_FAILED)
    return 0


def _report(parser: argparse.ArgumentParser, error: Exception, status: int) -> int:
    """Print an error as one line, even if a library's message has several, and return the status."""
    print(f"{parser.prog}: {' '.join(str(error).split())}", file=sys.stderr)
    return status


def make_parser(verb: str, description: str) -> argparse.ArgumentParser:
    """Return a parser whose messages begin with the command that a user types."""
    return argparse.ArgumentParser(
        prog=f"python -m pipelines.calcloud.{verb}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )


def positive_int(text: str) -> int:
    """Parse an argument that counts something, at least one."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {value}")
    return value


def seed(text: str) -> int:
    """Parse a seed of random numbers: 0 to 2**32 - 1, which every generator here accepts."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"must be 0 to {2**32 - 1}, not {value}")
    return value


def positive_float(text: str) -> float:
    """Parse an argument that is a size or a rate, above zero."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return value
