"""What is made of the answers of a pool, whose commands are small scripts here, and what it is not asked to run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framework.engines.engine import JobProblem, JobState
from framework.engines.htcondor.checks import check_limits, check_paths, check_registry
from framework.engines.htcondor.site import read_site
from framework.engines.htcondor.unmatched import find_blocking_reasons
from framework.engines.run_directory import RunDirectory
from framework.errors import PlanError
from framework.model.run import PlannedRun

SLOT = {"FileSystemDomain": "HERE", "TotalSlotMemory": 1000, "TotalSlotDisk": 2048, "TotalSlotCpus": 4}


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A pool that answers with these jobs, slots, settings and machines."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")

    def program(name: str, lines: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{lines}\n")
        (tmp_path / name).chmod(0o755)

    def make(
        jobs: str = "", slots: Any = (SLOT,), settings: str = "FILESYSTEM_DOMAIN=here", matching: str = "vm"
    ) -> None:
        program("condor_q", f"printf '{jobs}'")
        program("condor_status", f'case "$*" in *-json*) cat <<E\n{json.dumps(slots)}\nE\n;; *) echo {matching};; esac')
        program(
            "condor_config_val",
            f"for each in {settings}; do test $1 = ${{each%%=*}} && echo ${{each#*=}} && exit; done; exit 1",
        )

    return make


def reasons(**site: str) -> list[tuple[int | None, str, str]]:
    found = find_blocking_reasons("/runs/r", {5: 1, 6: 2}, read_site("far", {"gridtype": "condor", **site}))
    assert all(problem == JobProblem(problem.job, JobState.IDLE, problem.reason, problem.remedy) for problem in found)
    return [(problem.job, problem.reason, problem.remedy) for problem in found]


@pytest.mark.parametrize("jobs", ["", "9 9999 1 1 0\\n", "5 1000 2048 4 0\\n", "5 undefined undefined 1 undefined\\n"])
def test_jobs_that_a_machine_can_take_are_no_problem(pool, jobs):
    pool(jobs)
    assert reasons() == []


@pytest.mark.parametrize(
    ("jobs", "what", "key"),
    [
        ("6 1001 1 1 0", "memory: it asks for 1001 MB, and the most is 1000", "request_memory"),
        ("6 1 3072 1 0", "disk: it asks for 3 MB, and the most is 2", "request_disk"),
        ("6 1 1 5 0", "processors: it asks for 5, and the most is 4", "request_cpus"),
        ("6 1 1 1 1", "graphics processors: it asks for 1, and the most is 0", "request_gpus"),
    ],
)
def test_a_job_that_asks_for_more_than_any_machine_has_is_told(pool, jobs, what, key):
    pool(f"5 1 1 1 0\\n{jobs}\\n", [SLOT, {**SLOT, "TotalSlotMemory": 10}])
    remedy = f"have such a machine join, or fw cancel RUN and submit it again with less ({key})"
    assert reasons() == [(2, f"no machine of the pool has so much {what}", remedy)]


@pytest.mark.parametrize(
    ("answers", "site", "what", "remedy"),
    [
        ({"slots": []}, {}, "the pool has no machines now", "condor_status shows them; ask those who run the pool"),
        ({"settings": "FILESYSTEM_DOMAIN=there"}, {},
         "no machine of the pool says that it sees this machine's files (FILESYSTEM_DOMAIN = there)",
         "submit with a site that has shared_filesystem = False, such as htcondor_transfer"),
        ({"settings": "X=1"}, {},
         "no machine of the pool says that it sees this machine's files (FILESYSTEM_DOMAIN = )",
         "submit with a site that has shared_filesystem = False, such as htcondor_transfer"),
        ({"matching": ""}, {"machine_requirements": 'TARGET.Arch == "X"'},
         'no machine of the pool is as machine_requirements asks (TARGET.Arch == "X")', "change that in site far"),
    ],
)  # fmt: skip
def test_what_hinders_all_jobs_is_told_for_each_and_instead_of_the_rest(pool, answers, site, what, remedy):
    pool("5 9999 1 1 0\\n6 1 1 1 0\\n", **answers)
    assert reasons(**site) == [(1, what, remedy), (2, what, remedy)]


@pytest.mark.parametrize(
    ("answers", "site"),
    [
        ({"settings": "FILESYSTEM_DOMAIN=there"}, {"shared_filesystem": "False"}),
        ({}, {"machine_requirements": 'TARGET.Arch == "X"'}),
        ({"matching": ""}, {"machine_requirements": "MY.Cpus < Cpus"}),
    ],
)
def test_what_a_site_does_not_ask_hinders_nothing(pool, answers, site):
    pool("5 1 1 1 0\\n", **answers)
    assert reasons(**site) == []


def a_run(**more: Any) -> PlannedRun:
    return PlannedRun(
        run="r", attempt=1, archive="home", archive_root=more.pop("archive_root", "/archive"), archive_path="u",
        barriers=True, epilogue="", programs=(), software={}, gpus=None, max_running={}, jobs={}, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("run", "archive", "message"),
    [
        ("/data/runs/r", "/archive", ""),
        ("/tmp/runs/r", "/archive", "FW_HOME lies in /tmp, where DAGMan refuses to keep its logs: set it to another"),
        ("/var/tmp/runs/r", "/archive", "FW_HOME lies in /var/tmp, where"),
        ("/da ta/r", "/archive", r"/da ta/r: a blank or one of \" ' \$ , ; % in it cannot be told to HTCondor"),
        ("/data/r", "/arch;ive", "/arch;ive: a blank or one"),
    ],
)
def test_paths_that_htcondor_cannot_take_are_refused(run, archive, message):
    if not message:
        check_paths(RunDirectory(Path(run)), a_run(archive_root=archive))
        return
    with pytest.raises(PlanError, match=message):
        check_paths(RunDirectory(Path(run)), a_run(archive_root=archive))


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("postgresql://me:secret@db/sky", True),
        ("postgresql://me@db:5432/sky", False),
        ("postgresql://me:@db/sky", False),
        ("sqlite:////data/x.sqlite", False),
    ],
)
def test_an_address_with_a_password_is_refused(address, refused):
    if not refused:
        check_registry(address)
        return
    with pytest.raises(PlanError, match=r"holds a password.*~/\.pgpass"):
        check_registry(address)


@pytest.mark.parametrize(
    ("limit", "site", "refused"),
    [
        ("db:2", {}, False),
        ("DB", {}, False),
        ("lic.sub:1", {}, False),
        ("disk", {"condor_limits.disk": "3"}, False),
        ("Disk:2", {"condor_limits.disk": "3"}, False),
        ("disk:2", {}, True),
    ],
)
def test_a_limit_that_nobody_defines_is_refused(pool, limit, site, refused):
    pool(settings="DB_LIMIT=5 LIC_LIMIT_DEFAULT=1")
    run, name = a_run(concurrency_limits={"m": (limit,)}), limit.partition(":")[0]
    if not refused:
        check_limits(run, read_site("far", {"gridtype": "condor", **site}))
        return
    message = rf"module m: the pool defines no limit '{name}' \({name.upper()}_LIMIT\).*<condor_limits> of site far"
    with pytest.raises(PlanError, match=message):
        check_limits(run, read_site("far", {"gridtype": "condor", **site}))
