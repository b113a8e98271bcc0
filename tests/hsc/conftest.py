"""Fixtures of a simulated field: a repository after all 89 calls, and repositories to change."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from pipelines.hsc.simulate import simulate
from pipelines.hsc.sky.geometry import DetectorImage, Overlap, SkyMap, find_overlaps

ROOT = Path(__file__).parents[2]
RUN = "r11p95"
COADD = "%(filter)s-%(tract)d-%(patch)s-" + RUN + ".fits"
MERGED = "%(tract)d-%(patch)s-" + RUN + ".fits"
CCD = "%(filter)s-%(visit)07d-%(ccd)03d-" + RUN + ".fits"
TEMPLATES = {
    "raw": "raw/HSC-%(visit)07d-%(ccd)03d.fits",
    "bias": "calib/BIAS-%(calibdate)s-%(ccd)03d.fits",
    "dark": "calib/DARK-%(calibdate)s-%(ccd)03d.fits",
    "flat": "calib/FLAT-%(calibdate)s-%(filter)s-%(ccd)03d.fits",
    "ref_cats": "ref_cats",
    "skyMap": "deepCoadd/skyMap.json",
    "registry": "registry.sqlite3",
    "schema": "schema/%(catalogue)s_V%(version)s.fits",
    "calexp": [f"corr/corr-{CCD}", "corr/corr-%(filter)s-%(visit)07d-%(ccd)03d-r*p*.fits"],
    "calexpBackground": f"corr/bkgd-{CCD}",
    "src": f"output/src-{CCD}",
    "srcMatch": f"output/srcmatch-{CCD}",
    "deepCoadd_tempExp": "deepCoadd/warp-%(filter)s-%(tract)d-%(patch)s-%(visit)07d-" + RUN + ".fits",
    "deepCoadd": f"deepCoadd/coadd-{COADD}",
    "deepCoadd_calexp": f"coadd/calexp-{COADD}",
    "deepCoadd_calexp_background": f"coadd/det_bkgd-{COADD}",
    "deepCoadd_det": f"coadd/det-{COADD}",
    "deepCoadd_mergeDet": f"merged/mergeDet-{MERGED}",
    "deepCoadd_meas": f"coadd/meas-{COADD}",
    "deepCoadd_measMatch": f"coadd/measMatch-{COADD}",
    "deepCoadd_ref": f"merged/ref-{MERGED}",
    "deepCoadd_forced_src": f"coadd/forced_src-{COADD}",
}
FILTER_OF = {903334: "HSC-R", 903336: "HSC-R", 903342: "HSC-R", 903344: "HSC-R"} | {
    903986: "HSC-I",
    903990: "HSC-I",
    904010: "HSC-I",
    904014: "HSC-I",
}
FILTERS = ("HSC-R", "HSC-I")


def run(step: str, *arguments: object) -> int:
    """Run a step in this process by its command line, and return its exit status."""
    module = importlib.import_module(f"pipelines.hsc.{step}")
    words = [str(argument) for argument in arguments]
    if hasattr(module, "main"):
        return int(module.main(words))
    return importlib.import_module("pipelines.hsc.steps.command").main(module.STEP, words)


def make_repository(simulated: Path, repository: Path) -> Path:
    """Copy the simulated files to where the templates have them."""
    for folder in ("raw", "calib"):
        shutil.copytree(simulated / folder, repository / folder)
    with tarfile.open(simulated / "ref_cats-v1.tar") as tar:
        tar.extractall(repository, filter="data")
    (repository / "deepCoadd").mkdir()
    shutil.copy(simulated / "skyMap-v1.json", repository / "deepCoadd" / "skyMap.json")
    (repository / "config").mkdir()
    (repository / "config" / "templates.json").write_text(json.dumps(TEMPLATES))
    return repository


def read_image_corners(repository: Path) -> list[DetectorImage]:
    from astropy.io import fits

    def corner(header: Any, n: int) -> tuple[float, float]:
        return header[f"RAC{n}"], header[f"DECC{n}"]

    headers = [fits.getheader(path) for path in sorted((repository / "raw").glob("*.fits"))]
    return [
        DetectorImage(
            visit=int(header["EXP-ID"][4:]),
            ccd=header["DET-ID"],
            corners=(corner(header, 1), corner(header, 2), corner(header, 3), corner(header, 4)),
        )
        for header in headers
    ]


def find_repository_overlaps(repository: Path) -> list[Overlap]:
    sky_map = SkyMap.from_json((repository / "deepCoadd" / "skyMap.json").read_text())
    return find_overlaps(sky_map, read_image_corners(repository))


@dataclass(frozen=True)
class Call:
    """One call of the chain."""

    step: str
    arguments: tuple[str, ...] = ()

    def run_in(self, repository: Path) -> int:
        return run(self.step, repository, "--output", repository, *self.arguments, "--doraise")


def calls(overlap: list[Overlap]) -> Iterator[Call]:
    """Yield the calls of the pipeline, in order."""
    patches = sorted({(row.tract, row.patch) for row in overlap})
    warps = sorted({(row.tract, row.patch, row.visit) for row in overlap})
    yield Call("create_butler_registry")
    for visit, ccd in sorted({(row.visit, row.ccd) for row in overlap}):
        yield Call("process_ccd", ("--id", f"visit={visit}", f"ccd={ccd}"))
    for tract, patch, visit in warps:
        where = ("--id", f"tract={tract}", f"patch={patch}", f"filter={FILTER_OF[visit]}")
        rows = [row for row in overlap if (row.tract, row.patch, row.visit) == (tract, patch, visit)]
        selected = [word for row in rows for word in ("--selectId", f"visit={visit}", f"ccd={row.ccd}")]
        yield Call("make_coadd_temp_exp", (*where, "-c", "doApplyUberCal=False", *selected))
    coadds = [(tract, patch, name) for tract, patch in patches for name in FILTERS]
    for tract, patch, name in coadds:
        visits = [visit for *place, visit in warps if place == [tract, patch] and FILTER_OF[visit] == name]
        selected = [word for visit in visits for word in ("--selectId", f"visit={visit}")]
        yield Call("assemble_coadd", ("--id", f"tract={tract}", f"patch={patch}", f"filter={name}", *selected))
    for step in ("detect_coadd_sources", "merge_coadd_detections", "measure_coadd_sources"):
        yield from _patch_calls(step, coadds, patches)
    yield from _patch_calls("merge_coadd_measurements", coadds, patches)
    yield from _patch_calls("forced_phot_coadd", coadds, patches)


def _patch_calls(step: str, coadds: list[tuple[int, str, str]], patches: list[tuple[int, str]]) -> Iterator[Call]:
    if step.startswith("merge"):
        for tract, patch in patches:
            yield Call(step, ("--id", f"tract={tract}", f"patch={patch}", "filter=HSC-R^HSC-I"))
    else:
        for tract, patch, name in coadds:
            yield Call(step, ("--id", f"tract={tract}", f"patch={patch}", f"filter={name}"))


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """Files of the simulator, shared by all tests: read only."""
    folder = tmp_path_factory.mktemp("simulated")
    simulate(folder, folder / "truth" / "truth.fits", seed=1)
    return folder


@pytest.fixture
def a_repository(simulated, tmp_path):
    """A repository of the test's own with the simulated files, registry and schemas."""
    repository = make_repository(simulated, tmp_path / "repo")
    assert run("schemas", repository) == 0
    assert run("create_butler_registry", repository) == 0
    return repository


@pytest.fixture(scope="session")
def chain(simulated, tmp_path_factory):
    """A repository after all calls, shared by all tests: read only."""
    return run_chain(simulated, tmp_path_factory.mktemp("chain") / "repo")


def run_chain(simulated: Path, repository: Path) -> "Chain":
    make_repository(simulated, repository)
    assert run("schemas", repository) == 0
    made = list(calls(find_repository_overlaps(repository)))
    assert [(call, status) for call in made if (status := call.run_in(repository))] == []
    return Chain(repository, made)


@dataclass(frozen=True)
class Chain:
    """A repository and the calls that were run in it."""

    repository: Path
    calls: list[Call]


@pytest.fixture(scope="session")
def hsc_chain():
    """Function that runs all calls on the files of a simulator."""
    return run_chain


@pytest.fixture(scope="session")
def hsc():
    """Function that runs a step in this process."""
    return run


@pytest.fixture(scope="session")
def program():
    """Function that runs a step as a program."""

    def run_program(name, *arguments):
        command = [sys.executable, "-m", f"pipelines.hsc.{name}", *map(str, arguments)]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run_program


#: Width and share of the light of the two Gaussians of a star that the pipeline has no profile for.
GAUSSIANS = ((1.7, 0.8), (3.4, 0.2))


@pytest.fixture(scope="session")
def draw_stars():
    """Function that draws stars as two Gaussians each, integrated over the pixels: no Moffat profile fits them."""

    def draw(shape, x, y, flux):
        image = np.zeros(shape)
        for width, share in GAUSSIANS:
            along_x, along_y = (
                np.diff(ndtr((np.arange(size + 1) - 0.5 - np.asarray(centre)[:, None]) / width), axis=1)
                for size, centre in ((shape[1], x), (shape[0], y))
            )
            image += np.einsum("s,sj,si->ji", share * np.asarray(flux), along_y, along_x)
        return image

    return draw
