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

    FitsError where the file is no FITS file, or ends within a header or within data. Bytes after the last header's data
    that are fewer than a block and begin no header are ignored.
    """
    size = file.seek(0, 2)
    file.seek(0)
    while (cards := _read_cards(file, path)) is not None:
        data_offset = file.tell()
        yield cards, data_offset
        if data_offset + data_bytes(cards, path) > size:
            raise FitsError(f"{path} is cut off: it has {size - data_offset} bytes of the data that a header announces")
        file.seek(data_offset + data_size(cards, path))


def _read_cards(file: BinaryIO, path: str) -> list[str] | None:
    """Return the cards of the header that begins here; None at the end of the file."""
    found: list[str] = []
    is_first = not file.tell()
    for number in range(MOST_BLOCKS):
        block = file.read(BLOCK)
        if len(block) < BLOCK:
            if number or block.startswith((b"XTENSION", b"SIMPLE  =")):
                break
            if is_first:
                raise FitsError(f"{path} is no FITS file")
            return None
        cards = [block[at : at + CARD].decode("latin-1") for at in range(0, BLOCK, CARD)]
        if not number and not cards[0].startswith(("SIMPLE  =", "XTENSION=")):
            raise FitsError(f"{path} is no FITS file")
        end = next((at for at, card in enumerate(cards) if card.rstrip() == "END"), None)
        found += cards[:end]
        if end is not None:
            return found
    raise FitsError(f"{path} ends within a header")


class QuotedText(str):
    """Value of a card that stands in quotes: a text, whatever it looks like."""

    __slots__ = ()


def header_values(cards: Sequence[str]) -> dict[str, str]:
    """Return the values of a header by key, the first of a repeated key; long strings are joined from their cards."""
    found: dict[str, str] = {}
    parts: list[str] = []
    last = ""
    for card in cards:
        key = card[:8].rstrip()
        if key == "CONTINUE" and last and parts[-1].endswith("&"):
            parts[-1] = parts[-1][:-1]
            parts.append(text_of(card[8:]))
            continue
        if len(parts) > 1:
            found[last] = QuotedText("".join(parts))
        # Keywords of more than eight letters, as observatories write them.
        if key == "HIERARCH":
            key, has_value, text = card[9:].partition("=")
            key = key.strip()
        else:
            has_value, text = "=" if card[8:10] == "= " else "", card[10:]
        last, parts = "", []
        if has_value and key not in found:
            found[key] = text_of(text)
            last, parts = key, [found[key]]
    if len(parts) > 1:
        found[last] = QuotedText("".join(parts))
    return found


def text_of(text: str) -> str:
    """Return a card's value as text, without its quotes and its comment; `QuotedText` where it had quotes."""
    text = text.strip()
    if text.startswith("'"):
        quoted = re.match(r"'((?:[^']|'')*)'", text)
        return QuotedText(quoted[1].replace("''", "'").rstrip() if quoted else text.strip("' "))
    return text.partition("/")[0].strip()


def data_size(header: Sequence[str], path: str) -> int:
    """Return the bytes of the data after a header, with their padding."""
    return (data_bytes(header, path) + BLOCK - 1) // BLOCK * BLOCK


def data_bytes(header: Sequence[str], path: str) -> int:
    """Return the bytes of the data after a header, without their padding."""
    try:
        size = _data_bytes(header)
    except ValueError as error:
        raise FitsError(f"{path}: a header does not say how long its data are") from error
    if not 0 <= size < 1 << 62:
        raise FitsError(f"{path}: a header does not say how long its data are")
    return size


def _data_bytes(header: Sequence[str]) -> int:
    values = header_values(header)
    axes = int(values.get("NAXIS", 0))
    if not 0 <= axes <= MOST_AXES:
        raise ValueError(f"{axes} axes")
    size = 1 if axes else 0
    for axis in range(1, axes + 1):
        size *= int(values.get(f"NAXIS{axis}", 0))
    groups = int(values.get("GCOUNT", 1)) * (int(values.get("PCOUNT", 0)) + size)
    return abs(int(values.get("BITPIX", 8))) // 8 * groups
