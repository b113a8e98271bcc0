"""The same plan comes to the same registry contents, wherever it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.htcondor.conftest import FAR, ROOT, SHARED, compare, sets

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
