"""A dataset before it is processed: its name and its features file become the numbers that every model sees.

Scrape, train, predict and plan all come here, so that a job is learned from and predicted in the same way.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.schema import INSTRUMENTS, IPST

#: What follows the dataset's name in the name of its features file.
SUFFIX = "_MemModelFeatures.txt"

#: What a job has where its features file says nothing: a step that an instrument has not is a step not done.
DEFAULTS: Mapping[str, str] = {"DRIZCORR": "OMIT", "PCTECORR": "OMIT", "CRSPLIT": "NaN", "SUBARRAY": "False"}

CRSPLIT_UNKNOWN, CRSPLIT_ONE, CRSPLIT_SEVERAL = 0, 1, 2

#: Of the detectors, the two mosaics of large CCDs; all others have at most 2,048 pixels a row.
LARGE_DETECTORS = ("UVIS", "WFC")
_LARGEST_OTHER_AXIS = 2048

_MOSAIC = re.compile(r"(acs|wfc3|hst)_[a-z0-9]{2,5}_[a-z0-9]{2}|skycell-p\d{4}x\d{2}y\d{2}", re.IGNORECASE)
_LINE = re.compile(r"\s*([A-Za-z]\w*)\s*=\s*(.*?)\s*")


class UnknownDatasetError(InputError):
    """A name of which nothing is known that a model could use."""


def check_name(ipst: str) -> str:
    """The name of a dataset that models know, in lower case; UnknownDatasetError with what it is instead."""
    if IPST.fullmatch(ipst):
        return ipst.lower()
    if is_mosaic(ipst):
        raise UnknownDatasetError(f"{ipst} is a mosaic of many visits, for which there is no model: plan has a default")
    if re.fullmatch(r"[a-z0-9]{9}", ipst, re.IGNORECASE):
        known = ", ".join(f"{letter} {name}" for letter, (name, _) in INSTRUMENTS.items())
        raise UnknownDatasetError(f"{ipst}: no model knows the instrument '{ipst[0]}' (known: {known})")
    raise UnknownDatasetError(f"{ipst!r} is not the name of an ACS, COS, STIS or WFC3 dataset")


def is_mosaic(name: str) -> bool:
    """Whether it is a single-visit or multi-visit mosaic, whose names have another form."""
    return _MOSAIC.fullmatch(name) is not None


def instrument_of(ipst: str) -> str:
    """`acs`, `cos`, `stis` or `wfc3`."""
    return INSTRUMENTS[check_name(ipst)[0]][0]


def read_features(path: Path) -> tuple[str, dict[str, float]]:
    """Name and features of the dataset that a `<ipppssoot>_MemModelFeatures.txt` describes."""
    if not path.name.endswith(SUFFIX):
        raise InputError(f"{path}: is not called <ipppssoot>{SUFFIX}")
    ipst = path.name.removesuffix(SUFFIX)
    try:
        keywords = parse_keywords(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no text ({error.reason})") from error
    try:
        return check_name(ipst), encode_header(ipst, keywords)
    except UnknownDatasetError:
        raise
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def parse_keywords(text: str, name: str) -> dict[str, str]:
    """The lines `KEY=value` of a features file."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise InputError(f"{name}:{number}: {line.strip()[:60]!r} is not KEY=value")
        if parts[1] in found:
            raise InputError(f"{name}:{number}: {parts[1]} stands there more than once")
        found[parts[1]] = parts[2]
    if not found:
        raise InputError(f"{name}:1: the file is empty: it has lines KEY=value, n_files and total_mb at least")
    return found


def encode_header(ipst: str, keywords: Mapping[str, str]) -> dict[str, float]:
    """The features of a dataset from its header keywords; `n_files` and `total_mb` must be there, a NaN is zero."""
    name = check_name(ipst)
    given = {**DEFAULTS, **keywords}
    return {
        "n_files": int(_number(ipst, given, "n_files", whole=True)),
        "total_mb": _number(ipst, given, "total_mb"),
        "drizcorr": _is(given, "DRIZCORR", "PERFORM"),
        "pctecorr": _is(given, "PCTECORR", "PERFORM"),
        "crsplit": _encode_crsplit(given["CRSPLIT"]),
        "subarray": _is(given, "SUBARRAY", "TRUE", "T", "1"),
        "detector": _encode_detector(ipst, given),
        "dtype": int(name[-1] == "0"),
        "instr": INSTRUMENTS[name[0]][1],
    }


def _number(ipst: str, keywords: Mapping[str, str], key: str, *, whole: bool = False) -> float:
    if key not in keywords:
        raise InputError(f"{ipst}: {key} is missing: n_files and total_mb must both be given as numbers")
    try:
        # Python reads 1_000 as a number; in a file it is a slip.
        value = float(keywords[key].replace("_", "?"))
    except ValueError:
        raise InputError(f"{ipst}: {key} = {keywords[key]!r} is not a number") from None
    if math.isnan(value):
        return 0.0
    if not 0 <= value < 1e9 or (whole and not value.is_integer()):
        raise InputError(f"{ipst}: {key} = {keywords[key]} is no {'count' if whole else 'size'}")
    return value


def _is(keywords: Mapping[str, str], key: str, *values: str) -> int:
    return int(keywords[key].strip().upper() in values)


def _encode_crsplit(text: str) -> int:
    if text.strip().lower() in ("nan", ""):
        return CRSPLIT_UNKNOWN
    return CRSPLIT_ONE if text.strip() in ("1", "1.0") else CRSPLIT_SEVERAL


def _encode_detector(ipst: str, keywords: Mapping[str, str]) -> int:
    """By its name; where that is missing, by the longer side of the image, which only a full frame tells."""
    detector = keywords.get("DETECTOR", "").strip().upper()
    if detector not in ("", "NAN"):
        return int(detector in LARGE_DETECTORS)
    axes = [_number(ipst, keywords, key) for key in ("NAXIS1", "NAXIS2") if key in keywords]
    return int(max(axes, default=0) > _LARGEST_OTHER_AXIS)
