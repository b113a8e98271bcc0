"""The junk tarball: what jobs leave that nobody declared."""

from __future__ import annotations

import tarfile

LEAVES = 'echo scratch > scratch.txt; ln -s /etc/passwd link; echo "$1" > "$2"; [ "$1" != 2 ] || exit 3'


def test_what_a_job_leaves_is_kept_when_that_is_asked_for(fw, a_pipeline, fw_home, ask):
    assert fw("submit", a_pipeline(LEAVES), "--set", "create_junk_tarball=True").status == 1
    rows = ask(
        "select j.jobnum, d.filetype, d.path, d.sha256 is not null from pfw_job j join desfile d on d.path = j.junktar"
    )
    names = {number: path for number, kind, path, known in rows if (kind, known) == ("junk_tar", 1)}
    assert sorted(names) == [1, 2, 3]
    inside = {}
    for number, path in names.items():
        with tarfile.open(fw_home / "archive" / path) as tarball:
            inside[number] = sorted(tarball.getnames())
    # Of the call that failed, also what it had begun to make.
    assert inside == {1: ["scratch.txt"], 2: ["made/2.txt", "scratch.txt"], 3: ["scratch.txt"]}
    assert fw("fsck", "--contents").out.endswith("all as it should be\n")


def test_nothing_is_kept_of_jobs_that_leave_nothing_or_where_nobody_asks(fw, a_pipeline, ask):
    assert fw("submit", a_pipeline(), "--set", "create_junk_tarball=True").status == 0
    assert fw("submit", a_pipeline(LEAVES, numbers="1, 3")).status == 0
    assert ask("select count(*) from desfile where filetype = 'junk_tar'") == [(0,)]
