"""Flares: ``search NIGHT DIRECTORY``, ``measure FILE FILE``, ``collect LIST FILE``.

``search`` simulates a night's light curve, finds what rises above its noise, and writes a file for each candidate: how
many there are depends on the night.
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
NOISE = 1.0
#: How far above the noise a candidate is, in units of it.
THRESHOLD = 5.0
#: How many exposures on either side go with a candidate.
MARGIN = 10


def light_curve(night: int) -> list[float]:
    """The fluxes of a night: noise, and some flares, if any, that rise at once and fade away."""
    chance = random.Random(night)  # noqa: S311 (a simulation)
    fluxes = [chance.gauss(0.0, NOISE) for _ in range(EXPOSURES)]
    for _ in range(chance.randint(0, 6)):
        start, height, decay = chance.randrange(EXPOSURES - 200), chance.uniform(8, 40), chance.uniform(5, 30)
        for step in range(200):
            fluxes[start + step] += height * 2 ** (-step / decay)
    return fluxes


def above(fluxes: list[float]) -> Iterator[tuple[int, int]]:
    """First and last exposure of each stretch where the mean of five is above the threshold."""
    smooth = [statistics.fmean(fluxes[max(0, at - 2) : at + 3]) for at in range(len(fluxes))]
    for is_above, stretch in groupby(range(len(smooth)), lambda at: smooth[at] > THRESHOLD * NOISE):
        if is_above:
            inside = list(stretch)
            yield inside[0], inside[-1]


def search(night: str, directory: str) -> None:
    """Write the exposures around each candidate."""
    fluxes = light_curve(int(night))
    for number, (first, last) in enumerate(above(fluxes), start=1):
        rows = [(at, f"{fluxes[at]:.3f}") for at in range(max(0, first - MARGIN), min(EXPOSURES, last + MARGIN + 1))]
        with open(Path(directory, f"night{int(night):05d}_cand{number:03d}.csv"), "w", newline="") as file:
            csv.writer(file).writerows([("exposure", "flux"), *rows])


def measure(source: str, target: str) -> None:
    """When a candidate is brightest, how bright, and for how long it is above half of that."""
    with open(source, newline="", encoding="utf-8") as file:
        rows = [(int(row["exposure"]), float(row["flux"])) for row in csv.DictReader(file)]
    peak, height = max(rows, key=lambda row: row[1])
    width = sum(flux > height / 2 for _, flux in rows)
    found = {"peak": peak, "height": height, "width": width}
    Path(target).write_text(json.dumps(found) + "\n", encoding="utf-8")


def collect(listing: str, target: str) -> None:
    """One table of all, a row a candidate."""
    with open(target, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("candidate", "peak", "height", "width"))
        for line in Path(listing).read_text(encoding="utf-8").splitlines():
            path, candidate = line.split()
            found = json.loads(Path(path).read_text(encoding="utf-8"))
            table.writerow((candidate, found["peak"], found["height"], found["width"]))


def main() -> int:
    """Do what the command line says."""
    verbs = {"search": search, "measure": measure, "collect": collect}
    if len(sys.argv) != 4 or sys.argv[1] not in verbs:
        print(__doc__, file=sys.stderr)
        return 2
    verbs[sys.argv[1]](*sys.argv[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
