"""What a piece of data is known by: `visit=903334 ccd=16`, `tract=0 patch=8x6 filter=HSC-R`."""

from collections.abc import Iterable, Mapping

from pipelines.hsc.errors import InputError
from pipelines.hsc.sky.geometry import Patch

DataId = Mapping[str, str | int]

WHOLE_NUMBERS = {"visit", "ccd", "tract", "pointing"}
#: Between the values of one key: `filter=HSC-I^HSC-R`.
ALTERNATIVES = "^"


def parse_data_id(words: Iterable[str]) -> dict[str, str | int]:
    """The keys and values of `key=value` words; a patch may be written `8,6` or `8x6`."""
    return dict(_pair(word) for word in words)


def alternatives(value: str | int) -> list[str]:
    """The values that stand between carets, in their order, each once."""
    return list(dict.fromkeys(part for part in str(value).split(ALTERNATIVES) if part))


def spell(data_id: DataId) -> str:
    """As it is typed."""
    return " ".join(f"{key}={value}" for key, value in data_id.items())


def _pair(word: str) -> tuple[str, str | int]:
    key, equals, value = word.partition("=")
    if not (key and equals and value):
        raise InputError(f"{word!r} does not name data: key=value, as in visit=903334")
    if key in WHOLE_NUMBERS:
        return key, _whole_number(key, value)
    return key, Patch.parse(value).name if key == "patch" else value


def _whole_number(key: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise InputError(f"{key}={value}: {key} is a whole number")
    return int(value)
