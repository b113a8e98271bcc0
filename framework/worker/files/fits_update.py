"""Update of FITS headers before files are stored (FITS standard 4.0, sections 3 and 4)."""

from __future__ import annotations

import os

from framework.worker.files.fits_headers import BLOCK, CARD, FitsError, data_size, read_headers, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

CHUNK = 1 << 20


class HeaderError(Exception):
    """The headers of a file cannot be updated."""


def update_headers(path: str, updates: Sequence[Sequence[str]]) -> None:
    """Set cards of a file's headers, all or none: HDU, keyword, value as on the card, comment.

    An HDU is given by its number or by the name of an extension; any other word means the primary HDU. A card with
    the keyword is replaced, and CHECKSUM of a changed HDU is removed.
    """
    part = f"{path}.part-{os.getpid()}"
    try:
        with open(path, "rb") as reading, open(part, "wb") as writing:
            hdus = _read_hdus(reading, path)
            by_hdu = _updates_by_hdu(path, [header for header, _, _ in hdus], updates)
            for number, (header, offset, size) in enumerate(hdus):
                writing.write(_header_bytes(_update_cards(header, by_hdu.get(number, ()))))
                reading.seek(offset)
                _copy(reading, writing, size)
        os.chmod(part, os.stat(path).st_mode & 0o777)
        os.replace(part, path)
    except FitsError as error:
        raise HeaderError(str(error)) from error
    finally:
        if os.path.exists(part):
            os.unlink(part)


def _read_hdus(file: BinaryIO, path: str) -> list[tuple[list[str], int, int]]:
    """Return of each HDU the cards that are not blank, the offset of its data, and their size."""
    found = []
    end = 0
    for cards, offset in read_headers(file, path):
        size = data_size(cards, path)
        found.append(([card for card in cards if card.strip()], offset, size))
        end = offset + size
    if os.fstat(file.fileno()).st_size > end:
        raise HeaderError(f"{path} is no FITS file")
    return found


def _updates_by_hdu(
    path: str, headers: Sequence[Sequence[str]], updates: Sequence[Sequence[str]]
) -> dict[int, list[tuple[str, str, str]]]:
    named = {text_of(card[10:]).lower(): number for number, header in enumerate(headers) for card in header
             if card.startswith("EXTNAME =")}  # fmt: skip
    found: dict[int, list[tuple[str, str, str]]] = {}
    for hdu, keyword, value, comment in updates:
        number = int(hdu) if hdu.isdecimal() else named.get(hdu.lower(), 0)
        if number >= len(headers):
            raise HeaderError(f"{path} has no HDU {hdu}: it has {len(headers)}")
        found.setdefault(number, []).append((keyword, value, comment))
    return found


def _update_cards(header: list[str], updates: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the cards with those of the updates in their place, and new ones at the end."""
    if not updates:
        return header
    new = {keyword: _card(keyword, value, comment) for keyword, value, comment in updates}
    kept = [new.pop(card[:8].rstrip(), card) for card in header if not card.startswith("CHECKSUM=")]
    return [*kept, *new.values()]


def _card(keyword: str, value: str, comment: str) -> str:
    text = f"{keyword:<8}= {value if value.startswith(chr(39)) else value.rjust(20)}"
    return (f"{text:<30} / {comment}" if comment else text)[:CARD].ljust(CARD)


def _header_bytes(header: list[str]) -> bytes:
    text = "".join([*header, "END".ljust(CARD)]).encode("latin-1")
    return text.ljust(-(-len(text) // BLOCK) * BLOCK)


def _copy(reading: BinaryIO, writing: BinaryIO, size: int) -> None:
    left = size
    while left and (chunk := reading.read(min(left, CHUNK))):
        writing.write(chunk)
        left -= len(chunk)
