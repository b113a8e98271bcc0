"""The programs that calibrate each instrument's data, and the files that they begin with."""

import shutil
from dataclasses import dataclass
from pathlib import Path

#: What the family calibrates with where an instrument's own programs are not installed.
OWN = "calibrate"


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """One of the four."""

    #: Calibrates; run on the association where there is one, else on each raw file.
    stage1: tuple[str, ...]
    #: Combines what an association holds; nothing where the first stage does that too.
    stage2: tuple[str, ...] = ()
    #: Suffixes of the files that the first stage takes where there is no association; the first kind found counts.
    raws: tuple[tuple[str, ...], ...] = (("raw",),)
    #: Without an association, only the first of them is named; the program finds the others.
    first_only: bool = False
    #: What the archive calls the files that a calibration begins with.
    retrieved: tuple[str, ...] = ("ASN", "RAW")


INSTRUMENTS = {
    "acs": Instrument(stage1=("calacs.e",), stage2=("runastrodriz",)),
    "wfc3": Instrument(stage1=("calwf3.e",), stage2=("runastrodriz",)),
    "cos": Instrument(
        stage1=("calcos",),
        raws=(("rawtag", "rawtag_a", "rawtag_b", "rawaccum", "rawaccum_a", "rawaccum_b", "rawacq"),),
        first_only=True,
        retrieved=(
            "ASN",
            "RAW",
            "EPC",
            "RAWACCUM",
            "RAWACCUM_A",
            "RAWACCUM_B",
            "RAWACQ",
            "RAWTAG",
            "RAWTAG_A",
            "RAWTAG_B",
        ),
    ),
    "stis": Instrument(
        stage1=("cs0.e", "-tv"), raws=(("raw",), ("wav",)), retrieved=("ASN", "RAW", "EPC", "TAG", "WAV")
    ),
}


def stages(instrument: str, folder: Path, ipst: str) -> list[tuple[str, list[str]]]:
    """Stage name and command line, in order, for the files of a dataset in a folder; none where it has no files."""
    programs = INSTRUMENTS[instrument]
    association = folder / f"{ipst}_asn.fits"
    if association.exists():
        given = [association.name]
    else:
        given = _raws(programs, folder)
        given = given[:1] if programs.first_only else given
    if not given:
        return []
    found = [("stage1", [*programs.stage1, name]) for name in given]
    if association.exists() and programs.stage2:
        found.append(("stage2", [*programs.stage2, association.name]))
    return found


def is_installed(instrument: str, path: str | None = None) -> bool:
    """Whether the first stage's program is on PATH."""
    return shutil.which(INSTRUMENTS[instrument].stage1[0], path=path) is not None


def _raws(programs: Instrument, folder: Path) -> list[str]:
    for kinds in programs.raws:
        found = sorted(path.name for kind in kinds for path in folder.glob(f"*_{kind}.fits"))
        if found:
            return found
    return []
