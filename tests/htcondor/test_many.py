"""A big run is handed over quickly, and its queue stays short."""

from __future__ import annotations

import time

from tests.htcondor.conftest import SHARED, sets

JOBS = 20_000
MOST_IDLE = 200
#: DESIGN allows 20 s where nothing else runs; the figure itself is printed.
SECONDS = 60.0


def test_twenty_thousand_jobs_are_submitted_at_once_and_throttled(a_pipeline, fw, pool, tmp_path, capsys):
    numbers = ", ".join(map(str, range(1, JOBS + 1)))
    pipeline = a_pipeline('sleep 1; echo "$1" > "$2"', numbers=numbers, module="request_memory = 64")
    began = time.monotonic()
    done = fw("submit", pipeline, *sets(SHARED), "--set", f"site.htcondor.dagman.dagman_max_jobs_idle={MOST_IDLE}")
    seconds = time.monotonic() - began
    assert done.status == 0, done.err
    with capsys.disabled():
        print(f"\n{JOBS} jobs written and submitted in {seconds:.1f} s")
    assert seconds < SECONDS
    directory = tmp_path / "home/runs/U_r1p01"
    assert (
        sum(path.is_file() for path in (directory / "condor").rglob("*")) + len(list((directory / "plan").iterdir()))
        < 500
    )
    most = 0
    for _ in range(15):
        most = max(most, len(pool.queue(constraint="JobUniverse == 5 && JobStatus == 1")))
        time.sleep(1)
    assert 0 < most <= MOST_IDLE + 200  # one interval's submissions may come on top
    assert fw("cancel", "U_r1p01", "--reason", "it was a test").status == 0
    assert not pool.queue()
