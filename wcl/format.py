"""Formats: a text of plain variables, compiled once and filled in from plain values."""

from collections.abc import Callable

from wcl.expansion import MOST_DIGITS
from wcl.quoting import Quoted
from wcl.template import Variable, parse_template

#: How many values of a variable are remembered with what they become in the text.
MOST_KNOWN = 4096
#: Values by their names; None for a name that has none.
Get = Callable[[str], str | None]


class Format:
    """What `expand` and `expand_all` would make of a text, where all is plain."""

    __slots__ = ("_pattern", "_slots", "names")

    def __init__(self, pattern: str, slots: list[tuple[str, int | None]]) -> None:
        #: The names of its variables, in lower case, as they stand.
        self.names = tuple(name for name, _ in slots)
        self._pattern = pattern
        #: For each variable its name, the digits it wants, and what values that are plain in any case become.
        self._slots: list[tuple[str, int | None, dict[str | None, str]]] = [(*slot, {}) for slot in slots]

    def fill(self, get: Get) -> str | None:
        """The text with the values of its names; None where one is missing or not plain, and `expand` has to say."""
        texts = [known.get(get(name)) for name, _, known in self._slots]
        if None in texts:
            for at, (name, width, known) in enumerate(self._slots):
                texts[at] = texts[at] or _plain(get(name), width, known)
            if None in texts:
                return None
        return self._pattern % tuple(texts)

    def fill_word(self, quoted: Get, get: Get) -> str | None:
        """The text as one word of a command line, as `words` would make it; None where only that can say.

        The values that ``quoted`` gives are taken as quoted ones.
        """
        texts = []
        for name, width, known in self._slots:
            text = quoted(name)
            if text is None:
                text = get(name)
                if text is None or not (text.__class__ is Quoted or text.isalnum()):
                    return None
            if width is not None:
                text = _plain(text, width, known)
            if text is None or "$" in text:
                return None
            texts.append(text)
        return texts[0] if self._pattern == "%s" else self._pattern % tuple(texts)


def compiled(text: str) -> Format | None:
    """The text as a format; None where it holds more than text and plain variables, or is quoted."""
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
    """Whether a value is text, quoted or not: no expression of the language, and no list."""
    return not ("$" in value or "," in value or value[:1] == "(")


def as_text(value: str) -> str:
    """A value that is known already, as one that is never expanded or split whatever it holds."""
    return value if is_plain(value) else Quoted(value)


def _plain(value: str | None, width: int | None, known: dict[str | None, str]) -> str | None:
    """What a value becomes in the text; None where it is not plain."""
    if value is None or not (isinstance(value, Quoted) or is_plain(value)):
        return None
    text = str(value) if width is None else _padded(value, width)
    if text is not None and is_plain(value) and len(known) < MOST_KNOWN:
        known[value] = text
    return text


def _padded(value: str, width: int) -> str | None:
    if not (value.isdecimal() and value.isascii()) or len(value) > MOST_DIGITS:
        return None
    return value.zfill(width) if value[0] != "0" else f"{int(value):0{width}}"
