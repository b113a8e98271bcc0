"""Two files that should be the same: bit by bit, or by what they say."""

from __future__ import annotations

import gzip
import json
import math

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework.pipeline.comparison_rules import Rules, Tolerance
from framework.runs.verification.compare import compare_files

NEAR = Rules(tolerance=Tolerance(relative=1e-3))


@pytest.fixture
def both(tmp_path):
    """Writes two files and compares them: the verdict and its words."""

    def write(name, old, new, rules=Rules(), save=lambda path, value: path.write_bytes(value)):  # noqa: B008
        paths = [tmp_path / side / name for side in ("old", "new")]
        for path, value in zip(paths, (old, new), strict=True):
            path.parent.mkdir(exist_ok=True)
            save(path, value)
        verdict = compare_files(paths[0], paths[1], rules)
        return verdict.kind, verdict.words

    return write


# ---------------------------------------------------------------- FITS


def image(value=1.0, name="SCI", **cards):
    primary = fits.PrimaryHDU()
    science = fits.ImageHDU(np.full((4, 5), 2.0, "f4"), name=name)
    science.data[1, 2] = value
    science.header.update(cards)
    return fits.HDUList([primary, science])


def save_fits(path, units):
    units.writeto(path, overwrite=True, checksum=True)


@pytest.mark.parametrize(
    ("old", "new", "rules", "kind", "words"),
    [
        (image(DATE="2026-01-01"), image(DATE="2026-02-02"), Rules(), "volatile", "HDU 1 (SCI): CHECKSUM, DATE"),
        (image(HOST="a"), image(HOST="b"), Rules(frozenset({"HOST"})), "volatile", "HDU 1 (SCI): CHECKSUM, HOST"),
        (image(HOST="a"), image(HOST="b"), Rules(), "different", "HDU 1 (SCI): card HOST is 'b', was 'a'"),
        (image(A=1), image(), Rules(), "different", "HDU 1 (SCI): card A is gone, was 1"),
        (image(), image(A=1), Rules(), "different", "HDU 1 (SCI): card A is new: 1"),
        (image(1.0), image(1.5), NEAR, "different",
         "HDU 1 (SCI): 1 of 20 values differ; pixel (3, 2) is 1.5, was 1.0"),
        (image(math.nan), image(1.0), NEAR, "different",
         "HDU 1 (SCI): 1 of 20 values differ; pixel (3, 2) is 1.0, was nan"),
        (image(), fits.HDUList([*image(), fits.ImageHDU()]), Rules(), "different", "it has 3 data units, had 2"),
    ],
)  # fmt: skip
def test_fits_is_compared_by_data_unit(both, old, new, rules, kind, words):
    assert both("a.fits", old, new, rules, save_fits) == (kind, words)


def test_fits_may_be_written_in_another_order_of_cards_and_nan_equals_itself(both):
    def said(old, new):
        return both("a.fits", old, new, save=lambda path, units: units.writeto(path, overwrite=True))

    assert said(image(math.nan), image(math.nan)) == ("identical", "")
    assert said(image(A=1, B=2), image(B=2, A=1)) == ("close", "HDU 1 (SCI): the cards stand in another order")


def test_pixels_may_differ_within_the_tolerance_of_their_extension(both):
    rules = Rules(columns={"SCI": Tolerance(absolute=0.01)})
    kind, words = both("a.fits", image(1.0), image(1.0078125), rules, save_fits)
    assert kind == "close"
    assert words.startswith("HDU 1 (SCI): 1 of 20 values differ by at most 0.00781, within its tolerance")
    assert both("a.fits", image(1.0, "VAR"), image(1.0078125, "VAR"), rules, save_fits)[0] == "different"


def table(**columns):
    formats = {"id": "K", "flux": "D", "name": "8A", "spectrum": "PD()"}
    made = [fits.Column(key, formats[key], array=value) for key, value in columns.items()]
    return fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(made, name="CAT")])


def test_tables_are_compared_by_column(both):
    def said(old, new, rules=Rules()):  # noqa: B008
        return both("a.fits", table(**old), table(**new), rules, save_fits)

    flux = Rules(columns={"FLUX": Tolerance(relative=1e-3)})
    assert said({"flux": [1.0, 2.0]}, {"flux": [1.0, 2.001]}, flux)[0] == "close"
    assert said({"flux": [1.0, 2.0]}, {"flux": [1.0, 2.1]}, flux) == (
        "different",
        "HDU 1 (CAT): column flux: 1 of 2 values differ; row 2 is 2.1, was 2.0",
    )
    assert said({"id": [1, 2**60]}, {"id": [1, 2**60 + 1]})[0] == "different"
    assert said({"name": ["a", "b"]}, {"name": ["a", "c"]})[1].endswith("row 2 is 'c', was 'b'")
    ragged = [np.array([[1.0], [1.0, value]], dtype=object) for value in (2.0, 3.0)]
    assert said({"spectrum": ragged[0]}, {"spectrum": ragged[1]})[0] == "different"
    assert said({"name": ["a"]}, {"name": ["b"]}, Rules(frozenset({"NAME"})))[0] == "volatile"


def test_a_file_that_is_no_whole_fits_is_compared_by_byte(both):
    kind, words = both("a.fits", b"SIMPLE  =\0", b"SIMPLE  =\0T")
    assert kind == "different"
    assert words.startswith("it has 11 bytes, was 10")


# ---------------------------------------------------------------- tables, JSON, text, bytes


def test_parquet_is_compared_by_column(both):
    def said(old, new, rules=Rules()):  # noqa: B008
        return both("a.parquet", pd.DataFrame(old), pd.DataFrame(new), rules, lambda path, t: t.to_parquet(path))

    assert said({"x": [1.0]}, {"x": [1.0]})[0] == "identical"
    assert said({"x": [1.0]}, {"x": [1.0005]}, NEAR)[0] == "close"
    assert said({"x": [1.0, 2.0]}, {"x": [1.0, 2.5]}, NEAR) == (
        "different", "column x: 1 of 2 values differ; row 2 is 2.5, was 2.0"
    )  # fmt: skip
    assert said({"x": [1]}, {"y": [1]})[1] == "its columns are ['y'], were ['x']"
    assert said({"x": [1]}, {"x": [1.0]})[1] == "column x is of type double, was int64"
    assert said({"x": ["a", None]}, {"x": ["a", "b"]})[1] == "column x: row 2 is 'b', was None"
    assert said({"x": [[1.0, math.nan]]}, {"x": [[1.0, math.nan]]})[0] == "identical"
    assert said({"t": ["a"], "x": [1]}, {"t": ["b"], "x": [1]}, Rules(frozenset({"T"})))[0] == "volatile"


def test_parquet_that_only_was_written_otherwise_is_close(both):
    one = pd.DataFrame({"x": range(1000)})
    said = both("a.parquet", "gzip", "snappy", save=lambda path, way: one.to_parquet(path, compression=way))
    assert said == ("close", "the same values, written otherwise")


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ("a,b\n1,x\n", "a,b\n1.0,x\n", "close", "the same values, written otherwise"),
        ("a,b\n1,x\n", "a,b\n1.0001,x\n", "close", "column a: 1 of 1 values differ by at most 0.0001, within"),
        ("a,b\n1,x\n", "a,b\n2,x\n", "different", "column a: 1 of 1 values differ; row 1 is 2, was 1"),
        ("a,b\n1,x\n", "a,b\n1,y\n", "different", "column b: 1 of 1 values differ; row 1 is 'y', was 'x'"),
        ("a\n\n1\n", "a\n1\n1\n", "different", "it has 2 rows, had 1"),
        ("a,b\n1,x\n", "a,c\n1,x\n", "different", "its columns are ['a', 'c'], were ['a', 'b']"),
        ("a,b\n,1\n", "a,b\nnan,1\n", "different", "column a: 1 of 1 values differ; row 1 is 'nan', was ''"),
    ],
)  # fmt: skip
def test_csv_is_compared_by_column(both, old, new, kind, words):
    said = both("a.csv", old.encode(), new.encode(), NEAR)
    assert said[0] == kind
    assert said[1].startswith(words)


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "close", "the same values, written otherwise"),
        ({"a": {"x": [1.0]}}, {"a": {"x": [1.0001]}}, "close", "a.x[0] is 1.0001, was 1.0, within its tolerance"),
        ({"a": {"x": [1.0]}}, {"a": {"x": [2.0]}}, "different", "a.x[0] is 2.0, was 1.0"),
        ({"a": 1}, {"a": True}, "different", "a is True, was 1"),
        ({"a": [1]}, {"a": [1, 2]}, "different", "a has 2 values, had 1"),
        ({"a": 1}, {}, "different", "a is gone, was 1"),
        ({"when": 1}, {"when": 2}, "volatile", "when differs"),
        ([math.nan, 1], [math.nan, 2], "different", "[1] is 2, was 1"),
    ],
)
def test_json_is_compared_by_value(both, old, new, kind, words):
    rules = Rules(frozenset({"WHEN"}), Tolerance(relative=1e-3))
    assert both("a.json", old, new, rules, lambda path, value: path.write_text(json.dumps(value))) == (kind, words)


def test_text_is_compared_by_line_and_other_files_by_byte(both):
    assert both("a.txt", b"a\nb\n", b"a\nc\n") == ("different", "line 2 is 'c\\n', was 'b\\n'")
    assert both("a.txt", b"a\nb\n", b"a\n") == ("different", "it ends before line 2, which was 'b\\n'")
    assert both("a.bin", b"\0\1\2", b"\0\1\3") == ("different", "the first byte that differs is number 3 of 3")
    assert both("a.json", b"{", b"{ ")[0] == "different"


def test_what_gzip_packed_is_compared_inside(both):
    packed = [gzip.compress(b"a\n", mtime=when) for when in (1, 2)]
    assert both("a.txt.gz", *packed) == ("volatile", "packed otherwise, the same inside")
    assert both("a.txt.gz", packed[0], gzip.compress(b"b\n")) == ("different", "line 1 is 'b\\n', was 'a\\n'")
    assert both("a.txt.gz", packed[0], b"no gzip")[0] == "different"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=10,
)


@given(VALUES, VALUES)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_json_is_as_good_as_itself_and_no_better_than_another_value(both, one, other):
    def save(path, value):
        path.write_text(json.dumps(value))

    indented = [one, one]
    kind, _ = both("a.json", *indented, save=lambda path, value: path.write_text(
        json.dumps(value, indent=1 if "new" in str(path.parent.name) else None)))  # fmt: skip
    assert kind in ("identical", "close")
    text = [json.dumps(value, sort_keys=True) for value in (one, other)]
    if both("a.json", one, other, save=save)[0] == "identical":
        assert text[0] == text[1]
