"""The frame of every program here: parse the arguments, act, and turn wrong input into one line and exit status 2."""

import argparse
import sys
from collections.abc import Callable, Sequence

from pipelines.calcloud.program.errors import InputError

WORLD_FAILED = 1


def run(
    parser: argparse.ArgumentParser, act: Callable[[argparse.Namespace], None], argv: Sequence[str] | None = None
) -> int:
    """Exit status of `act` on the parsed arguments: 0, 1 when the disk or network failed, 2 when the input is wrong."""
    arguments = parser.parse_args(argv)
    try:
        act(arguments)
    except InputError as error:
        return _end(parser, error, error.status)
    except OSError as error:
        return _end(parser, error, WORLD_FAILED)
    return 0


def _end(parser: argparse.ArgumentParser, error: Exception, status: int) -> int:
    """One line, also where a library's message has several."""
    print(f"{parser.prog}: {' '.join(str(error).split())}", file=sys.stderr)
    return status


def parser_of(verb: str, description: str) -> argparse.ArgumentParser:
    """A parser whose error lines begin with the command that people type."""
    return argparse.ArgumentParser(
        prog=f"python -m pipelines.calcloud.{verb}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )


def positive_int(text: str) -> int:
    """An argument that counts something, at least one."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {value}")
    return value


def seed(text: str) -> int:
    """An argument that seeds random numbers: 0 to 2**32 - 1, which every generator here accepts."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"must be 0 to {2**32 - 1}, not {value}")
    return value


def positive_float(text: str) -> float:
    """An argument that is a size or a rate, above zero."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, not {text}")
    return value
