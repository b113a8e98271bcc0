"""Drift of a model: compare planned with used memory and time, run by run, in metrics and a plot."""

import argparse
import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.planning.ladder import DEFAULT_LADDER, read_ladder
from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError

DESCRIPTION = """Compare planned with used. PAIRS is the CSV list that calcloud_drift.wcl makes: path, run, model,
planned and used memory, planned and used time of each job."""

COLUMNS = ("path", "run", "model", "planned_memory_gb", "memory", "planned_wallclock_s", "wallclock")


@dataclass(frozen=True)
class PlannedAndUsed:
    """Planned and used memory (GB) and time (s) of one job, in the order of `COLUMNS`."""

    path: str
    run: str
    model: str
    planned_memory_gb: float
    memory: float
    planned_wallclock_s: float
    wallclock: float

    def is_valid(self) -> bool:
        """Return whether all quantities are positive and finite."""
        quantities = (self.planned_memory_gb, self.memory, self.planned_wallclock_s, self.wallclock)
        return all(0 < quantity < math.inf for quantity in quantities)


#: Largest root mean square error and largest mean error of time (natural logarithm), and largest share of jobs that
#: needed a larger machine, of a model that still fits.
MOST_SCATTER, MOST_BIAS, MOST_UNDER = 0.5, 0.2, 0.02
#: With fewer jobs there is no verdict.
LEAST_JOBS = 20

Floats = npt.NDArray[np.float64]


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed, 2 when the list cannot be read."""
    parser = command.make_parser("drift", DESCRIPTION)
    parser.add_argument("pairs", type=Path, help="the list")
    parser.add_argument("--verdict", type=Path, required=True, help="JSON to write")
    parser.add_argument("--figure", type=Path, required=True, help="PNG to draw")
    return command.run(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    rows = read_pairs(arguments.pairs)
    names = dict.fromkeys(row.run for row in rows)
    runs = {name: drift_metrics([row for row in rows if row.run == name]) for name in names}
    verdict = {"fits": all(found["fits"] is not False for found in runs.values()), "runs": runs}
    for path in (arguments.verdict, arguments.figure):
        path.parent.mkdir(parents=True, exist_ok=True)
    arguments.verdict.write_text(json.dumps(verdict, indent=1) + "\n")
    draw(rows, arguments.figure)
    for run, found in runs.items():
        print(f"{run}: {sentence(found)}")


def read_pairs(path: Path) -> list[PlannedAndUsed]:
    """Read the planned and used memory and time of jobs.

    Parameters
    ----------
    path : Path
        CSV file with the columns of `COLUMNS`, in GB and seconds.

    Returns
    -------
    list[PlannedAndUsed]
        A row for each job.

    Raises
    ------
    InputError
        If the file is not such a list, or lists no job.
    """
    try:
        with path.open(newline="") as file:
            lines = [line for line in csv.reader(file, skipinitialspace=True) if line]
        rows = [_pair(line) for line in lines]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except ValueError as error:
        raise InputError(f"{path}: is not a list of {', '.join(COLUMNS)} ({error})") from error
    if not rows:
        raise InputError(f"{path}: lists no job")
    for row in rows:
        if not row.is_valid():
            raise InputError(f"{path}: {row.path}: memory and time must be positive numbers")
    return rows


def _pair(line: list[str]) -> PlannedAndUsed:
    path, run, model, *quantities = line
    planned_memory_gb, memory, planned_wallclock_s, wallclock = map(float, quantities)
    return PlannedAndUsed(path, run, model, planned_memory_gb, memory, planned_wallclock_s, wallclock)


def drift_metrics(rows: Sequence[PlannedAndUsed]) -> dict[str, object]:
    """Compute how far plans were off.

    Parameters
    ----------
    rows : Sequence[PlannedAndUsed]
        Jobs of one run.

    Returns
    -------
    dict[str, object]
        `..._bias` and `..._scatter`, mean and root mean square of the natural logarithm of used over planned; the share
        of jobs on too small a machine; `fits`, None if there are fewer than 20 jobs; and `wrong`, the reasons.
    """
    ladder = read_ladder(DEFAULT_LADDER)
    logs = {
        "wallclock": _column(rows, "wallclock") / _column(rows, "planned_wallclock_s"),
        "memory": _column(rows, "memory") / _column(rows, "planned_memory_gb"),
    }
    found: dict[str, Any] = {"jobs": len(rows), "models": sorted({row.model for row in rows})}
    for target, ratio in logs.items():
        log = np.log(ratio)
        found[f"{target}_bias"] = float(log.mean())
        found[f"{target}_scatter"] = float(np.sqrt(np.square(log).mean()))
    planned, needed = (ladder.bins(_column(rows, key)) for key in ("planned_memory_gb", "memory"))
    found["too_small"] = float((planned < needed).mean())
    scatter, bias, too_small = (float(found[key]) for key in ("wallclock_scatter", "wallclock_bias", "too_small"))
    verdicts = [
        (f"times are off by {scatter:.2f}", scatter > MOST_SCATTER),
        (f"times are off in one direction, by {bias:+.2f}", abs(bias) > MOST_BIAS),
        (f"{too_small:.1%} needed a larger machine", too_small > MOST_UNDER),
    ]
    wrong = [reason for reason, is_wrong in verdicts if is_wrong]
    found["fits"] = None if len(rows) < LEAST_JOBS else not wrong
    found["wrong"] = wrong
    return found


def sentence(found: Mapping[str, Any]) -> str:
    """Return the verdict on a run as a sentence."""
    if found["fits"] is None:
        return f"{found['jobs']} jobs are too few for a verdict"
    if found["fits"]:
        return f"the model fits ({found['jobs']} jobs, times off by {found['wallclock_scatter']:.2f})"
    return f"the model no longer fits: {'; '.join(found['wrong'])} ({found['jobs']} jobs): train it again"


def draw(rows: Sequence[PlannedAndUsed], path: Path) -> None:
    """Plot used over planned time and memory of each job to a PNG file.

    Parameters
    ----------
    rows : Sequence[PlannedAndUsed]
        Planned and used memory (GB) and time (s) of jobs.
    path : Path
        File to write.
    """
    import matplotlib  # start-up: a second to import

    matplotlib.use("Agg")
    from matplotlib import pyplot  # start-up: the backend is set before

    figure, axes = pyplot.subplots(2, 1, figsize=(8, 6), sharex=True)
    for axis, (used, planned) in zip(
        axes, (("wallclock", "planned_wallclock_s"), ("memory", "planned_memory_gb")), strict=True
    ):
        ratio = _column(rows, used) / _column(rows, planned)
        axis.plot(ratio, ".", markersize=3, alpha=0.5)
        axis.axhline(1, color="black", linewidth=0.8)
        width = max(1, len(ratio) // 20)
        middle = [float(np.median(ratio[first : first + width])) for first in range(0, len(ratio), width)]
        axis.step(np.arange(len(middle)) * width, middle, where="post", color="red", label="median")
        axis.set(yscale="log", ylabel=f"{used}: used / planned")
        axis.legend()
    axes[1].set_xlabel("job")
    # No date and no version, so that equal jobs give equal bytes.
    figure.savefig(path, metadata={"Software": None})
    pyplot.close(figure)


def _column(rows: Sequence[PlannedAndUsed], name: str) -> Floats:
    return np.array([getattr(row, name) for row in rows], float)


if __name__ == "__main__":
    raise SystemExit(main())
