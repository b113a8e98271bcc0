"""Compression of files in the archive, and the cards that their FITS headers get before they are stored."""

from __future__ import annotations

import re
import shlex

from framework.pipeline.problems import error_at, suggest_name
from wcl import Scope, Section, SourcePosition, expand

#: Programs that compress, with the endings of their files.
PROGRAMS = {"gzip": ".gz", "fpack": ".fz"}
#: Start of the names of sections with cards for a file's header: ``hdrupd_<hdu>``.
HEADER_UPDATE = "hdrupd_"
#: A keyword of a FITS header.
KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
#: Types that the value of a card may be declared to have.
KINDS = {"int": int, "float": float, "str": str, "bool": str}
#: HDU, keyword, value as it stands on the card, and comment.
Card = tuple[str, str, str, str]
#: Longest text on a card of 80 letters.
LONGEST_TEXT = 68


def read_compression(pipeline: Section) -> str:
    """Return the ending of compressed files; empty if the pipeline has nothing compressed."""
    if pipeline.text("master_compression", "file") == "never":
        return ""
    program = pipeline.text("compression_exec", "gzip")
    if program not in PROGRAMS:
        hint = suggest_name(program, PROGRAMS)
        raise error_at(pipeline.position("compression_exec"), f"unknown compression program '{program}'", hint)
    ending = PROGRAMS[program]
    if pipeline.text("compression_suffix", ending) != ending:
        position = pipeline.position("compression_suffix")
        raise error_at(position, f"files compressed by {program} end with {ending}", f"compression_suffix = {ending}")
    return ending


def read_compression_args(pipeline: Section) -> tuple[str, ...]:
    """Return the arguments of fpack."""
    text = pipeline.text("compression_args", "")
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise error_at(pipeline.position("compression_args"), f"compression_args = {text}: {error}") from error


def read_header_cards(section: Section, scope: Scope) -> tuple[Card, ...]:
    """Return the cards that the headers of a file get."""
    return tuple(
        _parse_card(name.removeprefix(HEADER_UPDATE), key, cards, scope)
        for name, cards in section.sections()
        if name.startswith(HEADER_UPDATE)
        for key in cards
    )


def _parse_card(hdu: str, key: str, cards: Section, scope: Scope) -> Card:
    """Return the card of a key; its text is ``value``, or ``value/comment/kind``."""
    position = cards.position(key)
    text = expand(cards.text(key), scope, position)
    parts = text.rsplit("/", 2)
    value, comment, kind = parts if len(parts) == 3 and parts[2].strip() in KINDS else (text, "", "")
    keyword, value = key.upper(), value.strip()
    if not KEYWORD.fullmatch(keyword):
        hint = "up to 8 letters, digits, - and _"
        raise error_at(position, f"'{key}' is not a keyword of a FITS header", hint)
    if not (value + comment).isascii() or not (value + comment).isprintable():
        raise error_at(position, f"a FITS header holds printable ASCII text only, not {value + comment!r}")
    return hdu, keyword, _card_value(value, kind.strip(), position), comment.strip()


def _card_value(value: str, kind: str, position: SourcePosition) -> str:
    """Return a value as it stands on a card; its type is guessed if no kind is declared."""
    if kind == "bool" or (not kind and value in ("T", "F")):
        if value.lower() not in ("t", "f", "true", "false"):
            raise error_at(position, f"'{value}' is neither true nor false")
        return value[0].upper()
    if kind in ("int", "float"):
        number = _number(value, KINDS[kind])
        if not number:
            raise error_at(position, f"'{value}' is not {kind}")
        return number
    if not kind and (number := _number(value, int) or _number(value, float)):
        return number
    return _quoted_text(value, position)


def _number(value: str, kind: type) -> str:
    """Return a number as it stands on a card; empty for what is none."""
    try:
        return repr(kind(value)).upper()
    except ValueError:
        return ""


def _quoted_text(value: str, position: SourcePosition) -> str:
    quoted = value.replace("'", "''")
    if len(quoted) > LONGEST_TEXT:
        hint = f"at most {LONGEST_TEXT} letters"
        raise error_at(position, f"'{value}' is too long for a card of a FITS header", hint)
    return f"'{quoted:<8}'"
