"""Values for templates from YAML and JSON files: written as they are in the file, whatever they look like."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import yaml

#: Plain words with a meaning of their own, as YAML 1.2 has them; `yes`, `NO` and `on` are texts.
WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


def read_template_values(path: Path) -> dict[str, object]:
    """Return the names and values of a file.

    A plain number is a number only if Python writes it as the file does, so that `007`, `1.10`, `12:30:45` and `1_000`
    stay what they are. ValueError where it is no mapping or names a key twice, yaml.YAMLError where it is no YAML.
    """
    text = path.read_text(encoding="utf-8")
    values = _read_json(text) if path.suffix == ".json" else _read_yaml(text)
    if not isinstance(values, dict):
        raise ValueError("it holds no names with values")
    return values


def _read_json(text: str) -> object:
    return json.loads(text, parse_int=scalar, parse_float=scalar, parse_constant=str, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name} is given more than once")
        found[name] = value
    return found


def _read_yaml(text: str) -> object:
    root = yaml.compose(text, Loader=yaml.BaseLoader)
    return None if root is None else _Reader().value(root)


class _Reader:
    """Reader of nodes; one that has several names is read once."""

    def __init__(self) -> None:
        self._known: dict[int, object] = {}

    def value(self, node: yaml.Node) -> object:
        if id(node) not in self._known:
            self._known[id(node)] = None  # a node within itself
            self._known[id(node)] = self._read(node)
        return self._known[id(node)]

    def _read(self, node: yaml.Node) -> object:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each) for each in node.value]
        return scalar(node.value) if getattr(node, "style", None) is None else node.value

    def _mapping(self, node: yaml.MappingNode) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ValueError(f"line {key.start_mark.line + 1}: a name is a text")
            if key.value in found:
                raise ValueError(f"line {key.start_mark.line + 1}: {key.value} is given more than once")
            found[key.value] = self.value(value)
        return found


def scalar(text: str) -> object:
    """Return a plain scalar: a number that is written as Python writes it, a word with a meaning, or else the text."""
    if text in WORDS:
        return WORDS[text]
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            number = kind(text)
            if str(number) == text and text not in ("nan", "inf", "-inf"):
                return number
    return text
