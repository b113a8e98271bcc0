"""Keywords of a dataset's headers and features file: their spellings, and the values that they may have."""

import difflib
import sys
from collections.abc import Iterator, Mapping

from pipelines.calcloud.program.errors import InputError

#: Keywords that are encoded as features; `n_files` and `total_mb` are written in lower case.
KEYWORDS = ("n_files", "total_mb", "DRIZCORR", "PCTECORR", "CRSPLIT", "SUBARRAY", "DETECTOR", "NAXIS1", "NAXIS2")
_BY_UPPER = {keyword.upper(): keyword for keyword in KEYWORDS}

#: Spellings of yes and no, in any case.
TRUE_WORDS = ("1", "1.0", "true", "t", "yes", "y", "on")
FALSE_WORDS = ("0", "0.0", "false", "f", "no", "n", "off")
#: Spellings of a value that is not known, in any case.
UNKNOWN_WORDS = ("", "nan", "n/a", "none", "null")

#: Values of the switch of a calibration step.
PERFORMED = ("PERFORM",)
NOT_PERFORMED = ("OMIT", "COMPLETE", "INCOMPLETE", "SKIPPED", "SKIP")

#: Detectors of the four instruments; a name of STIS begins with the kind of its detector.
DETECTORS = ("WFC", "HRC", "SBC", "UVIS", "IR", "FUV", "NUV", "CCD", "FUV-MAMA", "NUV-MAMA")


def is_unknown(text: str) -> bool:
    """Return whether a text stands for a value that is not known."""
    return text.strip().lower() in UNKNOWN_WORDS


def read_yes_or_no(text: str) -> bool:
    """Return whether a text says yes; ValueError if it says neither yes nor no.

    Parameters
    ----------
    text : str
        One of `TRUE_WORDS` or `FALSE_WORDS` in any case, or a number that equals 0 or 1.

    Returns
    -------
    bool
        True for yes.

    Raises
    ------
    ValueError
        If the text is something else; the message lists the usual spellings.
    """
    word = text.strip().lower()
    if word in TRUE_WORDS or word in FALSE_WORDS:
        return word in TRUE_WORDS
    try:
        number = float(word.replace("_", "?"))
    except ValueError:
        number = -1.0
    if number not in (0.0, 1.0):
        raise ValueError(f"{text.strip()!r} is neither yes nor no (1, true, yes or 0, false, no)")
    return number == 1.0


def spell(keywords: Iterator[tuple[int, str, str]], name: str) -> dict[str, str]:
    """Return the keywords of a features file in their usual spelling.

    A keyword that no feature is made of is named on standard error, since it has no effect.

    Parameters
    ----------
    keywords : Iterator[tuple[int, str, str]]
        Line number, keyword and value of each line.
    name : str
        Name of the file, for messages.

    Returns
    -------
    dict[str, str]
        Values by keyword; a comment that follows ` /` is left out.

    Raises
    ------
    InputError
        If a keyword is repeated, or looks like a misspelt one.
    """
    found: dict[str, str] = {}
    for number, written, value in keywords:
        keyword = _BY_UPPER.get(written.upper())
        if keyword is None:
            close = difflib.get_close_matches(written.upper(), _BY_UPPER, 1, 0.8)
            if close:
                raise InputError(f"{name}:{number}: unknown keyword {written}: did you mean {_BY_UPPER[close[0]]}?")
            print(f"{name}:{number}: {written} has no effect on a prediction", file=sys.stderr)
            continue
        if keyword in found:
            raise InputError(f"{name}:{number}: {keyword} is given more than once")
        found[keyword] = f" {value}".partition(" /")[0].strip()
    return found


def is_performed(ipst: str, keywords: Mapping[str, str], keyword: str) -> int:
    """Return 1 if the switch of a calibration step says that it is performed, else 0.

    Parameters
    ----------
    ipst : str
        The dataset, for messages.
    keywords : Mapping[str, str]
        Values by keyword.
    keyword : str
        The switch.

    Returns
    -------
    int
        0 or 1.

    Raises
    ------
    InputError
        If the switch has a value that no calibration knows.
    """
    word = keywords[keyword].strip().upper()
    if word in PERFORMED:
        return 1
    if word in NOT_PERFORMED or is_unknown(word):
        return 0
    raise InputError(f"{ipst}: {keyword} = {keywords[keyword]!r} is not one of {', '.join(PERFORMED + NOT_PERFORMED)}")
