"""The pages of docs/reference say what the code says, and leave nothing out."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from framework.pipeline.keys import KEYS
from tools.reference import environment, exit_codes, keys, queries, tables, verbs, wrappers
from tools.reference.pages import PAGES, page_text

ROOT = Path(__file__).parents[2]


def written(name: str) -> str:
    return (ROOT / "docs/reference" / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_the_code_has_it(name):
    assert written(name) == page_text(name), "run make docs"


def test_every_key_has_a_row_with_a_meaning():
    rows = re.findall(r"^\| `([^`]+)` \| .* \| .* \| (.+) \|$", written("keys"), re.M)
    assert {key for key, _ in rows} == KEYS.keys()
    assert all(meaning.strip() for _, meaning in rows)
    assert keys.undescribed_kinds() == set()


def test_every_verb_and_every_option_stands_in_the_page():
    page = written("verbs")
    for name, command in verbs.commands():
        section = page.partition(f"\n## fw {name}\n")[2].partition("\n## ")[0]
        options = {text for option in command.params if isinstance(option, click.Option) for text in option.opts}
        assert section, name
        assert {text for text in options if f"{text}" not in section} == set(), name


def test_every_table_and_column_is_explained():
    assert tables.uncommented() == []


def test_every_wrapper_and_query_has_its_section():
    assert (
        {path.stem for path in (ROOT / "wrappers").glob("[a-z]*.py")}
        == set(re.findall(r"^## (\w+)$", written("wrappers"), re.M))
        == set(wrappers.wrapper_names())
    )
    assert [path.stem for path in queries.query_files()] == re.findall(r"^## (\w+)$", written("queries"), re.M)


def test_every_variable_of_the_environment_is_explained():
    code = "".join(path.read_text() for part in ("framework", "wrappers") for path in (ROOT / part).rglob("*.py"))
    used = set(re.findall(r"\"(FW_[A-Z_]*[A-Z])\"", code))
    explained = {name for variables in environment.PARTS.values() for name in variables if name.startswith("FW_")}
    assert used - explained == {"FW_SECRET"}  # the beginning of the names of secrets
    assert {name for name in explained if name not in code} == set()


def test_every_exit_code_of_an_error_is_explained():
    import framework.errors

    codes = {kind.exit_code for kind in vars(framework.errors).values() if hasattr(kind, "exit_code")}
    assert codes | {0} == set(exit_codes.COMMANDS)
