"""Wildcards: parts of file names that only the program knows, which makes any number of such files.

``filename = ${unitname}_${piece:4}.txt`` with ``wildcards = piece`` stands for every file of that form that the program
leaves; the value of ``piece`` is read from each name and recorded with the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from framework.model.job import File
from framework.pipeline.problems import error_at
from wcl import SourcePosition, Variable, parse_template


@dataclass(frozen=True)
class WildName:
    """A name with wildcards, everything else filled in."""

    #: The expression that each file's name fits, with a group for each wildcard.
    pattern: str
    #: The same with ``*`` for each wildcard: for messages, and for programs that write to a path.
    glob: str


def name_pattern(text: str) -> re.Pattern[str]:
    """Return the expression of a name with variables: ``${x:7}`` is seven digits or more, ``${x}`` anything."""
    return re.compile(_wild_name(text, lambda name: True, lambda variable: variable).pattern)


def fill_wildcard_name(
    text: str, wildcards: Iterable[str], fill: Callable[[str], str], position: SourcePosition
) -> WildName:
    """Return the name of one call's files; ``fill`` returns the value of a text without wildcards."""
    names = set(wildcards)
    found = {part.name for part in parse_template(text).parts if isinstance(part, Variable)}
    for name in sorted(names):
        if not name.isidentifier():
            raise error_at(position, f"'{name}' cannot be a wildcard", hint="letters, digits and _")
        if name not in found:
            raise error_at(
                position, f"the file's name has no wildcard '{name}': {text}", hint=f"put ${{{name}}} into it"
            )
    return _wild_name(text, names.__contains__, fill)


def find_overlaps(files: Iterable[File], path_of: Callable[[File], str]) -> Iterator[tuple[File, File]]:
    """Yield pairs of files, one or both with wildcards, that might get one name; equal names are not reported."""
    ordered = sorted(((_until_wild(path_of(file)), path_of(file), file) for file in files), key=lambda entry: entry[:2])
    for number, (prefix, path, file) in enumerate(ordered):
        for other_prefix, other_path, other in ordered[number + 1 :]:
            if not other_prefix.startswith(prefix):
                break
            if (file.pattern or other.pattern) and path != other_path and _may_be_equal(path, other_path):
                yield file, other


def _wild_name(text: str, is_wild: Callable[[str], bool], fill: Callable[[str], str]) -> WildName:
    pattern, glob = [], []
    seen: set[str] = set()
    for part in parse_template(text).parts:
        if isinstance(part, Variable) and isinstance(part.name, str) and is_wild(part.name):
            pattern.append(_group(part.name, part.width, part.name in seen))
            glob.append("*")
            seen.add(part.name)
            continue
        piece = part if isinstance(part, str) else fill(text[part.start : part.end])
        pattern.append(re.escape(piece))
        glob.append(piece)
    return WildName("".join(pattern), "".join(glob))


def _group(name: str, width: int | None, again: bool) -> str:
    """Return the expression of one wildcard; zeros before a number with a width do not belong to its value."""
    value = r"(?s:.+?)" if width is None else r"[0-9]+"
    inside = f"(?P={name})" if again else f"(?P<{name}>{value})"
    return inside if width is None else f"(?=[0-9]{{{width}}})0*{inside}"


def _until_wild(path: str) -> str:
    """Return the path up to its first wildcard; the whole path if it has none."""
    before, star, _ = path.partition("*")
    return before if star else path


def _may_be_equal(one: str, two: str) -> bool:
    """Return whether some name fits both; ``*`` stands for one character or more."""

    @cache
    def meet(i: int, j: int) -> bool:
        if i == len(one) or j == len(two):
            return i == len(one) and j == len(two)
        first, second = one[i], two[j]
        if first == "*" == second:
            return meet(i + 1, j + 1) or meet(i + 1, j) or meet(i, j + 1)
        if first == "*":
            return second != "/" and (meet(i, j + 1) or meet(i + 1, j + 1))
        if second == "*":
            return first != "/" and (meet(i + 1, j) or meet(i + 1, j + 1))
        return first == second and meet(i + 1, j + 1)

    tails = [path.rpartition("*")[2][::-1] for path in (one, two)]
    end = min(map(len, tails))
    if tails[0][:end] != tails[1][:end]:
        return False
    begin = min(one.find("*") % (len(one) + 1), two.find("*") % (len(two) + 1))
    if one[:begin] != two[:begin]:
        return False
    return meet(begin, begin)
