"""The ladder of machines: what a job costs on each, which one to begin with, and how long it may run."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.calcloud.program.errors import InputError

Floats = npt.NDArray[np.float64]

SHIPPED = Path(__file__).with_name("ladder.toml")


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One kind of machine, or a share of one."""

    name: str
    memory_mb: int
    cpus: int
    price_per_hour: float


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Machines from the smallest to the largest, and the limits of time."""

    rungs: tuple[Rung, ...]
    edges_gb: tuple[float, ...]
    #: Of a job's time, what a failure for want of memory wastes.
    failure_share: float
    #: The job's limit of time, and those after it was too short, as probabilities that a job does not exceed them.
    quantiles: tuple[float, ...]
    floor_s: float
    cap_s: float
    mosaic_rung: int
    mosaic_s: float

    @property
    def prices(self) -> Floats:
        """Dollars an hour."""
        return np.array([rung.price_per_hour for rung in self.rungs])

    def costs(self) -> Floats:
        """Dollars an hour of work for each rung to begin with (row) and each that is needed (column)."""
        count = len(self.rungs)
        costs = np.zeros((count, count))
        for begun in range(count):
            for needed in range(count):
                failed = self.prices[begun:needed].sum() * self.failure_share
                costs[begun, needed] = failed + self.prices[max(begun, needed)]
        return costs

    def expected_costs(self, probabilities: Floats, wallclock_s: Floats) -> Floats:
        """Dollars for each job (row) and rung to begin with (column)."""
        return np.asarray(probabilities @ self.costs().T * wallclock_s[:, None] / 3600)

    def limits(self, quantiles_s: Floats) -> Floats:
        """Seconds after which a job is ended: no shorter than the floor, no longer than the cap."""
        return np.ceil(np.clip(quantiles_s, self.floor_s, self.cap_s))

    def bins(self, memory_gb: Floats) -> npt.NDArray[np.intp]:
        """The smallest rung that holds each job."""
        return np.searchsorted(self.edges_gb, memory_gb, side="right")


def cost_ratio(ladder: Ladder, begun: npt.NDArray[np.intp], memory_gb: Floats, wallclock_s: Floats) -> float:
    """What these jobs cost when begun on these rungs, over what they would have with perfect knowledge."""
    needed = ladder.bins(memory_gb)
    costs = ladder.costs()
    return float((costs[begun, needed] * wallclock_s).sum() / (costs[needed, needed] * wallclock_s).sum())


def read_ladder(path: Path = SHIPPED) -> Ladder:
    """The ladder of a TOML file; InputError with what is wrong in it."""
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
        raise InputError(f"{path}: no such file (a ladder such as {SHIPPED})") from None
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: is no ladder of machines ({error!r}); {SHIPPED} is one") from error
    _check(ladder, path)
    return ladder


def _check(ladder: Ladder, path: Path) -> None:
    sizes = [rung.memory_mb for rung in ladder.rungs]
    if not sizes or sizes != sorted(set(sizes)):
        raise InputError(f"{path}: rungs must stand from the smallest memory to the largest")
    if len(ladder.edges_gb) != len(sizes) - 1 or list(ladder.edges_gb) != sorted(ladder.edges_gb):
        raise InputError(f"{path}: edges_gb has a rising value between each two rungs, {len(sizes) - 1} in all")
    if not ladder.quantiles or not all(0 < level < 1 for level in ladder.quantiles):
        raise InputError(f"{path}: quantiles are probabilities between 0 and 1")
