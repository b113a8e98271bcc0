"""Keeping: in which form files go into the archive, and what their headers are given before."""

from __future__ import annotations

import re
import shlex

from framework.pipeline.problems import error_at, suggest_name
from wcl import Scope, Section, SourcePosition, expand

#: The programs that compress, with what they put behind a file's name.
PROGRAMS = {"gzip": ".gz", "fpack": ".fz"}
#: What the names of sections begin with that say which cards a file's header gets: ``hdrupd_<hdu>``.
HEADER_UPDATE = "hdrupd_"
#: A keyword of a FITS header, and the kinds of values that one may be said to be.
KEYWORD = re.compile(r"[A-Z0-9_-]{1,8}")
KINDS = {"int": int, "float": float, "str": str, "bool": str}
Card = tuple[str, str, str, str]
#: How long a text may be on a card of 80.
LONGEST_TEXT = 68


def compression_of(pipeline: Section) -> str:
    """The ending of what the pipeline has compressed; empty where it has nothing compressed."""
    if pipeline.text("master_compression", "file") == "never":
        return ""
    program = pipeline.text("compression_exec", "gzip")
    if program not in PROGRAMS:
        position = pipeline.position("compression_exec")
        raise error_at(
            position, f"nothing is compressed by '{program}' here", suggest_name(program, PROGRAMS) or "gzip or fpack"
        )
    ending = PROGRAMS[program]
    if pipeline.text("compression_suffix", ending) != ending:
        position = pipeline.position("compression_suffix")
        raise error_at(position, f"what {program} compresses ends with {ending}", f"compression_suffix = {ending}")
    return ending


def compression_args(pipeline: Section) -> tuple[str, ...]:
    """What fpack is told."""
    text = pipeline.text("compression_args", "")
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise error_at(pipeline.position("compression_args"), f"compression_args = {text}: {error}") from error


def header_cards(section: Section, scope: Scope) -> tuple[Card, ...]:
    """What the headers of a file are to be given: HDU, keyword, value as it stands on the card, comment."""
    return tuple(
        _card(
            name.removeprefix(HEADER_UPDATE),
            key,
            expand(cards.text(key), scope, cards.position(key)),
            cards.position(key),
        )
        for name, cards in section.sections()
        if name.startswith(HEADER_UPDATE)
        for key in cards
    )


def _card(hdu: str, key: str, text: str, position: SourcePosition) -> Card:
    """One of them; the text is ``value``, or ``value/comment/kind``."""
    parts = text.rsplit("/", 2)
    value, comment, kind = parts if len(parts) == 3 and parts[2].strip() in KINDS else (text, "", "")
    keyword, value = key.upper(), value.strip()
    if not KEYWORD.fullmatch(keyword):
        raise error_at(position, f"'{key}' is no keyword of a FITS header", "up to 8 letters, digits, - and _")
    if not (value + comment).isascii() or not (value + comment).isprintable():
        raise error_at(position, f"a FITS header holds plain text only, not {value + comment!r}")
    return hdu, keyword, _on_card(value, kind.strip(), position), comment.strip()


def _on_card(value: str, kind: str, position: SourcePosition) -> str:
    if kind == "bool" or (not kind and value in ("T", "F")):
        if value.lower() not in ("t", "f", "true", "false"):
            raise error_at(position, f"'{value}' is neither true nor false")
        return value[0].upper()
    for number in (int, float) if not kind else (KINDS[kind],) if kind != "str" else ():
        try:
            return repr(number(value)).upper()
        except ValueError:
            if kind:
                raise error_at(position, f"'{value}' is not {kind}") from None
    quoted = value.replace("'", "''")
    if len(quoted) > LONGEST_TEXT:
        raise error_at(
            position, f"'{value}' is too long for a card of a FITS header", f"at most {LONGEST_TEXT} letters"
        )
    return f"'{quoted:<8}'"
