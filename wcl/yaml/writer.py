"""Writer of YAML text, which reads back as the same tree."""

import re
from collections.abc import Iterator

from wcl.errors import error_at
from wcl.quoting import INVISIBLE, Quoted
from wcl.section import Section

INDENT = "  "
#: Text that YAML reads as it is, wherever it stands.
_PLAIN = re.compile(r"[\w$(./+<=;~^\\][^\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]*")
_SPECIAL = re.compile(r": |:$| #|\s$")
_UNPRINTABLE = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff"\\\\]')
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def write_yaml(section: Section) -> str:
    """Return a tree as YAML; quoted values stay in quotes, and others are plain or a block."""
    return "".join(f"{line}\n" for line in _lines(section, "")) if section else "{}\n"


def _lines(section: Section, indent: str) -> Iterator[str]:
    for key, value in section.items():
        name = key if _is_plain(key) and key != "<<" else _quote(key, section, key)
        if isinstance(value, Section) and value:
            yield f"{indent}{name}:"
            yield from _lines(value, indent + INDENT)
        elif isinstance(value, Section):
            yield f"{indent}{name}: {{}}"
        elif not isinstance(value, Quoted) and _is_plain(value):
            yield f"{indent}{name}: {value}"
        elif isinstance(value, Quoted) or not _fits_a_block(value):
            yield f"{indent}{name}: {_quote(value, section, key)}"
        else:
            yield f"{indent}{name}: |-"
            yield f"{indent}{INDENT}{value}"


def _is_plain(text: str) -> bool:
    return _PLAIN.fullmatch(text) is not None and _SPECIAL.search(text) is None


def _fits_a_block(text: str) -> bool:
    return bool(text) and text == text.strip() and not INVISIBLE.search(text)


def _quote(text: str, section: Section, key: str) -> str:
    if re.search("[\ud800-\udfff]", text):
        raise error_at(section.position(key), f"'{key}' holds half a character, which YAML cannot write")
    return '"' + _UNPRINTABLE.sub(lambda match: _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04x}", text) + '"'
