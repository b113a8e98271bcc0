"""Directories of files: from a template and the values of a call to the path of a directory.

Most files of a module share their directories: each is made once, and found again by the value that tells it apart. See
the bar on planning 100,000 calls (benchmarks/plan.py); tests/plan/test_quick_names.py holds both ways equal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from framework.pipeline.text_template import ModuleScope, TextTemplate
from framework.plan.paths import check_path
from wcl import compile_format, is_plain

#: Directories that are cached.
MOST_CACHED = 10_000


class DirectoryNames:
    """Directories that a template gives."""

    def __init__(self, template: TextTemplate, scope: ModuleScope) -> None:
        self._template = template = scope.fill_shared(template)
        self._scope = scope.scope
        self._format = compile_format(template.text) if scope.loop is not None else None
        names = self._format.names if self._format else ()
        #: The directory, if there is only one.
        self._only: str | None = None
        #: The one name whose value tells directories apart, and the directories by its values.
        self._name = names[0] if len(names) == 1 else None
        self._by_value: dict[str | None, str] = {}
        #: Directories by the texts that the template gave.
        self._by_text: dict[str, str] = {}

    def fill(self, *layers: Mapping[str, str]) -> str:
        """Return the directory of a file with these values; of a name that several layers have, the first counts.

        Parts that optional variables leave empty are left out.
        """
        if self._only is not None:
            return self._only
        value = None
        if self._name is not None:
            for layer in layers:
                value = layer.get(self._name)
                if value is not None:
                    break
            directory = self._by_value.get(value)
            if directory is not None:
                return directory
        return self._fill_and_cache(_merge_layers(layers), value)

    def _fill_and_cache(self, values: Mapping[str, str], value: str | None) -> str:
        """Return the directory of some values, one of which may tell it apart."""
        text = self._format.fill(values.get) if self._format else None
        if text is None:
            return self._tidy(self._template.fill(self._scope.child(values)))
        directory = self._tidy(text)
        if self._format and not self._format.names:
            self._only = directory
        if value is not None and is_plain(value) and len(self._by_value) < MOST_CACHED:
            self._by_value[value] = directory
        return directory

    def _tidy(self, text: str) -> str:
        """Return a directory without empty parts."""
        directory = self._by_text.get(text)
        if directory is None:
            directory = check_path(self._template, re.sub(r"(?<=.)/+", "/", text).removesuffix("/"))
            if len(self._by_text) < MOST_CACHED:
                self._by_text[text] = directory
        return directory


def _merge_layers(layers: tuple[Mapping[str, str], ...]) -> Mapping[str, str]:
    """Return the values of all layers; of a name that several have, that of the first."""
    if len(layers) == 1:
        return layers[0]
    return {name: text for layer in reversed(layers) for name, text in layer.items()}
