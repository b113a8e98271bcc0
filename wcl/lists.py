"""Lists and ranges: a comma means «and», `1:4` means 1, 2, 3, 4."""

import re

from wcl.errors import Place, fail
from wcl.quoting import QUOTED, Quoted, unquote

_RANGE = re.compile(r"([0-9]{1,18}):([0-9]{1,18})")
_ELEMENT = re.compile(r'\s*("(?:[^"\\]|\\.)*+"\s*(?=,|$)|[^,]*)(,|$)')
#: A range longer than this is a slip of the pen.
LONGEST_RANGE = 1_000_000


def split(value: str, delimiter: str = ",") -> list[str]:
    """The elements of a value. Parentheses vanish, ranges count up, empty elements stay; a quoted value is one."""
    if isinstance(value, Quoted):
        return [value]
    if '"' in value and delimiter == ",":
        return [element for text in _quoted_elements(value) for element in _ranged(text)]
    bare = value.replace("(", "").replace(")", "") if "(" in value or ")" in value else value
    if ":" not in bare or delimiter == ":":
        return [element.strip() for element in bare.split(delimiter)]
    return [element for text in bare.split(delimiter) for element in _ranged(text.strip())]


def is_list(value: str) -> bool:
    """Whether a value stands for several: it holds a comma or begins with a parenthesis, and is not quoted."""
    return ("," in value or value[:1] == "(") and not isinstance(value, Quoted)


def _quoted_elements(value: str) -> list[str]:
    """Elements of which some stand in double quotes: `"8,7", "8,8"`."""
    elements: list[str] = []
    for match in _ELEMENT.finditer(value.strip().removeprefix("(")):
        text = match[1].strip()
        quoted = QUOTED.fullmatch(text.removesuffix(")").rstrip())
        elements.append(unquote(quoted[1]) if quoted else text.replace("(", "").replace(")", ""))
        if not match[2]:
            break
    return elements


def _ranged(text: str) -> list[str]:
    match = None if isinstance(text, Quoted) else _RANGE.fullmatch(text)
    if match is None:
        return [text]
    first, last = int(match[1]), int(match[2])
    if last - first > LONGEST_RANGE:
        raise fail(Place("<text>", 0), f"the range {text} has more than {LONGEST_RANGE:,} values")
    return [str(number) for number in range(first, last + 1)]
