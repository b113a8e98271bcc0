"""A run goes on with another configuration on a pool as it does on one machine."""

from __future__ import annotations

from tests.commands.test_restart import DONE, OTHERWISE, RUN, TENFOLD, TOGETHER
from tests.htcondor.conftest import SHARED, sets


def test_what_a_change_touches_is_done_again_and_nothing_else(fw, pool, a_pipeline, fw_home, ask):
    assert fw("submit", a_pipeline(), "--wait", *sets(SHARED)).status == 0
    done = fw("restart", RUN, "--wait", "--set", OTHERWISE, "--reason", "more is asked for")
    assert done.status == 0, done.err
    assert ask(DONE) == [(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 2, 2)]
    assert f"more is asked for; with {OTHERWISE} (full_2.wcl, sha256 " in fw("why", RUN).out
    done = fw("restart", RUN, "--wait", "--set", TENFOLD)
    assert done.status == 0, done.err
    assert (fw_home / TOGETHER).read_text() == "10\n20\n30\n"
    assert ask(DONE) == [(1, 2, 2), (2, 2, 2), (3, 2, 2), (4, 3, 3)]


def test_a_run_that_goes_on_is_not_changed(fw, pool, a_pipeline, tmp_path):
    pipeline = a_pipeline(f'[ -e {tmp_path}/go ] || sleep 600; echo "$1" > "$2"')
    assert fw("submit", pipeline, *sets(SHARED)).status == 0
    said = fw("restart", RUN, "--set", TENFOLD)
    assert said.status == 1
    assert f"fw cancel {RUN}" in said.err
    assert fw("cancel", RUN, "--reason", "it is to be changed").status == 0
    (tmp_path / "go").touch()
    assert fw("restart", RUN, "--wait", "--set", TENFOLD).status == 0
