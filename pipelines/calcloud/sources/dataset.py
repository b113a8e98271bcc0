"""Names and features files of datasets, and their encoding as the features of the models.

Scrape, train, predict and plan share it, so that training and prediction use the same features.
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.keywords import DETECTORS, is_performed, is_unknown, read_yes_or_no, spell
from pipelines.calcloud.sources.schema import INSTRUMENTS, IPST

#: Suffix of the name of a features file, after the dataset's name.
SUFFIX = "_MemModelFeatures.txt"

#: Defaults of keywords that a features file does not have: a step that an instrument does not have is omitted.
DEFAULTS: Mapping[str, str] = {"DRIZCORR": "OMIT", "PCTECORR": "OMIT", "CRSPLIT": "NaN", "SUBARRAY": "False"}

CRSPLIT_UNKNOWN, CRSPLIT_ONE, CRSPLIT_SEVERAL = 0, 1, 2

#: The two detectors that are mosaics of large CCDs; all others have at most 2,048 pixels a row.
LARGE_DETECTORS = ("UVIS", "WFC")
_LARGEST_OTHER_AXIS = 2048

_MOSAIC = re.compile(r"(acs|wfc3|hst)_[a-z0-9]{2,5}_[a-z0-9]{2}|skycell-p\d{4}x\d{2}y\d{2}", re.IGNORECASE)
_LINE = re.compile(r"\s*([A-Za-z]\w*)\s*=\s*(.*?)\s*")


class UnknownDatasetError(InputError):
    """Name of a dataset that no model knows."""


def check_name(ipst: str) -> str:
    """Return the name of a dataset in lower case; UnknownDatasetError if no model knows such a name.

    Parameters
    ----------
    ipst : str
        Name of nine characters.

    Returns
    -------
    str
        The name in lower case.

    Raises
    ------
    UnknownDatasetError
        If it is a mosaic, of another instrument, or not a dataset.
    """
    if IPST.fullmatch(ipst):
        return ipst.lower()
    if is_mosaic(ipst):
        raise UnknownDatasetError(f"{ipst} is a mosaic of many visits, for which there is no model: plan has a default")
    if re.fullmatch(r"[a-z0-9]{9}", ipst, re.IGNORECASE):
        known = ", ".join(f"{letter} {name}" for letter, (name, _) in INSTRUMENTS.items())
        raise UnknownDatasetError(f"{ipst}: no model knows the instrument '{ipst[0]}' (known: {known})")
    raise UnknownDatasetError(f"{ipst!r} is not the name of an ACS, COS, STIS or WFC3 dataset")


def is_mosaic(name: str) -> bool:
    """Return whether the name is that of a mosaic of one visit or several."""
    return _MOSAIC.fullmatch(name) is not None


def instrument_of(ipst: str) -> str:
    """Return the instrument of a dataset: `acs`, `cos`, `stis` or `wfc3`; UnknownDatasetError for any other."""
    return INSTRUMENTS[check_name(ipst)[0]][0]


def read_features(path: Path) -> tuple[str, dict[str, float]]:
    """Read the features file of a dataset.

    Parameters
    ----------
    path : Path
        File called `<ipppssoot>_MemModelFeatures.txt`.

    Returns
    -------
    name : str
        The dataset in lower case.
    features : dict[str, float]
        The nine features, as `encode_header` returns them.

    Raises
    ------
    InputError
        If the file cannot be read, or lacks `n_files` or `total_mb`.
    """
    if not path.name.endswith(SUFFIX):
        raise InputError(f"{path}: is not called <ipppssoot>{SUFFIX}")
    ipst = path.name.removesuffix(SUFFIX)
    try:
        keywords = parse_keywords(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not text ({error.reason})") from error
    try:
        return check_name(ipst), encode_header(ipst, keywords)
    except UnknownDatasetError:
        raise
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def parse_keywords(text: str, name: str) -> dict[str, str]:
    """Return the keywords of the text of a features file, lines `KEY=value`; InputError names the file and the line.

    Parameters
    ----------
    text : str
        Text of the file.
    name : str
        Name of the file, for messages.

    Returns
    -------
    dict[str, str]
        Values by keyword, in the usual spelling of the keywords.

    Raises
    ------
    InputError
        If a line is not KEY=value, a keyword is repeated or misspelt, or the text is empty.
    """
    if not text.strip():
        raise InputError(f"{name}:1: the file is empty: it has lines KEY=value, n_files and total_mb at least")
    return spell(_lines(text, name), name)


def _lines(text: str, name: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        parts = _LINE.fullmatch(line)
        if parts is None:
            raise InputError(f"{name}:{number}: {line.strip()[:60]!r} is not KEY=value")
        yield number, parts[1], parts[2]


def encode_header(ipst: str, keywords: Mapping[str, str]) -> dict[str, float]:
    """Encode the header keywords of a dataset as features.

    Parameters
    ----------
    ipst : str
        The dataset.
    keywords : Mapping[str, str]
        Keywords; `n_files` and `total_mb` (MB) must be among them. A NaN is zero.

    Returns
    -------
    dict[str, float]
        `n_files`, `total_mb` (MB), and the codes of the other features that the data dictionary lists.

    Raises
    ------
    InputError
        If `n_files` or `total_mb` is missing or not a number, or a keyword has a value that is not known.
    """
    name = check_name(ipst)
    complete = {**DEFAULTS, **keywords}
    return {
        "n_files": int(_number(ipst, complete, "n_files", whole=True)),
        "total_mb": _number(ipst, complete, "total_mb"),
        "drizcorr": is_performed(ipst, complete, "DRIZCORR"),
        "pctecorr": is_performed(ipst, complete, "PCTECORR"),
        "crsplit": _encode_crsplit(ipst, complete),
        "subarray": _encode_subarray(ipst, complete),
        "detector": _encode_detector(ipst, complete),
        "dtype": int(name[-1] == "0"),
        "instr": INSTRUMENTS[name[0]][1],
    }


def _number(ipst: str, keywords: Mapping[str, str], key: str, *, whole: bool = False) -> float:
    if key not in keywords:
        raise InputError(f"{ipst}: {key} is missing: n_files and total_mb must both be given as numbers")
    try:
        # Python reads 1_000 as a number; in a file it is a mistake.
        value = float(keywords[key].replace("_", "?"))
    except ValueError:
        raise InputError(f"{ipst}: {key} = {keywords[key]!r} is not a number") from None
    if math.isnan(value):
        return 0.0
    if not 0 <= value < 1e9 or (whole and not value.is_integer()):
        raise InputError(f"{ipst}: {key} = {keywords[key]} is not a {'count' if whole else 'size'}")
    return value


def _encode_subarray(ipst: str, keywords: Mapping[str, str]) -> int:
    text = keywords["SUBARRAY"]
    try:
        return 0 if is_unknown(text) else int(read_yes_or_no(text))
    except ValueError as error:
        raise InputError(f"{ipst}: SUBARRAY = {error}") from None


def _encode_crsplit(ipst: str, keywords: Mapping[str, str]) -> int:
    if is_unknown(keywords["CRSPLIT"]):
        return CRSPLIT_UNKNOWN
    return CRSPLIT_ONE if _number(ipst, keywords, "CRSPLIT", whole=True) == 1 else CRSPLIT_SEVERAL


def _encode_detector(ipst: str, keywords: Mapping[str, str]) -> int:
    """Return 1 for a large detector, by its name; without a name, by the longer side of the image."""
    detector = keywords.get("DETECTOR", "").strip().upper()
    if not is_unknown(detector):
        if detector not in DETECTORS:
            raise InputError(f"{ipst}: DETECTOR = {detector!r} is not one of {', '.join(DETECTORS)}")
        return int(detector in LARGE_DETECTORS)
    axes = [_number(ipst, keywords, key) for key in ("NAXIS1", "NAXIS2") if not is_unknown(keywords.get(key, ""))]
    return int(max(axes, default=0) > _LARGEST_OTHER_AXIS)
