"""Checks of a configuration: errors and warnings of a file, before anything runs."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from wcl.booleans import parse_boolean
from wcl.errors import Problem, Severity, SourcePosition, WclError
from wcl.keys.declarations import FREE_SECTIONS, KeyDeclaration, allowed_keys, is_allowed_in, section_kind
from wcl.quoting import Quoted
from wcl.reader import read_with_problems
from wcl.section import Section
from wcl.source_lines import line_at
from wcl.spelling import did_you_mean, suggest
from wcl.template import parse_template, variable_names

_WORD = re.compile(r"[A-Za-z_][\w-]*")
_NONE: Mapping[str, str] = {}


def check_file(
    path: str | Path,
    known_keys: Mapping[str, KeyDeclaration],
    *,
    overrides: Mapping[str, str] = _NONE,
    variables: Mapping[str, object] = _NONE,
    strict: bool = False,
    further: Iterable[Callable[[Section], Iterable[Problem]]] = (),
) -> list[Problem]:
    """Return all errors and warnings of a file and its includes, sorted by position.

    `strict` makes unknown keys errors. `further` are checks of the tree that the language alone cannot make.
    """
    section, problems = read_with_problems(path, overrides=overrides, variables=variables)
    problems += [*check_values(section, known_keys), *check_keys(section, known_keys, strict=strict)]
    problems += [problem for find_problems in further for problem in find_problems(section)]
    return sorted(problems, key=lambda problem: problem.position)


def check_values(section: Section, known: Mapping[str, KeyDeclaration]) -> Iterator[Problem]:
    """Find values that their key cannot have, and lines that are legal but probably not what was meant."""
    kind = section_kind(section)
    for key, value in section.items():
        if isinstance(value, Section):
            yield from check_values(value, known)
            continue
        entry = known.get(key)
        if entry and kind and is_allowed_in(entry, kind) and "$" not in value:
            yield from _check_value(section, key, value, entry)
        yield from _check_line(section, key, value)


def _check_value(section: Section, key: str, value: str, entry: KeyDeclaration) -> Iterator[Problem]:
    if entry.kind == "boolean":
        try:
            parse_boolean(value)
        except WclError as error:
            yield _problem_at_value(section, key, value, error.problems[0].message, error.problems[0].hint)
    elif entry.kind == "integer" and not re.fullmatch(r"\s*[+-]?\d+\s*", value):
        yield _problem_at_value(section, key, value, f"'{key}' must be a whole number, not '{value}'")
    elif entry.kind == "mode" and not any(re.fullmatch(word, value.lower()) for word in entry.choices):
        hint = did_you_mean(value, entry.choices) or f"it is one of {', '.join(entry.choices)}"
        yield _problem_at_value(section, key, value, f"'{key}' cannot be '{value}'", hint)


def _check_line(section: Section, key: str, value: str) -> Iterator[Problem]:
    for position, old in section.replaced_values(key):
        if isinstance(old, Section):
            yield _problem_at_key(
                section, key, f"'{key}' replaces the section of that name", f"opened at {position}", "warning"
            )
    if not isinstance(value, Quoted) and _has_unclosed_variable(value):
        yield _problem_at_value(section, key, value, "a variable is never closed", "add the closing }", "warning")
    if isinstance(value, Quoted) and variable_names(str(value)):
        hint = "single quotes keep blanks together on a command line and let it be filled in"
        yield _problem_at_key(section, key, "a variable in double quotes is text", hint, "warning")
    if key.startswith("<"):
        yield _problem_at_key(
            section, key, "this line is read as a key", "a section's mark stands on a line of its own", "warning"
        )


def _has_unclosed_variable(value: str) -> bool:
    """Return whether a variable in the text has no closing brace."""
    depth = 0
    for mark in re.finditer(r"\$\$|\$\w*\{|\}", value):
        if mark[0] == "}":
            depth = max(depth - 1, 0)
        elif mark[0] != "$$":
            depth += 1
    return depth > 0


def check_keys(section: Section, known: Mapping[str, KeyDeclaration], *, strict: bool = False) -> Iterator[Problem]:
    """Find keys that are not declared and that nothing refers to: an error if a known key is spelt nearly so."""
    referenced = set(_referenced_names(section, known))
    computed = re.compile("|".join(sorted(set(_computed_names(section)))) or "(?!)")
    for inside in _all_sections(section):
        kind = section_kind(inside)
        for key, value in inside.items():
            if isinstance(value, Section) or kind is None or key in referenced or computed.fullmatch(key):
                continue
            entry = known.get(key)
            if entry is None or not is_allowed_in(entry, kind):
                yield _unknown_key(inside, key, kind, known, strict=strict)


def _unknown_key(
    section: Section, key: str, kind: str, known: Mapping[str, KeyDeclaration], *, strict: bool
) -> Problem:
    close = suggest(key, allowed_keys(known, kind))
    if close:
        return _problem_at_key(section, key, f"unknown key '{key}'", f"did you mean '{close}'?")
    elsewhere = known.get(key)
    hint = f"it stands in sections of kind {', '.join(elsewhere.sections)}" if elsewhere else "nothing refers to it"
    return _problem_at_key(section, key, f"unknown key '{key}'", hint, "error" if strict else "warning")


def _referenced_names(section: Section, known: Mapping[str, KeyDeclaration]) -> Iterator[str]:
    """Find the names of variables, and the names in the values of keys of the kind `names`."""
    for key, value in section.items():
        if isinstance(value, Section):
            yield from _referenced_names(value, known)
            continue
        yield from variable_names(value)
        entry = known.get(key)
        if entry and entry.kind == "names":
            yield from (word.lower() for word in _WORD.findall(value))
        yield from (word.lower() for word in re.findall(r"\$\((\w+)\)", value))


def _computed_names(section: Section) -> Iterator[str]:
    """Find patterns of the names that are computed from variables, as `rms_.*` of `${rms_${band}}`."""
    for value in section.values():
        if isinstance(value, Section):
            yield from _computed_names(value)
        elif "$" in value and not isinstance(value, Quoted):
            yield from parse_template(value).computed_names()


def _all_sections(section: Section) -> Iterable[Section]:
    yield section
    for name, inside in section.sections():
        if name not in FREE_SECTIONS:
            yield from _all_sections(inside)


def _problem_at_key(section: Section, key: str, message: str, hint: str, severity: Severity = "error") -> Problem:
    return _problem_at_text(section.position(key), key, message, hint, severity)


def _problem_at_value(
    section: Section, key: str, value: str, message: str, hint: str = "", severity: Severity = "error"
) -> Problem:
    return _problem_at_text(section.position(key), value, message, hint, severity)


def _problem_at_text(position: SourcePosition, text: str, message: str, hint: str, severity: Severity) -> Problem:
    """Return a problem with its caret under a text of the line, in capitals or not."""
    line = line_at(position)
    column = line.lower().find(text.lower()) if text else -1
    if column < 0:
        return Problem(position, message, line, 0, 0, hint, severity)
    return Problem(position, message, line, column, len(text), hint, severity)
