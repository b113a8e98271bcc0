"""Values for templates are what their file says, letter by letter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.commands.shared.template_values import read_template_values, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("07", "07"), ("08", "08"), ("010", "010"), ("0010", "0010"), ("12:30:45", "12:30:45"), ("NO", "NO"),
        ("yes", "yes"), ("on", "on"), ("1_23", "1_23"), ("1.10", "1.10"), ("1e5", "1e5"), ("0x1F", "0x1F"),
        ("2026-12-01", "2026-12-01"), ("nan", "nan"), (".inf", ".inf"), ("+5", "+5"), ("5", 5), ("-5", -5),
        ("1.5", 1.5), ("true", True), ("false", False), ("null", None),
        ("'5'", "5"), ('"true"', "true"), ("text", "text"),
    ],
)  # fmt: skip
def test_a_value_is_what_the_file_says(tmp_path, text, value):
    path = tmp_path / "v.yaml"
    path.write_text(f"one: {text}\nmany: [{text}, {{inner: {text}}}]\n")
    found = read_template_values(path)
    assert found == {"one": value, "many": [value, {"inner": value}]}
    assert type(found["one"]) is type(value)


@given(st.text(alphabet="0123456789.+-eE_:xX", min_size=1))
def test_a_plain_scalar_is_written_as_it_was_read(text):
    assert str(scalar(text)) == text


@given(st.dictionaries(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1), st.text()))
def test_texts_of_a_json_file_are_texts(tmp_path_factory, values):
    path: Path = tmp_path_factory.getbasetemp() / "values.json"
    path.write_text(json.dumps(values))
    assert read_template_values(path) == values


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: a is given more than once"),
        ("[1, 2]\n", "it holds no names with values"),
        ("", "it holds no names with values"),
        ("? [a, b]\n: 1\n", "line 1: a name is a text"),
        ("a: [1\n", "while parsing a flow sequence"),
        ("a: " + "[" * 3000 + "\n", "cannot be read"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused_with_its_line(fw_here, a_pipeline, tmp_path, text, reason):
    (tmp_path / "v.yaml").write_text(text)
    said = fw_here("check", a_pipeline(), "--vars", tmp_path / "v.yaml")
    assert (said.status, reason in said.err, "Traceback" in said.err) == (2, True, False), said.err
