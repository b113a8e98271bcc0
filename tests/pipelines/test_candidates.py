"""The search for flares: as many measurements as the night has candidates, and one table of them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from pipelines.candidates.flares import find_candidates, simulate_light_curve

ROOT = Path(__file__).parents[2]
#: A night without flares.
QUIET = next(night for night in range(2, 1000) if not list(find_candidates(simulate_light_curve(night))))


@pytest.mark.parametrize("night", [1, QUIET])
def test_every_candidate_is_measured_and_listed(fw, fw_home, ask, night):
    result = fw("submit", ROOT / "pipelines/candidates.wcl", "--set", f"night={night}")
    assert result.status == 0, result.err
    fluxes = simulate_light_curve(night)
    found = list(find_candidates(fluxes))
    calls = dict(ask("select modname, count(*) from pfw_wrapper group by 1"))
    assert (calls["search"], calls.get("measure", 0), calls["collect"]) == (1, len(found), 1)
    with next((fw_home / "archive").rglob("*_flares.csv")).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["candidate"]) for row in rows] == list(range(1, len(found) + 1))
    peaks = [int(row["peak"]) for row in rows]
    assert all(first - 10 <= peak <= last + 10 for peak, (first, last) in zip(peaks, found, strict=True))
    assert [float(row["height"]) for row in rows] == [round(fluxes[peak], 3) for peak in peaks]
