"""Metadata of files: from the keys of a filetype and the values of a call to what is recorded of a file.

Plain values are filled in by formats (quick), all others by ``expand`` (careful, with errors that name their place).
Expanding every value would break the bar on planning 100,000 calls (benchmarks/plan.py); tests/plan/test_quick_names.py
holds both ways equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from framework.pipeline.definition import NamingDefinition
from framework.pipeline.file_rules import FiletypeMetadata
from framework.pipeline.problems import error_at
from framework.pipeline.text_template import ModuleScope
from wcl import Format, Scope, compile_format, expand, expand_partially


class MetadataValues:
    """Metadata of the files of a definition."""

    def __init__(self, definition: NamingDefinition, filetype: FiletypeMetadata, scope: ModuleScope) -> None:
        self._definition = definition
        self._filetype = filetype
        self._scope = scope.scope
        self._loop = scope.loop
        #: True if the metadata are the values of the loop.
        self._is_loop = filetype.required is None and not filetype.optional

    def fill(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """Return the metadata of a file of the call with these values."""
        if self._is_loop and "$" not in "".join(values.values()):
            return values
        if self._formats is None:
            return self.expand(values)
        shared, formats = self._formats
        if not formats:
            return shared
        metadata = dict(shared)
        for key, form in formats:
            value = form.fill(values.get)
            if value is None:
                return self.expand(values)
            metadata[key] = value
        return metadata

    def expand(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the metadata by expanding each value; this is the careful way, which also reports errors."""
        scope = self._scope.child(values)
        position = self._definition.position
        required = tuple(values) if self._filetype.required is None else self._filetype.required
        metadata = {key: str(expand(self._find(scope, key), scope, position)) for key in required}
        for key in self._filetype.optional:
            try:
                metadata[key] = str(expand(scope.find(key), scope, position))
            except KeyError:
                continue
        return metadata

    @cached_property
    def _formats(self) -> tuple[dict[str, str], tuple[tuple[str, Format], ...]] | None:
        """Values that all files share, and formats of the others; None if a value is not plain."""
        if self._loop is None:
            return None
        required = tuple(self._loop) if self._filetype.required is None else self._filetype.required
        optional = [key for key in self._filetype.optional if key in self._loop or self._scope.look_up(key) is not None]
        shared: dict[str, str] = {}
        formats = []
        for key in (*required, *optional):
            form = compile_format(expand_partially(f"${{{key}}}", self._scope, self._loop.__contains__))
            if form is None:
                return None
            value = None if form.names else form.fill(shared.get)
            if value is None:
                formats.append((key, form))
            else:
                shared[key] = value
        return shared, tuple(formats)

    def _find(self, scope: Scope, key: str) -> str:
        try:
            return scope.find(key)
        except KeyError:
            raise error_at(
                self._definition.position,
                f"no value for the metadata key '{key}' of {self._definition.label}",
                hint="set it in the file's section, or take it out of filetype_metadata",
            ) from None
