"""Everything that is wrong, or only odd, in a file, before anything runs."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from wcl.booleans import boolean
from wcl.errors import Place, Problem, Severity, WclError
from wcl.keys import FREE, KNOWN, Known, kind_of, known_in, stands_in
from wcl.quoting import Quoted
from wcl.reader import read_with_problems
from wcl.section import Section
from wcl.source_lines import line_at
from wcl.spelling import did_you_mean, nearest
from wcl.template import names_in, parse_template

_WORD = re.compile(r"[A-Za-z_][\w-]*")
_NONE: Mapping[str, str] = {}


def check(
    path: str | Path,
    known_keys: Mapping[str, Known] = KNOWN,
    *,
    overrides: Mapping[str, str] = _NONE,
    variables: Mapping[str, object] = _NONE,
    strict: bool = False,
    further: Iterable[Callable[[Section], Iterable[Problem]]] = (),
) -> list[Problem]:
    """All errors and warnings of a file and its includes, in their order; `strict` makes unknown keys errors.

    `further` checks know more than the language.
    """
    section, problems = read_with_problems(path, overrides=overrides, variables=variables)
    found = [*problems, *check_values(section, known_keys), *check_keys(section, known_keys, strict=strict)]
    found += [problem for each in further for problem in each(section)]
    return sorted(found, key=lambda problem: problem.place)


def check_values(section: Section, known: Mapping[str, Known] = KNOWN) -> Iterator[Problem]:
    """Booleans, numbers and mode words that say something else; what a line hides or throws away."""
    kind = kind_of(section)
    for key, value in section.items():
        if isinstance(value, Section):
            yield from check_values(value, known)
            continue
        entry = known.get(key)
        if entry and kind and stands_in(entry, kind) and "$" not in value:
            yield from _check_value(section, key, value, entry)
        yield from _check_line(section, key, value)


def _check_value(section: Section, key: str, value: str, entry: Known) -> Iterator[Problem]:
    if entry.kind == "boolean":
        try:
            boolean(value)
        except WclError as error:
            yield _at_value(section, key, value, error.problems[0].message, error.problems[0].hint)
    elif entry.kind == "integer" and not re.fullmatch(r"\s*[+-]?\d+\s*", value):
        yield _at_value(section, key, value, f"'{key}' wants a whole number, and is '{value}'")
    elif entry.kind == "mode" and not any(re.fullmatch(word, value.lower()) for word in entry.words):
        hint = did_you_mean(value, entry.words) or f"it is one of {', '.join(entry.words)}"
        yield _at_value(section, key, value, f"'{key}' cannot be '{value}'", hint)


def _check_line(section: Section, key: str, value: str) -> Iterator[Problem]:
    for place, old in section.replaced(key):
        if isinstance(old, Section):
            yield _at(section, key, f"'{key}' throws away the section of that name", f"opened at {place}", "warning")
    if not isinstance(value, Quoted) and _unclosed(value):
        yield _at_value(section, key, value, "a variable is never closed", "add the closing }", "warning")
    if isinstance(value, Quoted) and names_in(str(value)):
        hint = "single quotes keep blanks together on a command line and let it be filled in"
        yield _at(section, key, "a variable in double quotes is text", hint, "warning")
    if key.startswith("<"):
        yield _at(section, key, "this line is read as a key", "a section's mark stands on a line of its own", "warning")


def _unclosed(value: str) -> bool:
    """Whether `${` stands in the text without a name and an end."""
    depth = 0
    for mark in re.finditer(r"\$\$|\$\w*\{|\}", value):
        if mark[0] == "}":
            depth = max(depth - 1, 0)
        elif mark[0] != "$$":
            depth += 1
    return depth > 0


def check_keys(section: Section, known: Mapping[str, Known] = KNOWN, *, strict: bool = False) -> Iterator[Problem]:
    """Keys that nobody declares and nothing refers to: an error where they are nearly a known one."""
    referred = set(_referred(section, known))
    made = re.compile("|".join(sorted(set(_made_names(section)))) or "(?!)")
    for inside in _all_sections(section):
        kind = kind_of(inside)
        for key, value in inside.items():
            if isinstance(value, Section) or kind is None or key in referred or made.fullmatch(key):
                continue
            entry = known.get(key)
            if entry is None or not stands_in(entry, kind):
                yield _unknown(inside, key, kind, known, strict=strict)


def _unknown(section: Section, key: str, kind: str, known: Mapping[str, Known], *, strict: bool) -> Problem:
    close = nearest(key, known_in(known, kind))
    if close:
        return _at(section, key, f"unknown key '{key}'", f"did you mean '{close}'?")
    elsewhere = known.get(key)
    hint = f"it stands in sections of kind {', '.join(elsewhere.sections)}" if elsewhere else "nothing refers to it"
    return _at(section, key, f"unknown key '{key}'", hint, "error" if strict else "warning")


def _referred(section: Section, known: Mapping[str, Known]) -> Iterator[str]:
    """Names that variables use, and names in the values of keys that name others."""
    for key, value in section.items():
        if isinstance(value, Section):
            yield from _referred(value, known)
            continue
        yield from names_in(value)
        entry = known.get(key)
        if entry and entry.kind == "names":
            yield from (word.lower() for word in _WORD.findall(value))
        yield from (word.lower() for word in re.findall(r"\$\((\w+)\)", value))


def _made_names(section: Section) -> Iterator[str]:
    for value in section.values():
        if isinstance(value, Section):
            yield from _made_names(value)
        elif "$" in value and not isinstance(value, Quoted):
            yield from parse_template(value).made_names()


def _all_sections(section: Section) -> Iterable[Section]:
    yield section
    for name, inside in section.sections():
        if name not in FREE:
            yield from _all_sections(inside)


def _at(section: Section, key: str, message: str, hint: str, severity: Severity = "error") -> Problem:
    return _at_text(section.place(key), key, message, hint, severity)


def _at_value(
    section: Section, key: str, value: str, message: str, hint: str = "", severity: Severity = "error"
) -> Problem:
    return _at_text(section.place(key), value, message, hint, severity)


def _at_text(place: Place, text: str, message: str, hint: str, severity: Severity) -> Problem:
    """A problem with its caret under a text of the line; keys may be written in capitals there."""
    line = line_at(place)
    column = line.lower().find(text.lower()) if text else -1
    if column < 0:
        return Problem(place, message, line, 0, 0, hint, severity)
    return Problem(place, message, line, column, len(text), hint, severity)
