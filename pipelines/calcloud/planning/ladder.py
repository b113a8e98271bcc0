"""Machines from the smallest to the largest: what a job costs on each, and the limits of its time."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.program.errors import InputError

Floats = npt.NDArray[np.float64]
Bins = npt.NDArray[np.intp]

DEFAULT_LADDER = Path(__file__).with_name("ladder.toml")


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One kind of machine, or a share of one."""

    name: str
    memory_mb: int
    cpus: int
    #: Dollars.
    price_per_hour: float


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Machines from the smallest memory to the largest, and the limits of time."""

    rungs: tuple[Rung, ...]
    #: Memory in GB from which on a job needs the next machine.
    edges_gb: tuple[float, ...]
    #: Share of a job's time that is lost when it runs out of memory.
    failure_share: float
    #: Limits of time, as probabilities that a job ends within them: of the first try, and after each timeout.
    quantiles: tuple[float, ...]
    #: Shortest and longest limit of time, in seconds.
    floor_s: float
    cap_s: float
    #: Number of the machine of a mosaic, and its first limit of time in seconds.
    mosaic_rung: int
    mosaic_s: float

    @property
    def prices(self) -> Floats:
        """Price of each machine, dollars an hour."""
        return np.array([rung.price_per_hour for rung in self.rungs])

    def cost_matrix(self) -> Floats:
        """Return the price of an hour of a job's work, with the failures on machines that are too small.

        Returns
        -------
        NDArray[np.float64]
            Dollars an hour, shape (machines, machines): the row is the first machine, the column the one needed.
        """
        count = len(self.rungs)
        costs = np.zeros((count, count))
        for first in range(count):
            for needed in range(count):
                failed = self.prices[first:needed].sum() * self.failure_share
                costs[first, needed] = failed + self.prices[max(first, needed)]
        return costs

    def expected_costs(self, probabilities: Floats, wallclock_s: Floats) -> Floats:
        """Return the expected cost of each job on each first machine.

        Parameters
        ----------
        probabilities : NDArray[np.float64]
            Probability that each machine is the one needed, shape (n, machines).
        wallclock_s : NDArray[np.float64]
            Expected time of n jobs in seconds.

        Returns
        -------
        NDArray[np.float64]
            Dollars, shape (n, machines).
        """
        return np.asarray(probabilities @ self.cost_matrix().T * wallclock_s[:, None] / 3600)

    def limits(self, quantiles_s: Floats) -> Floats:
        """Return quantiles of time as whole seconds between the shortest and the longest limit.

        Parameters
        ----------
        quantiles_s : NDArray[np.float64]
            Quantiles of the time of n jobs, in seconds.

        Returns
        -------
        NDArray[np.float64]
            n limits in seconds.
        """
        return np.ceil(np.clip(quantiles_s, self.floor_s, self.cap_s))

    def bins(self, memory_gb: Floats) -> Bins:
        """Return the number of the smallest machine that holds each job of so many GB.

        Parameters
        ----------
        memory_gb : NDArray[np.float64]
            Memory of n jobs in GB.

        Returns
        -------
        NDArray[np.intp]
            n numbers, from 0 on.
        """
        return np.searchsorted(self.edges_gb, memory_gb, side="right")


def cost_ratio(ladder: Ladder, first: Bins, memory_gb: Floats, wallclock_s: Floats) -> float:
    """Return the cost of finished jobs over their cost with perfect knowledge.

    Parameters
    ----------
    ladder : Ladder
        The machines.
    first : NDArray[np.intp]
        Number of the machine that each of n jobs is started on.
    memory_gb, wallclock_s : NDArray[np.float64]
        Peak memory (GB) and time (s) of the jobs.

    Returns
    -------
    float
        1 or more.
    """
    needed = ladder.bins(memory_gb)
    costs = ladder.cost_matrix()
    return float((costs[first, needed] * wallclock_s).sum() / (costs[needed, needed] * wallclock_s).sum())


def read_ladder(path: Path = DEFAULT_LADDER) -> Ladder:
    """Read the machines from a TOML file.

    Parameters
    ----------
    path : Path
        File such as the default one, ladder.toml.

    Returns
    -------
    Ladder
        The machines.

    Raises
    ------
    InputError
        If there is no such file, or it does not describe machines.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        rungs = tuple(Rung(**rung) for rung in found["rungs"])
        names = [rung.name for rung in rungs]
        ladder = Ladder(
            rungs=rungs,
            edges_gb=tuple(map(float, found["edges_gb"])),
            failure_share=float(found["failure_share"]),
            quantiles=tuple(map(float, found["time"]["quantiles"])),
            floor_s=float(found["time"]["floor_s"]),
            cap_s=float(found["time"]["cap_s"]),
            mosaic_rung=names.index(found["mosaic"]["rung"]),
            mosaic_s=float(found["mosaic"]["first_s"]),
        )
    except FileNotFoundError:
        raise InputError(f"{path}: no such file (a ladder such as {DEFAULT_LADDER})") from None
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is not a ladder of machines ({error!r}); {DEFAULT_LADDER} is one") from error
    _check(ladder, path)
    return ladder


def _check(ladder: Ladder, path: Path) -> None:
    sizes = [rung.memory_mb for rung in ladder.rungs]
    if not sizes or sizes != sorted(set(sizes)):
        raise InputError(f"{path}: rungs must be in order of memory, the smallest first")
    if len(ladder.edges_gb) != len(sizes) - 1 or list(ladder.edges_gb) != sorted(ladder.edges_gb):
        raise InputError(f"{path}: edges_gb must have {len(sizes) - 1} increasing values, one between each two rungs")
    if not ladder.quantiles or not all(0 < level < 1 for level in ladder.quantiles):
        raise InputError(f"{path}: quantiles must be probabilities between 0 and 1")
