"""Data ids: the keys and values that name a piece of data, as in `visit=903334 ccd=16`."""

from collections.abc import Iterable, Mapping

from pipelines.hsc.errors import InputError
from pipelines.hsc.sky.geometry import Patch

DataId = Mapping[str, str | int]

INTEGER_KEYS = {"visit", "ccd", "tract", "pointing"}
#: Separator of several values of one key: `filter=HSC-I^HSC-R`.
VALUE_SEPARATOR = "^"


def parse_data_id(words: Iterable[str]) -> dict[str, str | int]:
    """Parse words of the form `key=value`; a patch may be written `8,6` or `8x6`.

    Raises
    ------
    InputError
        If a word has another form, or its value is no whole number where the key needs one.
    """
    return dict(_parse_pair(word) for word in words)


def split_alternatives(value: str | int) -> list[str]:
    """Return the values between carets, in their order, each once.

    Parameters
    ----------
    value : str or int
        As in HSC-I^HSC-R.

    Returns
    -------
    list of str
        Values that are not empty.
    """
    return list(dict.fromkeys(part for part in str(value).split(VALUE_SEPARATOR) if part))


def format_data_id(data_id: DataId) -> str:
    """Return a data id as it is typed on a command line."""
    return " ".join(f"{key}={value}" for key, value in data_id.items())


def _parse_pair(word: str) -> tuple[str, str | int]:
    key, equals, value = word.partition("=")
    if not (key and equals and value):
        raise InputError(f"{word!r} does not name data: key=value, as in visit=903334")
    if key in INTEGER_KEYS:
        return key, _parse_integer(key, value)
    return key, Patch.parse(value).name if key == "patch" else value


def _parse_integer(key: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise InputError(f"{key}={value}: {key} is a whole number")
    return int(value)
