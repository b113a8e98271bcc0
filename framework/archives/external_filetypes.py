"""Filetypes: how files that come from outside are told apart, and what is recorded of each.

A filetype is a section of ``filetype_metadata``:

``filename``    the pattern that its files' names fit, variables in the place of values: ``HSC-${visit:7}.fits``
``ops``         its directory in the archive, made from what is recorded
``hdus``        which values are recorded, in the original's form: ``hdus.<hdu>.<r|o>.<h|f|c|w> { key = column }``:
                required or optional, from the header, the name, computed by the plug-in, or of the configuration;
                ``<hdu>`` is ``primary``, a number from 0, or the name in EXTNAME
``plugin``      a family whose ``pipelines/<family>/filetypes.py`` computes values: ``func_<key>(header, values)``
``metadata``, ``optional_metadata``  what is recorded of files that runs make, by the names of values
``searchable``  the keys by which its files are found with an index

The section ``metadata_type`` says which keys are ``integer``, ``real`` or ``boolean``; the others are ``text``.
``file_groups`` are keys by which the files of all types are asked for together.
"""

from __future__ import annotations

import importlib
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from framework.errors import FrameworkError
from framework.pipeline.problems import error_at
from framework.pipeline.section_values import read_names
from framework.pipeline.wildcards import name_pattern
from framework.registry.schema.filetype_views import NAME, Declaration, Key
from framework.registry.schema.metadata_sql import KEY, TYPES
from framework.worker.files.fits_headers import FitsError, QuotedText, header_values, headers
from wcl import Quoted, Scope, Section, SourcePosition, expand

SOURCES = ("f", "h", "w", "c")
#: Integers of databases have 64 bits.
MOST_INTEGER = 1 << 63
#: Numbers as headers write them.
_DIGITS = re.compile(r"[0-9]+")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_REAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[ED][+-]?[0-9]+)?", re.IGNORECASE)


class UnclassifiedFileError(FrameworkError):
    """A file fits no filetype, or several."""


class MissingMetadataError(UnclassifiedFileError):
    """A required value of a file's metadata is missing or cannot be computed."""


@dataclass(frozen=True)
class MetadataRule:
    """One value that is recorded."""

    #: Which part of the file: ``primary``, a number, or its name.
    hdu: str
    key: str
    column: str
    #: f name, h header, w configuration, c computed.
    source: str
    required: bool


class ExternalFiletype:
    """One kind of files from outside."""

    def __init__(self, name: str, section: Section, pipeline: Section) -> None:
        self.name = name
        self._section = section
        self._pipeline = pipeline
        self._pattern = name_pattern(section.text("filename"))
        self._rules = list(_rules(section))
        self._computed = _plugin(section)

    def fits(self, filename: str) -> bool:
        return self._pattern.fullmatch(filename) is not None

    def gather(self, path: str) -> dict[str, object]:
        """What is recorded of a file; UnclassifiedFileError where something required is missing."""
        named = self._pattern.fullmatch(os.path.basename(path))
        in_name = {} if named is None else named.groupdict()
        parts = _headers(path) if any(rule.source in "hc" for rule in self._rules) else {}
        found: dict[str, object] = {}
        for rule in sorted(self._rules, key=lambda rule: SOURCES.index(rule.source)):
            value = self._value(rule, in_name, parts.get(rule.hdu, {}), found)
            if value is not None:
                found[rule.column] = value
            elif rule.required:
                raise MissingMetadataError(f"{path}: no value for '{rule.key}' of a {self.name}")
        return found

    def directory(self, metadata: Mapping[str, object]) -> str:
        """Where a file of this kind lies in the archive."""
        # What a file says of itself is text, in which nothing is expanded.
        values = {key: Quoted(str(value)) for key, value in metadata.items()}
        scope = Scope(values, self._section, root=self._pipeline)
        return expand(self._section.text("ops"), scope, self._section.position("ops")).strip("/")

    def _value(
        self, rule: MetadataRule, in_name: Mapping[str, str], header: Mapping[str, str], found: Mapping[str, object]
    ) -> object:
        if rule.source == "f":
            return value_in_name(in_name[rule.key]) if rule.key in in_name else None
        if rule.source == "h":
            return value_in_header(header[rule.key.upper()]) if rule.key.upper() in header else None
        if rule.source == "w":
            value = self._pipeline.get(rule.key)
            return value if isinstance(value, str) else None
        function = self._computed.get(f"func_{rule.key}")
        if function is None:
            raise error_at(self._section.opened_position, f"the plug-in of {self.name} computes no '{rule.key}'")
        try:
            return storable(function(header, dict(found)))
        except Exception as error:
            # A plug-in may fail in any way on the header of one file: the others go on.
            reason = f"{type(error).__name__}: {error}"
            raise MissingMetadataError(f"'{rule.key}' of a {self.name} cannot be computed: {reason}") from error


def filetypes(pipeline: Section) -> list[ExternalFiletype]:
    """The kinds that say how their files are named."""
    found = []
    for name, section in pipeline.section("filetype_metadata").sections():
        if "filename" in section:
            if "ops" not in section:
                raise error_at(
                    section.opened_position, f"nothing says where a {name} lies in the archive", "give it ops"
                )
            found.append(ExternalFiletype(name, section, pipeline))
    return found


def value_in_name(text: str) -> object:
    """Return a part of a file's name: a number where it is digits only, else the text."""
    return storable(int(text)) if _DIGITS.fullmatch(text) else text


def value_in_header(text: str) -> object:
    """Return the value of a card, by the FITS standard 4.0, section 4.2; None for one that is undefined or blank.

    A text in quotes is a text, whatever it looks like. What is neither a number nor a truth value stays a text.
    """
    is_text, text = isinstance(text, QuotedText), text.partition("\0")[0].rstrip()
    if not text:
        return None
    if is_text:
        return text
    if text in ("T", "F"):
        return text == "T"
    if _INTEGER.fullmatch(text):
        value = storable(int(text))
    elif _REAL.fullmatch(text):
        value = storable(float(text.upper().replace("D", "E")))
    else:
        value = None
    return text if value is None else value


def storable(value: object) -> object:
    """Return a value that the registry can hold; None for a number that is none (NaN) or too large for a database."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < MOST_INTEGER else None
    return value.partition("\0")[0] if isinstance(value, str) else value


def _rules(section: Section) -> Iterator[MetadataRule]:
    for name, hdu in section.section("hdus").sections():
        for status, by_source in hdu.sections():
            for source, keys in by_source.sections():
                if status not in ("r", "o") or source not in SOURCES:
                    hint = "r or o, and in it f, h, w or c"
                    raise error_at(
                        keys.opened_position, f"'{status}.{source}' says not where the values come from", hint
                    )
                for key in keys:
                    yield MetadataRule(name, key, keys.text(key), source, status == "r")


def _plugin(section: Section) -> Mapping[str, Callable[..., object]]:
    """The functions of the filetype's plug-in: code that ships, found by its family's name."""
    family = section.text("plugin", "")
    if not family:
        return {}
    if not family.isidentifier():
        raise error_at(section.position("plugin"), f"'{family}' is no family of pipelines")
    try:
        module = importlib.import_module(f"pipelines.{family}.filetypes")
    except ImportError as error:
        raise error_at(section.position("plugin"), f"the plug-in cannot be imported: {error}") from error
    return {name: value for name, value in vars(module).items() if name.startswith("func_") and callable(value)}


def _headers(path: str) -> dict[str, dict[str, str]]:
    """The headers of a file, each by its number and its name; the first of a name counts."""
    found: dict[str, dict[str, str]] = {}
    try:
        for number, cards in enumerate(headers(path)):
            values = header_values(cards)
            found[str(number)] = values
            found.setdefault("primary" if number == 0 else values.get("EXTNAME", str(number)).lower(), values)
    except FitsError as error:
        raise MissingMetadataError(str(error)) from error
    return found


# ---------------------------------------------------------------- what the registry is told of them


def declarations(pipeline: Section) -> list[Declaration]:
    """Every filetype as the registry has it; WclError where one cannot be a view with columns."""
    types = pipeline.section("metadata_type")
    for key in types:
        if types.text(key) not in TYPES:
            raise error_at(
                types.position(key), f"'{key}' cannot be '{types.text(key)}'", f"it is one of {', '.join(TYPES)}"
            )
    found = []
    for name, section in pipeline.section("filetype_metadata").sections():
        if not NAME.fullmatch(name):
            raise error_at(
                section.opened_position, f"'{name}' cannot be a filetype's name", "letters, digits, _ - and ."
            )
        found.append(Declaration(name, section.text("description", "") or None, _keys(section, types)))
    return found


def groups(pipeline: Section) -> tuple[str, ...]:
    """The keys by which the files of all types are asked for together."""
    names = read_names(pipeline, "file_groups")
    _check_keys(names, pipeline.position("file_groups") if names else pipeline.opened_position)
    return names


def _keys(section: Section, types: Section) -> tuple[Key, ...]:
    """The keys that are recorded, those that every file has first."""
    required = dict.fromkeys(read_names(section, "metadata"), True)
    keys = {**required, **dict.fromkeys(read_names(section, "optional_metadata"), False)}
    for rule in _rules(section):
        keys[rule.column] = keys.get(rule.column, False) or rule.required
    searchable = read_names(section, "searchable")
    for key in searchable:
        keys.setdefault(key, False)
    _check_keys(keys, section.opened_position)
    return tuple(Key(key, types.text(key, "text"), key in searchable, keys[key]) for key in keys)


def _check_keys(names: Iterable[str], position: SourcePosition) -> None:
    for name in names:
        if not KEY.fullmatch(name):
            raise error_at(position, f"'{name}' cannot be a metadata key", "letters, digits, _ - and ., at most 32")
