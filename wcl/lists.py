"""Lists and ranges: a comma separates the elements of a list, and `1:4` means 1, 2, 3, 4."""

import re

from wcl.errors import SourcePosition, error_at
from wcl.quoting import QUOTED, Quoted, unquote

_RANGE = re.compile(r"([0-9]{1,18}):([0-9]{1,18})")
_MARK = re.compile(r'["},]|\$\w*\{')
_TEXT = re.compile(r"\S")
#: A longer range is refused as a typing error.
LONGEST_RANGE = 1_000_000


def split_list(value: str, delimiter: str = ",") -> list[str]:
    """Return the elements of a value, with ranges expanded.

    Parentheses are removed, and empty elements stay. A quoted value is one element.
    """
    if isinstance(value, Quoted):
        return [value]
    if '"' in value and delimiter == ",":
        return _element_values(value)
    bare = _without_parentheses(value)
    if ":" not in bare or delimiter == ":":
        return [element.strip() for element in bare.split(delimiter)]
    return [element for text in bare.split(delimiter) for element in _expand_range(text.strip())]


def is_list(value: str) -> bool:
    """Return whether an unquoted value holds a comma or begins with a parenthesis, and so is a list."""
    return ("," in value or value[:1] == "(") and not isinstance(value, Quoted)


def list_values(value: str) -> list[str]:
    """Return the elements of a list that may hold variables and calls.

    A comma at the end marks a list of one element, and adds none.
    """
    elements = _element_values(value) if "{" in value else split_list(value)
    return elements[:-1] if len(elements) > 1 and elements[-1] == "" else elements


def _element_values(value: str) -> list[str]:
    return [each for element in _elements(value) for each in _values(element)]


def _elements(value: str) -> list[str]:
    """Split at the commas that are neither quoted nor inside the braces of a variable."""
    value = value.strip()
    if value[:1] == "(" and value[-1:] == ")":
        value = value[1:-1]
    cuts, depth, at = [-1], 0, 0
    while mark := _MARK.search(value, at):
        at = mark.end()
        if mark[0] == '"':
            quoted = QUOTED.match(value, mark.start()) if mark.start() == _element_start(value, cuts) else None
            at = quoted.end() if quoted else at
        elif mark[0] == "}":
            depth = max(depth - 1, 0)
        elif mark[0] == "," and depth == 0:
            cuts.append(mark.start())
        elif mark[0] != ",":
            depth += 1
    return [value[a + 1 : b].strip() for a, b in zip(cuts, [*cuts[1:], len(value)], strict=True)]


def _element_start(value: str, cuts: list[int]) -> int:
    """Return the index at which the text of the element after the last comma begins."""
    first = _TEXT.search(value, cuts[-1] + 1)
    return first.start() if first else len(value)


def _values(element: str) -> list[str]:
    """Return the value of an element, or the values of a range."""
    quoted = QUOTED.fullmatch(element)
    if quoted:
        return [_unquote_element(quoted[1])]
    return [element] if "{" in element else _expand_range(_without_parentheses(element).strip())


def _unquote_element(inside: str) -> Quoted:
    try:
        return unquote(inside)
    except ValueError as error:
        raise error_at(SourcePosition("<text>", 0), f"unknown escape {error}", r"a backslash itself is \\") from None


def _without_parentheses(text: str) -> str:
    return text.replace("(", "").replace(")", "") if "(" in text or ")" in text else text


def _expand_range(text: str) -> list[str]:
    match = _RANGE.fullmatch(text)
    if match is None:
        return [text]
    first, last = int(match[1]), int(match[2])
    if last - first > LONGEST_RANGE:
        raise error_at(SourcePosition("<text>", 0), f"the range {text} has more than {LONGEST_RANGE:,} values")
    return [str(number) for number in range(first, last + 1)]
