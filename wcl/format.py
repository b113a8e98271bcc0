"""Formats: a text of plain variables, compiled once and filled in many times from plain values.

This is the quick way for names and command lines of calls, where the general way (`expand`, `split_command`) would
take most of a plan's time: see the bars on planning 100,000 calls (benchmarks/plan.py). A format never differs from the
general way; for anything that is not plain it returns None. tests/wcl/test_format.py holds both ways equal.
"""

from collections.abc import Callable

from wcl.expansion import pad_plain
from wcl.quoting import Quoted
from wcl.template import Variable, parse_template

#: Values of one variable that are cached with their texts.
MOST_CACHED = 4096
#: A function that returns the value of a name, or None.
Get = Callable[[str], str | None]


class Format:
    """A compiled text of plain variables."""

    __slots__ = ("_pattern", "_slots", "names")

    def __init__(self, pattern: str, slots: list[tuple[str, int | None]]) -> None:
        #: Names of its variables, in lower case, in the order of the text.
        self.names = tuple(name for name, _ in slots)
        self._pattern = pattern
        #: For each variable its name, its width, and a cache of the texts of its plain values.
        self._slots: list[tuple[str, int | None, dict[str | None, str]]] = [(*slot, {}) for slot in slots]

    def fill(self, get: Get) -> str | None:
        """Return the text with its values filled in; None if one is missing or not plain, and `expand` is needed."""
        texts = [cache.get(get(name)) for name, _, cache in self._slots]
        if None in texts:
            for index, (name, width, cache) in enumerate(self._slots):
                texts[index] = texts[index] or _plain_text(get(name), width, cache)
            if None in texts:
                return None
        return self._pattern % tuple(texts)

    def fill_word(self, quoted: Get, get: Get) -> str | None:
        """Return the text as one word of a command line; None if it is not plain, and `split_command` is needed.

        The values that ``quoted`` returns are taken as quoted ones.
        """
        texts = []
        for name, width, cache in self._slots:
            text = quoted(name)
            if text is None:
                text = get(name)
                if text is None or not (text.__class__ is Quoted or text.isalnum()):
                    return None
            if width is not None:
                text = _plain_text(text, width, cache)
            if text is None or "$" in text:
                return None
            texts.append(text)
        return texts[0] if self._pattern == "%s" else self._pattern % tuple(texts)


def compile_format(text: str) -> Format | None:
    """Return a text as a format; None if it is quoted, or holds more than text and plain variables."""
    if isinstance(text, Quoted):
        return None
    pattern = []
    slots = []
    for part in parse_template(text).parts:
        if isinstance(part, str):
            pattern.append(part.replace("%", "%%"))
            continue
        if not isinstance(part, Variable) or part.fault or not isinstance(part.name, str):
            return None
        slots.append((part.name, part.width))
        pattern.append("%s")
    return Format("".join(pattern), slots)


def is_plain(value: str) -> bool:
    """Return whether a value is plain text, neither an expression of the language nor a list."""
    return not ("$" in value or "," in value or value[:1] == "(")


def as_literal(value: str) -> str:
    """Return a value as one that is never expanded or split; quoted if it would be."""
    return value if is_plain(value) else Quoted(value)


def _plain_text(value: str | None, width: int | None, cache: dict[str | None, str]) -> str | None:
    """Return the text of a value, padded to the width; None if it is not plain."""
    if value is None or not (isinstance(value, Quoted) or is_plain(value)):
        return None
    text = str(value) if width is None else pad_plain(value, width)
    if text is not None and is_plain(value) and len(cache) < MOST_CACHED:
        cache[value] = text
    return text
