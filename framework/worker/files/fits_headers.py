"""Reader of FITS headers that needs the standard library only (FITS standard 4.0, sections 3 and 4)."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

BLOCK, CARD = 2880, 80
#: Greatest number of blocks of a header.
MOST_BLOCKS = 2000
#: Greatest value of NAXIS by the standard.
MOST_AXES = 999


class FitsError(Exception):
    """The headers of a file cannot be read."""


def headers(path: str) -> Iterator[list[str]]:
    """Yield the cards of each header of a FITS file; bytes that are not ASCII are replaced."""
    with open(path, "rb") as file:
        for cards, _ in read_headers(file, path):
            yield [card if card.isascii() else _replace_foreign(card) for card in cards]


def _replace_foreign(card: str) -> str:
    return card.encode("latin-1").decode("ascii", "replace")


def read_headers(file: BinaryIO, path: str) -> Iterator[tuple[list[str], int]]:
    """Yield the cards before END of each header of a FITS file, read as Latin-1, and the offset of its data.

    Bytes after the last header's data that are fewer than a block are ignored.
    """
    while (cards := _read_cards(file, path)) is not None:
        data_offset = file.tell()
        yield cards, data_offset
        file.seek(data_offset + data_size(cards, path))


def _read_cards(file: BinaryIO, path: str) -> list[str] | None:
    """Return the cards of the header that begins here; None at the end of the file."""
    found: list[str] = []
    for number in range(MOST_BLOCKS):
        block = file.read(BLOCK)
        if len(block) < BLOCK:
            if number:
                break
            return None
        cards = [block[at : at + CARD].decode("latin-1") for at in range(0, BLOCK, CARD)]
        if not number and not cards[0].startswith(("SIMPLE  =", "XTENSION=")):
            raise FitsError(f"{path} is no FITS file")
        end = next((at for at, card in enumerate(cards) if card.rstrip() == "END"), None)
        found += cards[:end]
        if end is not None:
            return found
    raise FitsError(f"{path} ends within a header")


def header_values(cards: Sequence[str]) -> dict[str, str]:
    """Return the values of a header by key, the first of a repeated key; long strings are joined from their cards."""
    found: dict[str, str] = {}
    last = ""
    for card in cards:
        key = card[:8].rstrip()
        if key == "CONTINUE" and last and found[last].endswith("&"):
            found[last] = found[last][:-1] + text_of(card[8:])
            continue
        # Keywords of more than eight letters, as observatories write them.
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
    """Return a card's value as text, without its quotes and its comment."""
    text = text.strip()
    if text.startswith("'"):
        quoted = re.match(r"'((?:[^']|'')*)'", text)
        return quoted[1].replace("''", "'").rstrip() if quoted else text.strip("' ")
    return text.partition("/")[0].strip()


def data_size(header: Sequence[str], path: str) -> int:
    """Return the bytes of the data after a header, with their padding."""
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
