"""Metadata of raw images and calibration frames, from their headers or from lists."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.hsc.errors import InputError

#: The day before the survey's first pointing number, as a modified Julian date.
POINTING_EPOCH_MJD = 55927
#: Characters of a date, as in 2013-11-02T05:02:24.
DATE_LENGTH = len("2013-11-02")
NO_FILTER = {"", "none", "null"}


@dataclass(frozen=True, kw_only=True)
class RawMetadata:
    """Metadata of the raw image of one detector in one visit."""

    visit: int
    ccd: int
    filter: str
    field: str
    pointing: int
    #: Day of the observation, as in 2013-11-02.
    dateobs: str

    @classmethod
    def from_text(cls, values: Mapping[str, str]) -> "RawMetadata":
        """Convert the text values of a list's row.

        Raises
        ------
        KeyError
            If a value is missing.
        ValueError
            If a value is not a whole number where it must be one.
        """
        return cls(
            visit=int(values["visit"]),
            ccd=int(values["ccd"]),
            filter=values["filter"],
            field=values["field"],
            pointing=int(values["pointing"]),
            dateobs=values["dateobs"][:DATE_LENGTH],
        )

    @property
    def data_id(self) -> dict[str, str | int]:
        """Keys and values that a file name may contain."""
        return {
            "visit": self.visit,
            "ccd": self.ccd,
            "filter": self.filter,
            "field": self.field,
            "pointing": self.pointing,
            "dateobs": self.dateobs,
        }


@dataclass(frozen=True, kw_only=True)
class CalibrationMetadata:
    """Metadata of a bias, dark or flat frame, with the days of observation that it is valid for."""

    #: bias, dark or flat.
    kind: str
    ccd: int
    #: Empty for a frame that serves every filter.
    filter: str
    #: Days, as in 2013-11-01.
    calibdate: str
    valid_from: str
    valid_to: str

    @classmethod
    def from_text(cls, values: Mapping[str, str]) -> "CalibrationMetadata":
        """Convert the text values of a list's row; without validity, a frame is valid from its own day on.

        Raises
        ------
        KeyError
            If a value is missing.
        ValueError
            If the number of the detector is not a whole number.
        """
        calibdate = values["calibdate"][:DATE_LENGTH]
        return cls(
            kind=values["kind"].rpartition("_")[2].lower(),
            ccd=int(values["ccd"]),
            filter="" if values["filter"].lower() in NO_FILTER else values["filter"],
            calibdate=calibdate,
            valid_from=values.get("valid_from", calibdate)[:DATE_LENGTH],
            valid_to=values.get("valid_to", "9999-12-31")[:DATE_LENGTH],
        )


def read_raw_metadata(header: Mapping[str, Any]) -> RawMetadata:
    """Convert the primary header of a raw image.

    Raises
    ------
    KeyError
        If a card is missing.
    ValueError
        If a card is not a number where it must be one.
    InputError
        If neither EXP-ID nor FRAMEID is a name of this camera.
    """
    return RawMetadata(
        visit=parse_visit_number(header),
        ccd=int(header["DET-ID"]),
        filter=str(header["FILTER01"]).upper(),
        field=re.sub(r"\W", "_", str(header["OBJECT"])).upper(),
        pointing=int(float(header["MJD"])) - POINTING_EPOCH_MJD,
        dateobs=str(header["DATE-OBS"])[:DATE_LENGTH],
    )


def parse_visit_number(header: Mapping[str, Any]) -> int:
    """Return the visit number from EXP-ID, or from FRAMEID rounded down to an even number.

    Raises
    ------
    InputError
        If neither is a name of this camera.

    Notes
    -----
    The rules are those of LSST's package obs_subaru: ``HSCE00903334``, or ``HSCA90333400`` where each letter after A
    stands for another million.
    """
    exposure = str(header["EXP-ID"])
    if exposure.startswith("HSCE"):
        return int(exposure[4:])
    number = _parse_lettered(exposure)
    if number:
        return number
    frame = _parse_lettered(str(header["FRAMEID"]))
    return frame - frame % 2


def read_calibration_metadata(header: Mapping[str, Any]) -> CalibrationMetadata:
    """Convert CALIB_ID (as in ``filter=HSC-R calibDate=2013-11-01 ccd=16``) and CALIBTYP of a calibration frame.

    Raises
    ------
    KeyError
        If a card, or a value within CALIB_ID, is missing.
    ValueError
        If CALIB_ID has a word without an equals sign.
    """
    values = dict(word.split("=", 1) for word in str(header["CALIB_ID"]).split())
    return CalibrationMetadata.from_text(
        {
            "kind": str(header["CALIBTYP"]),
            "ccd": values["ccd"],
            "filter": values["filter"],
            "calibdate": values["calibDate"],
        }
    )


def _parse_lettered(name: str) -> int:
    """Return the number of a lettered name: `HSCA90333400` is 903334, `HSCB00000200` is 1000002."""
    found = re.fullmatch(r"HSC([A-Z])(\d{6})\d\d", name)
    if not found:
        raise InputError(f"{name!r} is no exposure of this camera: HSCE and eight digits, or HSCA and eight digits")
    return int(found[2]) + 1_000_000 * (ord(found[1]) - ord("A"))
