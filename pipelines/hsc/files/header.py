"""What the headers of raw images and calibrations say, as the registry wants it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.hsc.errors import InputError

#: The day before the survey's first pointing number, as a modified Julian date.
POINTING_EPOCH_MJD = 55927
#: Of a time as text.
DAY = len("2013-11-02")
NO_FILTER = {"", "none", "null"}


@dataclass(frozen=True, kw_only=True)
class RawFacts:
    """One detector's part of one visit."""

    visit: int
    ccd: int
    filter: str
    field: str
    pointing: int
    dateobs: str

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "RawFacts":
        """From text; KeyError or ValueError says what is wrong."""
        return cls(
            visit=int(values["visit"]),
            ccd=int(values["ccd"]),
            filter=values["filter"],
            field=values["field"],
            pointing=int(values["pointing"]),
            dateobs=values["dateobs"][:DAY],
        )

    @property
    def data_id(self) -> dict[str, str | int]:
        """Everything that a file name may contain."""
        return {
            "visit": self.visit,
            "ccd": self.ccd,
            "filter": self.filter,
            "field": self.field,
            "pointing": self.pointing,
            "dateobs": self.dateobs,
        }


@dataclass(frozen=True, kw_only=True)
class CalibrationFacts:
    """A bias, dark or flat, and the days of observation that it may be used for."""

    kind: str
    ccd: int
    #: Empty where it serves every filter.
    filter: str
    calibdate: str
    valid_from: str
    valid_to: str

    @classmethod
    def of(cls, values: Mapping[str, str]) -> "CalibrationFacts":
        """From text; valid from its own day on if nothing is said of that."""
        calibdate = values["calibdate"][:DAY]
        return cls(
            kind=values["kind"].rpartition("_")[2].lower(),
            ccd=int(values["ccd"]),
            filter="" if values["filter"].lower() in NO_FILTER else values["filter"],
            calibdate=calibdate,
            valid_from=values.get("valid_from", calibdate)[:DAY],
            valid_to=values.get("valid_to", "9999-12-31")[:DAY],
        )


def raw_facts(header: Mapping[str, Any]) -> RawFacts:
    """KeyError or ValueError says what the header lacks."""
    return RawFacts(
        visit=visit_of(header),
        ccd=int(header["DET-ID"]),
        filter=str(header["FILTER01"]).upper(),
        field=re.sub(r"\W", "_", str(header["OBJECT"])).upper(),
        pointing=int(float(header["MJD"])) - POINTING_EPOCH_MJD,
        dateobs=str(header["DATE-OBS"])[:DAY],
    )


def visit_of(header: Mapping[str, Any]) -> int:
    """From the exposure's number, or from the frame's: a letter for each million, odd numbers one below."""
    exposure = str(header["EXP-ID"])
    if exposure.startswith("HSCE"):
        return int(exposure[4:])
    number = _lettered(exposure)
    if number:
        return number
    frame = _lettered(str(header["FRAMEID"]))
    return frame - frame % 2


def calibration_facts(header: Mapping[str, Any]) -> CalibrationFacts:
    """From `CALIB_ID`, as in `filter=HSC-R calibDate=2013-11-01 ccd=16`."""
    said = dict(word.split("=", 1) for word in str(header["CALIB_ID"]).split())
    return CalibrationFacts.of(
        {
            "kind": str(header["CALIBTYP"]),
            "ccd": said["ccd"],
            "filter": said["filter"],
            "calibdate": said["calibDate"],
        }
    )


def _lettered(name: str) -> int:
    """`HSCA90333400` is 903334, `HSCB00000200` is 1000002."""
    found = re.fullmatch(r"HSC([A-Z])(\d{6})\d\d", name)
    if not found:
        raise InputError(f"{name!r} is no exposure of this camera: HSCE and eight digits, or HSCA and eight digits")
    return int(found[2]) + 1_000_000 * (ord(found[1]) - ord("A"))
