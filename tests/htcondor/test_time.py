"""Time that was not enough is raised on a pool, and stays so."""

from __future__ import annotations

import json

from tests.htcondor.conftest import SHARED, sets

TRIES = "select w.trynum, t.status from pfw_wrapper w, task t, pfw_attempt a where t.id = w.task_id"
TRIES += " and w.modname = 'make' and a.id = w.pfw_attempt_id and a.attnum = ? order by 1"


def test_time_that_is_not_enough_is_raised_and_the_next_attempt_begins_there(a_pipeline, fw, pool, tmp_path, ask):
    pipeline = a_pipeline('sleep 8; echo "$1" > "$2"', numbers="1", module="max_walltime = 0.05, 5")
    done = fw("submit", pipeline, "--wait", *sets(SHARED))
    assert done.status == 0, done.err
    tries = ask(TRIES, 1)
    assert [number for number, _ in tries] == [1, 2]
    assert [status == 0 for _, status in tries] == [False, True]
    raised = json.loads((tmp_path / "home/runs/U_r1p01/raised.json").read_text())
    assert raised["time_steps"] == {"make": 1}
    done = fw("submit", pipeline, "--wait", *sets(SHARED))
    assert done.status == 0, done.err
    assert ask(TRIES, 2) == [(1, 0)]
