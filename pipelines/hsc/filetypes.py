"""What is computed of raw and calibration files of the camera, besides what their headers say as it is.

The rules are those of the instrument's own database (obs_subaru): visit and pointing numbers from the exposure's name
and day.
"""

import re
from collections.abc import Mapping

#: The day, in MJD, before the first pointing.
FIRST_POINTING_MJD = 55927
_EXPOSURE = re.compile(r"HSCE(\d{8})|HSC([A-Z])(\d{6})00")


def func_visit(header: Mapping[str, str], found: Mapping[str, object]) -> int:
    """From EXP-ID: ``HSCE00903334``, or ``HSCA90333400``, each letter standing for a million."""
    name = _EXPOSURE.fullmatch(header["EXP-ID"])
    if name is None:
        raise ValueError(f"EXP-ID {header['EXP-ID']!r} is no exposure's name")
    return int(name[1]) if name[1] else int(name[3]) + 1_000_000 * (ord(name[2]) - ord("A"))


def func_filter(header: Mapping[str, str], found: Mapping[str, object]) -> str:
    """In capitals."""
    return header["FILTER01"].upper()


def func_band(header: Mapping[str, str], found: Mapping[str, object]) -> str:
    """The last letter of the filter."""
    return header["FILTER01"][-1].lower()


def func_field(header: Mapping[str, str], found: Mapping[str, object]) -> str:
    """The object in capitals, without what a directory's name cannot hold."""
    return re.sub(r"\W", "_", header["OBJECT"]).upper()


def func_pointing(header: Mapping[str, str], found: Mapping[str, object]) -> int:
    """The day of the survey."""
    return int(float(header["MJD"])) - FIRST_POINTING_MJD


def func_dateobs(header: Mapping[str, str], found: Mapping[str, object]) -> str:
    """The day of the observation."""
    return header["DATE-OBS"][:10]


def func_calibdate(header: Mapping[str, str], found: Mapping[str, object]) -> str:
    """From CALIB_ID: ``filter=HSC-R calibDate=2013-11-01 ccd=16``."""
    parts = dict(part.split("=", 1) for part in header["CALIB_ID"].split() if "=" in part)
    return parts["calibDate"]
