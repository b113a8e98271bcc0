"""Run a command, or the processing of datasets, in a container.

python -m pipelines.calcloud.container [--mode onsite] IMAGE command ...
python -m pipelines.calcloud.container --process IMAGE none none ipppssoot ...
"""

import argparse
import os
import shutil
import subprocess
from collections.abc import Sequence

from pipelines.calcloud.calibration import crds
from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError

DESCRIPTION = """Run a command, or with --process the processing of datasets, in an image: by docker, podman or
apptainer, whichever is on PATH first. The working folder is the same inside, and so are the references' variables."""

RUNTIMES = ("docker", "podman", "apptainer")


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status of the command; 2 without a container runtime."""
    parser = command.make_parser("container", DESCRIPTION)
    parser.add_argument("image", help="the image")
    parser.add_argument("--mode", choices=list(crds.MODES), default="remote", help="where references come from")
    parser.add_argument("--process", action="store_true", help="what follows are arguments of process")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="command line, or arguments of process")
    statuses: list[int] = []
    status = command.run(parser, lambda arguments: statuses.append(_run(arguments)), argv)
    return status or statuses[0]


def _run(arguments: argparse.Namespace) -> int:
    line = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    if not line:
        raise InputError("nothing to run: give a command, or --process and its arguments")
    if arguments.process:
        line = ["python", "-m", "pipelines.calcloud.process", "--mode", arguments.mode, *line]
    runtime = next((name for name in RUNTIMES if shutil.which(name)), None)
    if runtime is None:
        raise InputError(f"none of {', '.join(RUNTIMES)} is on PATH")
    variables = crds.environment_variables(arguments.mode, os.environ)
    argv = command_line(runtime, arguments.image, line, variables, os.getcwd())
    return subprocess.run(argv, check=False).returncode


def command_line(runtime: str, image: str, arguments: list[str], variables: dict[str, str], folder: str) -> list[str]:
    """Return the command line of the container runtime, with the environment variables and the working directory.

    Parameters
    ----------
    runtime : str
        One of `RUNTIMES`.
    image : str
        The image.
    arguments : list[str]
        Command line to run in it.
    variables : dict[str, str]
        Environment variables.
    folder : str
        Working directory, the same inside.

    Returns
    -------
    list[str]
        The command line.
    """
    pairs = [f"{name}={value}" for name, value in sorted(variables.items())]
    if runtime == "apptainer":
        settings = [option for pair in pairs for option in ("--env", pair)]
        return [runtime, "exec", "--bind", folder, "--pwd", folder, *settings, image, *arguments]
    settings = [option for pair in pairs for option in ("--env", pair)]
    return [runtime, "run", "--rm", "--volume", f"{folder}:{folder}", "--workdir", folder, *settings, image, *arguments]


if __name__ == "__main__":
    raise SystemExit(main())
