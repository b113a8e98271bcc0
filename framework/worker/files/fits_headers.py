"""FITS headers, read with the standard library alone (FITS standard 4.0, sections 3 and 4)."""

from __future__ import annotations

import os
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

BLOCK, CARD = 2880, 80
#: Headers of more blocks than these are no headers.
MOST_BLOCKS = 2000
#: By the standard.
MOST_AXES = 999


class FitsError(Exception):
    """A file whose headers cannot be read; the message says why."""


def headers(path: str) -> Iterator[list[str]]:
    """The cards of each header of a FITS file, one header after another; data are passed over."""
    with open(path, "rb") as file:
        while found := _header(file, path):
            yield found
            file.seek(data_size(found, path), os.SEEK_CUR)


def header_values(cards: Sequence[str]) -> dict[str, str]:
    """The values of a header by key, of each key the first; long texts are put together from their parts."""
    found: dict[str, str] = {}
    last = ""
    for card in cards:
        key = card[:8].rstrip()
        if key == "CONTINUE" and last and found[last].endswith("&"):
            found[last] = found[last][:-1] + text_of(card[8:])
            continue
        # Names of more than eight letters, as observatories write them.
        if key == "HIERARCH":
            key, has_value, text = card[9:].partition("=")
            key = key.strip()
        else:
            has_value, text = "=" if card[8:10] == "= " else "", card[10:]
        last = ""
        if has_value and key not in found:
            found[key] = text_of(text)
            last = key
    return found


def text_of(text: str) -> str:
    """A value as it stands on a card, without its comment: a text, a number, T or F."""
    text = text.strip()
    if text.startswith("'"):
        quoted = re.match(r"'((?:[^']|'')*)'", text)
        return quoted[1].replace("''", "'").rstrip() if quoted else text.strip("' ")
    return text.partition("/")[0].strip()


def _header(file: BinaryIO, path: str) -> list[str]:
    """The cards of the header that begins here; none at the end of the file."""
    found: list[str] = []
    for _ in range(MOST_BLOCKS):
        block = file.read(BLOCK)
        if len(block) < BLOCK:
            if found:
                raise FitsError(f"{path} ends within a header")
            return []
        lines = [block[at : at + CARD].decode("ascii", "replace") for at in range(0, BLOCK, CARD)]
        if not found and not lines[0].startswith(("SIMPLE  =", "XTENSION=")):
            raise FitsError(f"{path} is no FITS file")
        found += lines
        if any(line.rstrip() == "END" for line in lines):
            break
    return found


def data_size(header: Sequence[str], path: str) -> int:
    """Bytes of the data behind a header of a file, with their padding."""
    try:
        size = _data_size(header)
    except ValueError as error:
        raise FitsError(f"{path}: a header does not say how long its data are") from error
    if not 0 <= size < 1 << 62:
        raise FitsError(f"{path}: a header does not say how long its data are")
    return size


def _data_size(header: Sequence[str]) -> int:
    values = header_values(header)
    axes = int(values.get("NAXIS", 0))
    if not 0 <= axes <= MOST_AXES:
        raise ValueError(f"{axes} axes")
    size = 1 if axes else 0
    for axis in range(1, axes + 1):
        size *= int(values.get(f"NAXIS{axis}", 0))
    groups = int(values.get("GCOUNT", 1)) * (int(values.get("PCOUNT", 0)) + size)
    size = abs(int(values.get("BITPIX", 8))) // 8 * groups
    return (size + BLOCK - 1) // BLOCK * BLOCK
