"""The frame of every step: a command line in LSST's style, and one line with an exit status for what goes wrong."""

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

WORLD_FAILED = 1
WRONG_INPUT = 2
POOR_DATA = 3

Setting = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one call of a step is to work on."""

    data_id: DataId
    #: The data that `--selectId` names, each once, in order of their values.
    selected: tuple[DataId, ...]
    config: Mapping[str, Setting]

    def number(self, key: str) -> float:
        """A setting that is a number."""
        return float(self.config[key])

    def whole_number(self, key: str) -> int:
        """A setting that counts."""
        return int(self.config[key])


@dataclass(frozen=True, kw_only=True)
class Step:
    """A program of the pipeline."""

    name: str
    description: str
    act: Callable[[Ask, "Repository"], None]
    #: What `--id` must give.
    id_keys: tuple[str, ...] = ()
    #: What each `--selectId` must give; none at all where this is empty.
    select_keys: tuple[str, ...] = ()
    #: The settings that `-c` may change, with their values if it does not.
    config: Mapping[str, Setting] = field(default_factory=dict)

    @property
    def command(self) -> str:
        return f"python -m pipelines.hsc.{self.name}"


def main(step: Step, argv: Sequence[str] | None = None) -> int:
    """Exit status of the step on a command line: 0; 1 the disk failed; 2 wrong input; 3 the data are too poor."""
    arguments = parser_of(step).parse_args(argv)

    def act() -> None:
        from pipelines.hsc.repository.repository import Repository

        ask = ask_of(step, arguments)
        step.act(ask, Repository.open(arguments.repository, arguments.output or arguments.repository))

    return run(step.command, act)


def run(command: str, act: Callable[[], None]) -> int:
    """Exit status of the act; what goes wrong is one line, also where a library's message has several."""
    try:
        act()
    except QualityError as error:
        return _end(POOR_DATA, f"QC: {error}")
    except InputError as error:
        return _end(WRONG_INPUT, f"{command}: {error}")
    except OSError as error:
        return _end(WORLD_FAILED, f"{command}: {error}")
    return 0


def parser_of(step: Step) -> argparse.ArgumentParser:
    """The options that every step has."""
    parser = argparse.ArgumentParser(prog=step.command, description=step.description, epilog=_settings(step))
    parser.add_argument("repository", type=Path, help="directory that data are read from")
    parser.add_argument("--output", type=Path, help="directory that data are written to (default: the same)")
    parser.add_argument("--doraise", action="store_true", help="accepted: any failure ends the program anyway")
    parser.add_argument("-c", "--config", action="append", nargs="+", default=[], metavar="KEY=VALUE")
    if step.id_keys:
        keys = " ".join(f"{key}=..." for key in step.id_keys)
        parser.add_argument("--id", nargs="+", required=True, metavar="KEY=VALUE", help=f"what to make: {keys}")
    if step.select_keys:
        keys = " ".join(f"{key}=..." for key in step.select_keys)
        parser.add_argument(
            "--selectId", action="append", nargs="+", default=[], metavar="KEY=VALUE", help=f"made of: {keys}"
        )
    return parser


def ask_of(step: Step, arguments: argparse.Namespace) -> Ask:
    """What the arguments ask for, complete and of the right types."""
    settings = [word for words in arguments.config for word in words]
    return Ask(
        data_id=_data_id(step.id_keys, getattr(arguments, "id", []), "--id"),
        selected=_selected(step, getattr(arguments, "selectId", [])),
        config={**step.config, **dict(_setting(step, word) for word in settings)},
    )


def _data_id(keys: tuple[str, ...], words: Sequence[str], option: str) -> DataId:
    data_id = parse_data_id(words)
    missing = [key for key in keys if key not in data_id]
    if missing:
        raise InputError(f"{option} {' '.join(words)} lacks {', '.join(missing)}")
    return data_id


def _selected(step: Step, selections: Sequence[Sequence[str]]) -> tuple[DataId, ...]:
    if step.select_keys and not selections:
        raise InputError(f"nothing to work on: --selectId {' '.join(f'{key}=...' for key in step.select_keys)}")
    chosen = [_data_id(step.select_keys, words, "--selectId") for words in selections]
    unique = {tuple(data_id[key] for key in step.select_keys): data_id for data_id in chosen}
    return tuple(unique[values] for values in sorted(unique))


def _setting(step: Step, word: str) -> tuple[str, Setting]:
    key, _, text = word.partition("=")
    if key not in step.config:
        known = ", ".join(step.config) or "nothing"
        raise InputError(f"-c {word}: {key!r} cannot be set here, only {known}")
    kind = type(step.config[key])
    try:
        return key, {"True": True, "False": False}[text] if kind is bool else kind(text)
    except (KeyError, ValueError) as error:
        raise InputError(f"-c {word}: {key} is set as in {key}={step.config[key]}") from error


def _settings(step: Step) -> str:
    return "settings: " + " ".join(f"{key}={value}" for key, value in step.config.items()) if step.config else ""


def _end(status: int, message: str) -> int:
    print(" ".join(message.split()), file=sys.stderr)
    return status
