"""Headers of FITS files, given further cards before the files are stored (FITS standard 4.0, sections 3 and 4)."""

from __future__ import annotations

import os

from framework.worker.files.fits_headers import BLOCK, CARD, MOST_BLOCKS, FitsError, data_size, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

PRIMARY = "0"
COPIED = 1 << 20


class HeaderError(Exception):
    """A file's headers cannot be given what they should have; the message says why."""


def update_headers(path: str, updates: Sequence[Sequence[str]]) -> None:
    """Give the headers of a file cards: (HDU, keyword, value as on the card, comment); whole or not at all.

    An HDU is a number, the name of an extension, or any other word, which means the primary one. A card that is
    there is replaced; a checksum of a changed HDU, which would be wrong now, is taken out.
    """
    part = f"{path}.part-{os.getpid()}"
    try:
        with open(path, "rb") as reading, open(part, "wb") as writing:
            headers = list(_headers(reading, path))
            wanted = _by_hdu(path, [header for header, _, _ in headers], updates)
            for number, (header, data_at, size) in enumerate(headers):
                writing.write(_block_of(_updated(header, wanted.get(number, ()))))
                reading.seek(data_at)
                _copy(reading, writing, size)
        os.chmod(part, os.stat(path).st_mode & 0o777)
        os.replace(part, path)
    except FitsError as error:
        raise HeaderError(str(error)) from error
    finally:
        if os.path.exists(part):
            os.unlink(part)


def _headers(file: BinaryIO, path: str) -> Iterator[tuple[list[str], int, int]]:
    """The cards of each HDU up to its END, where its data begin, and how many bytes follow."""
    while True:
        cards: list[str] = []
        while "END" not in (card.rstrip() for card in cards[-BLOCK // CARD :]):
            block = file.read(BLOCK)
            if not block and not cards:
                return
            lines = [block[at : at + CARD].decode("latin-1") for at in range(0, BLOCK, CARD)]
            if not cards and not lines[0].startswith(("SIMPLE  =", "XTENSION=")):
                raise HeaderError(f"{path} is no FITS file")
            if len(block) < BLOCK or len(cards) > MOST_BLOCKS * BLOCK // CARD:
                raise HeaderError(f"{path} ends within a header")
            cards += lines
        at = file.tell()
        size = data_size(cards, path)
        yield [card for card in cards if card.strip()][:-1], at, size
        file.seek(at + size)


def _by_hdu(
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


def _updated(header: list[str], updates: Sequence[tuple[str, str, str]]) -> list[str]:
    """The cards with others in their place, and the new ones at the end."""
    if not updates:
        return header
    new = {keyword: _card(keyword, value, comment) for keyword, value, comment in updates}
    kept = [new.pop(card[:8].rstrip(), card) for card in header if not card.startswith("CHECKSUM=")]
    return [*kept, *new.values()]


def _card(keyword: str, value: str, comment: str) -> str:
    text = f"{keyword:<8}= {value if value.startswith(chr(39)) else value.rjust(20)}"
    return (f"{text:<30} / {comment}" if comment else text)[:CARD].ljust(CARD)


def _block_of(header: list[str]) -> bytes:
    text = "".join([*header, "END".ljust(CARD)]).encode("latin-1")
    return text.ljust(-(-len(text) // BLOCK) * BLOCK)


def _copy(reading: BinaryIO, writing: BinaryIO, size: int) -> None:
    left = size
    while left and (chunk := reading.read(min(left, COPIED))):
        writing.write(chunk)
        left -= len(chunk)
