"""Fixtures of the tests of WCL: files of DESDM, and the results of DESDM's own reader."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from wcl import Section
from wcl.errors import raise_errors
from wcl.tree import Tree
from wcl.yaml.reader import add_yaml

#: Texts, and what DESDM's own programs made of them.
ANSWERS = Path(__file__).parents[1] / "data" / "desdm"

settings.register_profile("wcl", deadline=None, max_examples=150)
settings.load_profile("wcl")


def read_yaml(text: str, name: str = "<text>") -> Section:
    """Return the tree of a YAML text."""
    tree = Tree()
    add_yaml(tree, text, name)
    raise_errors(tree.problems)
    return tree.root


@pytest.fixture(scope="session")
def oracle() -> Callable[[str], Any]:
    """Return a function that reads a file of results of DESDM's reader by its name."""
    return lambda name: json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def desdm(shared_data: Callable[[str], Path]) -> Path:
    """Return the directory of DESDM's own files."""
    return shared_data("desdm")


@pytest.fixture(scope="session")
def corpus_trees(desdm: Path) -> dict[str, Any]:
    """Return what DESDM's reader made of its files that are not templates, by their paths."""
    return dict(json.loads((desdm / "oracle" / "corpus_parsed.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def corpus(desdm: Path, corpus_trees: dict[str, Any]) -> dict[str, str]:
    """Return the texts of DESDM's files that are not templates, by their paths."""
    return {name: (desdm / "wcl_corpus" / name).read_text(encoding="utf-8") for name in corpus_trees}


@pytest.fixture
def a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return a function that writes a file into the test's directory, which is the current one."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    return write
