"""The real files and the original's answers, and small things for the tests of the language."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from wcl import Section
from wcl.errors import raise_errors
from wcl.tree import Tree
from wcl.yaml_reader import add_yaml

SHARED = Path(__file__).parents[3] / "shared" / "data" / "desdm"

settings.register_profile("wcl", deadline=None, max_examples=150)
settings.load_profile("wcl")


def read_yaml(text: str, name: str = "<text>") -> Section:
    """Return the tree of a YAML text."""
    tree = Tree()
    add_yaml(tree, text, name)
    raise_errors(tree.problems)
    return tree.root


@pytest.fixture(scope="session")
def desdm() -> Path:
    """The folder of real data; where it is absent the test is skipped, or fails under FW_NO_SKIP."""
    if not SHARED.is_dir():
        reason = f"{SHARED} is not here"
        pytest.fail(reason) if os.environ.get("FW_NO_SKIP") else pytest.skip(reason)
    return SHARED


@pytest.fixture(scope="session")
def oracle(desdm: Path) -> Callable[[str], Any]:
    """What the original made of its inputs, by the name of the file."""
    return lambda name: json.loads((desdm / "oracle" / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def corpus(desdm: Path) -> dict[str, str]:
    """The texts of the real files that are no templates, by their path."""
    names = json.loads((desdm / "oracle" / "corpus_parsed.json").read_text(encoding="utf-8"))
    return {name: (desdm / "wcl_corpus" / name).read_text(encoding="utf-8") for name in names}


@pytest.fixture
def a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a file into the test's own folder, which is the current one, and gives its name."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return name

    return write
