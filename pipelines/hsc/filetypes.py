"""Metadata that are computed from the headers of the camera's raw images and calibration frames.

The framework calls `func_KEY` for a key of the section `c` in `filetypes.wcl`. The rules are those of LSST's package
obs_subaru: visit and pointing numbers from the exposure's name and day.
"""

import re
from collections.abc import Mapping

#: The day, in MJD, before the first pointing.
FIRST_POINTING_MJD = 55927
_EXPOSURE = re.compile(r"HSCE(\d{8})|HSC([A-Z])(\d{6})00")


def func_visit(header: Mapping[str, str], found: Mapping[str, object]) -> int:
    """Return the visit number of EXP-ID: ``HSCE00903334``, or ``HSCA90333400`` with a letter for each million.

    Raises
    ------
    ValueError
        If EXP-ID is no name of this camera.
    """
    name = _EXPOSURE.fullmatch(header["EXP-ID"])
    if name is None:
        raise ValueError(f"EXP-ID {header['EXP-ID']!r} is no exposure's name")
    return int(name[1]) if name[1] else int(name[3]) + 1_000_000 * (ord(name[2]) - ord("A"))


def func_filter(header: Mapping[str, str], found: Mapping[str, object]) -> str:
    """Return the filter, in capitals.

    Raises
    ------
    KeyError
        If the header has no FILTER01.
    """
    return header["FILTER01"].upper()


def func_band(header: Mapping[str, str], found: Mapping[str, object]) -> str:
    """Return the band: the last letter of the filter.

    Raises
    ------
    KeyError
        If the header has no FILTER01.
    """
    return header["FILTER01"][-1].lower()


def func_field(header: Mapping[str, str], found: Mapping[str, object]) -> str:
    """Return the object in capitals, with an underscore for each character that a directory's name may not have.

    Raises
    ------
    KeyError
        If the header has no OBJECT.
    """
    return re.sub(r"\W", "_", header["OBJECT"]).upper()


def func_pointing(header: Mapping[str, str], found: Mapping[str, object]) -> int:
    """Return the pointing number: days since the survey's first pointing, from MJD.

    Raises
    ------
    KeyError
        If the header has no MJD.
    ValueError
        If MJD is no number.
    """
    return int(float(header["MJD"])) - FIRST_POINTING_MJD


def func_dateobs(header: Mapping[str, str], found: Mapping[str, object]) -> str:
    """Return the day of the observation, as in 2013-11-02.

    Raises
    ------
    KeyError
        If the header has no DATE-OBS.
    """
    return header["DATE-OBS"][:10]


def func_calibdate(header: Mapping[str, str], found: Mapping[str, object]) -> str:
    """Return the day of a calibration frame from CALIB_ID, as in ``filter=HSC-R calibDate=2013-11-01 ccd=16``.

    Raises
    ------
    KeyError
        If the header has no CALIB_ID, or that no calibDate.
    """
    parts = dict(part.split("=", 1) for part in header["CALIB_ID"].split() if "=" in part)
    return parts["calibDate"]
