"""Lists and ranges: a comma means «and», `1:4` means 1, 2, 3, 4."""

import re

from wcl.errors import Place, fail
from wcl.quoting import QUOTED, Quoted, unquote

_RANGE = re.compile(r"([0-9]{1,18}):([0-9]{1,18})")
_MARK = re.compile(r'["},]|\$\w*\{')
_TEXT = re.compile(r"\S")
#: A range longer than this is a slip of the pen.
LONGEST_RANGE = 1_000_000


def split(value: str, delimiter: str = ",") -> list[str]:
    """The elements of a value. Parentheses vanish, ranges count up, empty elements stay; a quoted value is one."""
    if isinstance(value, Quoted):
        return [value]
    if '"' in value and delimiter == ",":
        return _all_values(value)
    bare = _bare(value)
    if ":" not in bare or delimiter == ":":
        return [element.strip() for element in bare.split(delimiter)]
    return [element for text in bare.split(delimiter) for element in _ranged(text.strip())]


def is_list(value: str) -> bool:
    """Whether a value stands for several: it holds a comma or begins with a parenthesis, and is not quoted."""
    return ("," in value or value[:1] == "(") and not isinstance(value, Quoted)


def list_values(value: str) -> list[str]:
    """The values of a list that may hold variables and functions; a comma at the end only says that it is a list."""
    elements = _all_values(value) if "{" in value else split(value)
    return elements[:-1] if len(elements) > 1 and elements[-1] == "" else elements


def _all_values(value: str) -> list[str]:
    return [each for element in _elements(value) for each in _values(element)]


def _elements(value: str) -> list[str]:
    """What stands between the commas that are neither quoted nor inside the braces of a variable."""
    value = value.strip()
    if value[:1] == "(" and value[-1:] == ")":
        value = value[1:-1]
    cuts, depth, at = [-1], 0, 0
    while mark := _MARK.search(value, at):
        at = mark.end()
        if mark[0] == '"':
            quoted = QUOTED.match(value, mark.start()) if mark.start() == _start(value, cuts) else None
            at = quoted.end() if quoted else at
        elif mark[0] == "}":
            depth = max(depth - 1, 0)
        elif mark[0] == "," and depth == 0:
            cuts.append(mark.start())
        elif mark[0] != ",":
            depth += 1
    return [value[a + 1 : b].strip() for a, b in zip(cuts, [*cuts[1:], len(value)], strict=True)]


def _start(value: str, cuts: list[int]) -> int:
    """Where the text of the element after the last comma begins."""
    first = _TEXT.search(value, cuts[-1] + 1)
    return first.start() if first else len(value)


def _values(element: str) -> list[str]:
    """An element as its value, or values."""
    quoted = QUOTED.fullmatch(element)
    if quoted:
        return [_unquoted(quoted[1])]
    return [element] if "{" in element else _ranged(_bare(element).strip())


def _unquoted(inside: str) -> Quoted:
    try:
        return unquote(inside)
    except ValueError as error:
        raise fail(Place("<text>", 0), f"unknown escape {error}", r"a backslash itself is \\") from None


def _bare(text: str) -> str:
    return text.replace("(", "").replace(")", "") if "(" in text or ")" in text else text


def _ranged(text: str) -> list[str]:
    match = _RANGE.fullmatch(text)
    if match is None:
        return [text]
    first, last = int(match[1]), int(match[2])
    if last - first > LONGEST_RANGE:
        raise fail(Place("<text>", 0), f"the range {text} has more than {LONGEST_RANGE:,} values")
    return [str(number) for number in range(first, last + 1)]
