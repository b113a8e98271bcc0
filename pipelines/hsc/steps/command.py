"""The command line of a step in LSST's style; a failure is one line on stderr and an exit status."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.hsc.errors import InputError, QualityError
from pipelines.hsc.repository.data_id import DataId, parse_data_id

if TYPE_CHECKING:
    from pipelines.hsc.repository.repository import Repository

EXIT_IO_ERROR = 1
EXIT_INPUT_ERROR = 2
EXIT_QUALITY_ERROR = 3

Setting = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class StepArguments:
    """Parsed arguments of one call of a step."""

    #: The data of `--id`.
    data_id: DataId
    #: The data of every `--selectId`, each once, in order of their values.
    selected: tuple[DataId, ...]
    config: Mapping[str, Setting]

    def get_float(self, key: str) -> float:
        """Return a setting that is a number."""
        return float(self.config[key])

    def get_int(self, key: str) -> int:
        """Return a setting that is a whole number."""
        return int(self.config[key])


@dataclass(frozen=True, kw_only=True)
class PipelineStep:
    """A program of the pipeline."""

    name: str
    description: str
    run: Callable[[StepArguments, "Repository"], None]
    #: Keys that `--id` must have.
    id_keys: tuple[str, ...] = ()
    #: Keys that each `--selectId` must have; without any there is no such option.
    select_keys: tuple[str, ...] = ()
    #: Settings that `-c` may change, with their defaults.
    config: Mapping[str, Setting] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """Command line of the program, without arguments."""
        return f"python -m pipelines.hsc.{self.name}"


def main(step: PipelineStep, argv: Sequence[str] | None = None) -> int:
    """Run a step by its command line.

    Returns
    -------
    int
        Exit status: 0; 1 if a file cannot be read or written; 2 for wrong input; 3 for data that are too poor.
    """
    arguments = make_parser(step).parse_args(argv)

    def action() -> None:
        from pipelines.hsc.repository.repository import Repository  # cycle: it is for steps that this module serves

        parsed = parse_step_arguments(step, arguments)
        step.run(parsed, Repository.open(arguments.repository, arguments.output or arguments.repository))

    return run_program(step.command, action)


def run_program(command: str, action: Callable[[], None]) -> int:
    """Run an action, report its error as one line on stderr, and return the exit status.

    Parameters
    ----------
    command : str
        Command line of the program, for the line.
    action : callable
        Raises InputError, QualityError or OSError if it fails.
    """
    try:
        action()
    except QualityError as error:
        return _report_error(EXIT_QUALITY_ERROR, f"QC: {error}")
    except InputError as error:
        return _report_error(EXIT_INPUT_ERROR, f"{command}: {error}")
    except OSError as error:
        return _report_error(EXIT_IO_ERROR, f"{command}: {error}")
    return 0


def make_parser(step: PipelineStep) -> argparse.ArgumentParser:
    """Make the parser of a step's command line."""
    parser = argparse.ArgumentParser(prog=step.command, description=step.description, epilog=_list_settings(step))
    parser.add_argument("repository", type=Path, help="directory that data are read from")
    parser.add_argument("--output", type=Path, help="directory that data are written to (default: the same)")
    parser.add_argument("--doraise", action="store_true", help="accepted: any failure ends the program anyway")
    parser.add_argument("-c", "--config", action="append", nargs="+", default=[], metavar="KEY=VALUE")
    if step.id_keys:
        keys = " ".join(f"{key}=..." for key in step.id_keys)
        parser.add_argument("--id", nargs="+", required=True, metavar="KEY=VALUE", help=f"data to make: {keys}")
    if step.select_keys:
        keys = " ".join(f"{key}=..." for key in step.select_keys)
        parser.add_argument(
            "--selectId",
            action="append",
            nargs="+",
            default=[],
            metavar="KEY=VALUE",
            help=f"inputs: {keys}",
        )
    return parser


def parse_step_arguments(step: PipelineStep, arguments: argparse.Namespace) -> StepArguments:
    """Convert what the parser returned.

    Raises
    ------
    InputError
        If a data id lacks a key, a setting is unknown, or its value has the wrong type.
    """
    settings = [word for words in arguments.config for word in words]
    return StepArguments(
        data_id=_parse_complete_id(step.id_keys, getattr(arguments, "id", []), "--id"),
        selected=_parse_selections(step, getattr(arguments, "selectId", [])),
        config={**step.config, **dict(_parse_setting(step, word) for word in settings)},
    )


def _parse_complete_id(keys: tuple[str, ...], words: Sequence[str], option: str) -> DataId:
    data_id = parse_data_id(words)
    missing = [key for key in keys if key not in data_id]
    if missing:
        raise InputError(f"{option} {' '.join(words)} lacks {', '.join(missing)}")
    return data_id


def _parse_selections(step: PipelineStep, selections: Sequence[Sequence[str]]) -> tuple[DataId, ...]:
    if step.select_keys and not selections:
        raise InputError(f"nothing to work on: --selectId {' '.join(f'{key}=...' for key in step.select_keys)}")
    data_ids = [_parse_complete_id(step.select_keys, words, "--selectId") for words in selections]
    unique = {tuple(data_id[key] for key in step.select_keys): data_id for data_id in data_ids}
    return tuple(unique[values] for values in sorted(unique))


def _parse_setting(step: PipelineStep, word: str) -> tuple[str, Setting]:
    key, _, text = word.partition("=")
    if key not in step.config:
        known = ", ".join(step.config) or "nothing"
        raise InputError(f"-c {word}: {key!r} cannot be set here, only {known}")
    kind = type(step.config[key])
    try:
        return key, {"True": True, "False": False}[text] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        raise InputError(f"-c {word}: {key} is set as in {key}={step.config[key]}") from error


def _list_settings(step: PipelineStep) -> str:
    return "settings: " + " ".join(f"{key}={value}" for key, value in step.config.items()) if step.config else ""


def _report_error(status: int, message: str) -> int:
    """Write a message to stderr, as one line even where a library's has several, and return the exit status."""
    print(" ".join(message.split()), file=sys.stderr)
    return status
