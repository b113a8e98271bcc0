"""Submit the jobs of a plan (`plan > plan.out`) as a run of calcloud_process.wcl.

python -m pipelines.calcloud.submit plan.out --inputs DIR --engine local
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError

DESCRIPTION = """Submit the jobs of a plan, each with the memory and the time that its line says. A plan is JSON, a
line a job; if any line is invalid, nothing runs."""

PIPELINE = Path(__file__).parents[1] / "calcloud_process.wcl"
ENGINES = ("local", "htcondor")
NEEDED = ("ipst", "memory_steps_mb", "kill_steps_s", "rung", "model", "batch", "output")


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status of fwsubmit; 2 when the plan cannot be read."""
    parser = command.make_parser("submit", DESCRIPTION)
    parser.add_argument("plan", help="the plan, or - for standard input")
    parser.add_argument("--inputs", default="inputs", help="folder of raw and features files")
    parser.add_argument("--references", default="none", help="folder of bias, dark and flat")
    parser.add_argument("--mode", default="remote", help="where references come from")
    parser.add_argument("--engine", choices=ENGINES, default="local", help="this machine, or the pool")
    parser.add_argument("--unitname", help="name of the run's unit; the plan's batch, if not given")
    statuses: list[int] = []
    status = command.run(parser, lambda arguments: statuses.append(_submit(arguments)), argv)
    return status or statuses[0]


def _submit(arguments: argparse.Namespace) -> int:
    lines = read_plan(arguments.plan)
    batch, bucket = str(lines[0]["batch"]), _bucket(lines)
    if arguments.plan == "-":
        copy = Path(f"{batch}.plan")
        copy.write_text("".join(json.dumps(line) + "\n" for line in lines))
        arguments.plan = str(copy)
    settings = {
        "plan": arguments.plan,
        "inputs": arguments.inputs,
        "references": arguments.references,
        "mode": arguments.mode,
        "bucket": bucket,
        "batch": batch,
        "unitname": arguments.unitname or batch.replace("/", "-"),
        "target_site": arguments.engine,
    }
    program = Path(sys.executable).with_name("fwsubmit")
    argv = [str(program) if program.exists() else "fwsubmit", str(PIPELINE)]
    for key, value in settings.items():
        argv += ["--set", f"{key}={value}"]
    try:
        return subprocess.run(argv, check=False).returncode
    except OSError as error:
        raise InputError(f"{argv[0]} cannot be run ({error.strerror}): install the framework") from error


def read_plan(name: str) -> list[dict[str, object]]:
    """Read a plan.

    Parameters
    ----------
    name : str
        File of JSON lines, or `-` for standard input.

    Returns
    -------
    list[dict[str, object]]
        A plan for each job (MB, s), all of one batch.

    Raises
    ------
    InputError
        If the file is not a plan, is empty, or holds several batches.
    """
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{name}: no such file (plan writes it)") from None
    found = [_read_line(line, f"{name}:{number}") for number, line in enumerate(text.splitlines(), start=1)]
    if not found:
        raise InputError(f"{name}: holds no job")
    if len({line["batch"] for line in found}) > 1:
        raise InputError(f"{name}: holds jobs of several batches: submit one after another")
    return found


def _read_line(line: str, place: str) -> dict[str, object]:
    """Return the plan of a job; `place` is named in errors."""
    try:
        values: dict[str, object] = json.loads(line)
        missing = [key for key in NEEDED if key not in values]
    except (ValueError, TypeError) as error:
        raise InputError(f"{place}: is not a line of a plan ({error})") from error
    if missing:
        raise InputError(f"{place}: lacks {', '.join(missing)}")
    return values


def _bucket(lines: list[dict[str, object]]) -> str:
    output = str(lines[0]["output"])
    return output if output == "none" else output.removesuffix(f"/{lines[0]['batch']}/{lines[0]['ipst']}")


if __name__ == "__main__":
    raise SystemExit(main())
