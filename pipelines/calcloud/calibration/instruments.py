"""Calibration programs of each instrument, and their input files."""

import shutil
from dataclasses import dataclass
from pathlib import Path

#: Program of this family that calibrates where an instrument's own programs are not installed.
OWN = "calibrate"


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """Calibration programs of one instrument."""

    #: Command line of the calibration, for the association or for each raw file.
    stage1: tuple[str, ...]
    #: Command line of the combination of an association; empty if the first stage combines.
    stage2: tuple[str, ...] = ()
    #: Suffixes of the raw files without an association; the first group that has a file counts.
    raws: tuple[tuple[str, ...], ...] = (("raw",),)
    #: True if the command line names the first raw file only, and the program finds the others.
    first_only: bool = False


INSTRUMENTS = {
    "acs": Instrument(stage1=("calacs.e",), stage2=("runastrodriz",)),
    "wfc3": Instrument(stage1=("calwf3.e",), stage2=("runastrodriz",)),
    "cos": Instrument(
        stage1=("calcos",),
        raws=(("rawtag", "rawtag_a", "rawtag_b", "rawaccum", "rawaccum_a", "rawaccum_b", "rawacq"),),
        first_only=True,
    ),
    "stis": Instrument(stage1=("cs0.e", "-tv"), raws=(("raw",), ("wav",))),
}


def stages(instrument: str, folder: Path, ipst: str) -> list[tuple[str, list[str]]]:
    """Return the stages of a calibration in their order.

    Parameters
    ----------
    instrument : str
        `acs`, `cos`, `stis` or `wfc3`.
    folder : Path
        Folder with the files of the dataset.
    ipst : str
        The dataset.

    Returns
    -------
    list[tuple[str, list[str]]]
        Name and command line of each stage; empty if the folder has no file of the dataset.
    """
    programs = INSTRUMENTS[instrument]
    association = folder / f"{ipst}_asn.fits"
    if association.exists():
        inputs = [association.name]
    else:
        inputs = _raws(programs, folder)
        inputs = inputs[:1] if programs.first_only else inputs
    if not inputs:
        return []
    found = [("stage1", [*programs.stage1, name]) for name in inputs]
    if association.exists() and programs.stage2:
        found.append(("stage2", [*programs.stage2, association.name]))
    return found


def is_installed(instrument: str, path: str | None = None) -> bool:
    """Return whether the program of the first stage is on PATH."""
    return shutil.which(INSTRUMENTS[instrument].stage1[0], path=path) is not None


def _raws(programs: Instrument, folder: Path) -> list[str]:
    for kinds in programs.raws:
        found = sorted(path.name for kind in kinds for path in folder.glob(f"*_{kind}.fits"))
        if found:
            return found
    return []
