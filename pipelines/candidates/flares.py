"""Search a light curve for flares: ``search NIGHT DIRECTORY``, ``measure FILE FILE``, ``collect LIST FILE``.

``search`` simulates the light curve of a night, finds candidates above its noise, and writes a file for each: their
number depends on the night.
"""

from __future__ import annotations

import csv
import json
import random
import statistics
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

EXPOSURES = 2000
#: Standard deviation of a flux.
NOISE = 1.0
#: Least height of a candidate, in standard deviations of the noise.
THRESHOLD = 5.0
#: Exposures on either side that are written with a candidate.
MARGIN = 10


def simulate_light_curve(night: int) -> list[float]:
    """Simulate the light curve of a night: noise, and up to six flares that rise at once and fade away.

    Parameters
    ----------
    night : int
        Number of the night, which is the seed of the random numbers.

    Returns
    -------
    list of float
        Flux of each exposure, in standard deviations of the noise.
    """
    generator = random.Random(night)  # noqa: S311 (a simulation)
    fluxes = [generator.gauss(0.0, NOISE) for _ in range(EXPOSURES)]
    for _ in range(generator.randint(0, 6)):
        start = generator.randrange(EXPOSURES - 200)
        height, decay = generator.uniform(8, 40), generator.uniform(5, 30)
        for step in range(200):
            fluxes[start + step] += height * 2 ** (-step / decay)
    return fluxes


def find_candidates(fluxes: list[float]) -> Iterator[tuple[int, int]]:
    """Find stretches of exposures whose running mean of five is above the threshold.

    Parameters
    ----------
    fluxes : list of float
        Flux of each exposure, in standard deviations of the noise.

    Yields
    ------
    tuple of int
        First and last exposure of a stretch.
    """
    smooth = [statistics.fmean(fluxes[max(0, at - 2) : at + 3]) for at in range(len(fluxes))]
    for is_above, stretch in groupby(range(len(smooth)), lambda at: smooth[at] > THRESHOLD * NOISE):
        if is_above:
            inside = list(stretch)
            yield inside[0], inside[-1]


def search(night: str, directory: str) -> None:
    """Write the exposures around each candidate of a night, a file a candidate."""
    fluxes = simulate_light_curve(int(night))
    for number, (first, last) in enumerate(find_candidates(fluxes), start=1):
        rows = [(at, f"{fluxes[at]:.3f}") for at in range(max(0, first - MARGIN), min(EXPOSURES, last + MARGIN + 1))]
        with open(Path(directory, f"night{int(night):05d}_cand{number:03d}.csv"), "w", newline="") as file:
            csv.writer(file).writerows([("exposure", "flux"), *rows])


def measure(source: str, target: str) -> None:
    """Measure a candidate: its brightest exposure, its flux there, and the exposures above half of that flux."""
    with open(source, newline="", encoding="utf-8") as file:
        rows = [(int(row["exposure"]), float(row["flux"])) for row in csv.DictReader(file)]
    peak, height = max(rows, key=lambda row: row[1])
    width = sum(flux > height / 2 for _, flux in rows)
    measurement = {"peak": peak, "height": height, "width": width}
    Path(target).write_text(json.dumps(measurement) + "\n", encoding="utf-8")


def collect(listing: str, target: str) -> None:
    """Write one table of all measurements, a row a candidate."""
    with open(target, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("candidate", "peak", "height", "width"))
        for line in Path(listing).read_text(encoding="utf-8").splitlines():
            path, candidate = line.split()
            measurement = json.loads(Path(path).read_text(encoding="utf-8"))
            table.writerow((candidate, measurement["peak"], measurement["height"], measurement["width"]))


def main() -> int:
    """Run the verb of the command line, and return the exit status."""
    verbs = {"search": search, "measure": measure, "collect": collect}
    if len(sys.argv) != 4 or sys.argv[1] not in verbs:
        print(__doc__, file=sys.stderr)
        return 2
    verbs[sys.argv[1]](*sys.argv[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
