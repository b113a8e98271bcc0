"""The same plan comes to the same registry contents, wherever it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.htcondor.conftest import FAR, ROOT, SHARED, compare, sets, until

TRAINING = ROOT / "pipelines/calcloud_train.wcl"
COADDS = ROOT / "pipelines/hsc_coadd.wcl"
NOTE = ("--set", "project=MMG", "--set", "unitname=Ht0", "--set", "reqnum=11", "--set", "attnum=95")


@pytest.mark.parametrize("site", [SHARED, FAR], ids=["shared", "transfer"])
def test_hello_comes_to_the_same_as_on_the_local_engine(fw, pool, tmp_path, site):
    hello, here, there = ROOT / "pipelines/hello.wcl", tmp_path / "here", tmp_path / "there"
    assert fw("submit", hello, FW_HOME=str(here)).status == 0
    done = fw("submit", hello, "--wait", *sets(site), FW_HOME=str(there))
    assert done.status == 0, done.err
    assert compare(here, there, "hello_r1p01") == []


ROOMY = ["request_memory=3000"]


@pytest.mark.slow
@pytest.mark.parametrize("site", [SHARED, FAR], ids=["shared", "transfer"])
def test_the_training_comes_to_the_same_as_on_the_local_engine(fw, pool, tmp_path, site, trained_here):
    there = tmp_path / "there"
    done = fw("submit", TRAINING, "--wait", *sets([*site, *ROOMY]), FW_HOME=str(there))
    assert done.status == 0, done.err
    assert compare(trained_here, there, "calcloud_r1p01") == []


@pytest.mark.slow
@pytest.mark.parametrize("site", [SHARED, FAR], ids=["shared", "transfer"])
def test_the_coadds_come_to_the_same_as_on_the_local_engine(fw, pool, tmp_path, site, images, coadded_here):
    there = tmp_path / "there"
    prepare(there, images)
    done = fw("submit", COADDS, "--wait", *NOTE, *sets([*site, *ROOMY]), FW_HOME=str(there))
    assert done.status == 0, done.err
    assert compare(coadded_here, there, "Ht0_r11p95") == []


@pytest.mark.slow
def test_steps_in_one_process_come_to_the_same_as_on_the_local_engine(fw, pool, tmp_path, images):
    here, there = tmp_path / "here", tmp_path / "there"
    one = ROOT / "pipelines/hsc_coadd_inprocess.wcl"
    for home, site in ((here, []), (there, [*FAR, *ROOMY])):
        prepare(home, images)
        done = fw("submit", one, *(["--wait"] if site else []), *NOTE, *sets(site), FW_HOME=str(home))
        assert done.status == 0, done.err
    assert compare(here, there, "Ht0_r11p95") == []


#: Stands in for calacs.e, and says so.
STAND_IN = """#!/bin/sh
echo "stand-in for $0"
echo product > "$(basename "$PWD")_flt.fits"
"""


def test_a_plan_for_hubble_datasets_runs_on_the_pool(pool, environment, a_program, tmp_path, fw, ask):
    names = ["jcal01a1q", "jcal02a1q", "jcal03a1q"]
    line = {"memory_steps_mb": [500], "kill_steps_s": [120], "rung": "02g", "model": "none", "batch": "night7"}
    planned = {"predicted_memory_gb": 0.1, "predicted_wallclock_s": 10, "output": "none"}
    (tmp_path / "plan.out").write_text("".join(json.dumps({**line, **planned, "ipst": name}) + "\n" for name in names))
    (tmp_path / "inputs").mkdir()
    for name in names:
        (tmp_path / f"inputs/{name}_raw.fits").write_text("raw")
    path = f"{a_program('calacs.e', STAND_IN).parent}:{environment['PATH']}"
    own = tmp_path / "home/site.wcl"
    own.parent.mkdir()
    own.write_text(SITE.format(python=sys.executable, path=path))
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.calcloud.submit", "plan.out", "--engine", "htcondor"],
        env={**environment, "PYTHONPATH": str(ROOT), "PATH": path}, cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    until(lambda: not pool.queue())
    assert fw("why", "night7").out.startswith("night7_r1p01 is done: 3 of 3 jobs done")
    found = fw("query", "cal_metrics", "run=night7_r1p01", "--json").json
    assert sorted(file["metadata"]["ipst"] for file in found) == names
    assert {file["metadata"]["calibration"] for file in found} == {"calacs.e"}


SITE = """<site>
    <htcondor>
        python = {python}
        <condor_submit>
            environment = PATH={path}
        </condor_submit>
    </htcondor>
</site>
"""


@pytest.fixture(scope="module")
def trained_here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("trained")
    command(home, "submit", TRAINING)
    return home


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("images")
    subprocess.run([sys.executable, "-m", "pipelines.hsc.simulate", str(place)], check=True)
    return place


@pytest.fixture(scope="module")
def coadded_here(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Path:
    home = tmp_path_factory.mktemp("coadded")
    prepare(home, images)
    command(home, "submit", COADDS, *NOTE)
    return home


def prepare(home: Path, images: Path) -> None:
    """Images ingested, and the schema files made."""
    command(home, "ingest", "--types", ROOT / "pipelines/hsc/filetypes.wcl", images)
    command(home, "submit", ROOT / "pipelines/hsc_schema.wcl", "--set", "project=MMG")


def command(home: Path, *arguments: object) -> None:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FW_")}
    said = subprocess.run(
        [sys.executable, "-m", "framework.cli", *map(str, arguments)],
        env={**kept, "FW_HOME": str(home)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
