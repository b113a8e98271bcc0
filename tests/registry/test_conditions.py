"""Files by the values of their fields, on both databases, as operators write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from framework.pipeline.questions import FieldsQuestion, UnansweredError
from framework.registry.database.connection import Registry
from framework.registry.questions.query_fields import find_by_fields, find_newest_by_name

FILES = [
    ("raw_g_1.fits", "raw", {"band": "g", "ccd": 1, "expnum": 10}),
    ("raw_g_2.fits", "raw", {"band": "g", "ccd": 2, "expnum": 10}),
    ("raw_r_1.fits", "raw", {"band": "r", "ccd": 1, "expnum": 11}),
    ("raw_x.fits", "raw", {"ccd": 3, "expnum": 11, "note": "o'neil"}),
    ("cat_10.fits", "cat", {"expnum": 10, "magzero": 27.5}),
    ("flat.fits", "flat", {"good": False, "level": 0.30000000000000004, "by": {"who": "ann"}}),
]


@pytest.fixture
def archive(any_db: Registry) -> Registry:
    with any_db.write() as connection:
        for number, (name, filetype, metadata) in enumerate(FILES, start=1):
            connection.execute(
                text(
                    "insert into desfile (id, filetype, filename, path, path_version, filesize, sha256, metadata)"
                    " values (:id, :type, :name, :path, '', 1, 'x', :metadata)"
                ),
                {"id": number, "type": filetype, "name": name, "path": f"d/{name}", "metadata": json.dumps(metadata)},
            )
            connection.execute(
                text(
                    "insert into file_archive_info (desfile_id, archive_name, filename, path)"
                    " values (:id, 'home', :name, 'd')"
                ),
                {"id": number, "name": name},
            )
    return any_db


def names(db: Registry, **conditions: Any) -> list[str]:
    joins = conditions.pop("joins", ())
    given = {key.replace("__", "."): tuple(values) for key, values in conditions.items()}
    question = FieldsQuestion(conditions=given, table="image", joins=joins)
    return [row.path.removeprefix("d/") for row in find_by_fields(db, "home", question)]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["g"], ["raw_g_1.fits", "raw_g_2.fits"]),
        (["g", "r"], ["raw_g_1.fits", "raw_g_2.fits", "raw_r_1.fits"]),
        (["!g"], ["raw_r_1.fits"]),
        (["!g", "!r"], []),
        (["null"], ["raw_x.fits"]),
        (["!null"], ["raw_g_1.fits", "raw_g_2.fits", "raw_r_1.fits"]),
        (["null", "r"], ["raw_r_1.fits", "raw_x.fits"]),
        (["%"], ["raw_g_1.fits", "raw_g_2.fits", "raw_r_1.fits"]),
        (["!r%"], ["raw_g_1.fits", "raw_g_2.fits"]),
        (["' or 1=1 --"], []),
    ],
)
def test_a_field_has_one_of_the_values_and_none_of_those_refused(archive, values, found):
    assert names(archive, filetype=["raw"], band=values) == found


def test_numbers_and_quotes_are_values_like_others(archive):
    assert names(archive, ccd=["1"], filetype=["raw"]) == ["raw_g_1.fits", "raw_r_1.fits"]
    assert names(archive, note=["o'neil"]) == ["raw_x.fits"]


@pytest.mark.parametrize(
    ("field", "values"),
    [("good", ["false"]), ("good", ["!0"]), ("good", ["f%"]), ("level", ["0.30000000000000004"]), ("by", ["%ann%"])],
)
def test_a_value_of_any_type_is_told_as_json_writes_it(archive, field, values):
    assert names(archive, filetype=["flat"], **{field: values}) == ["flat.fits"]


def test_two_kinds_of_files_are_joined_by_a_field(archive):
    joins = (("image.expnum", "catalog.expnum"),)
    assert names(archive, filetype=["raw"], catalog__filetype=["cat"], joins=joins) == ["raw_g_1.fits", "raw_g_2.fits"]


def test_fields_of_a_joined_file_come_with_the_line(archive):
    question = FieldsQuestion(
        conditions={"filetype": ("raw",), "catalog.filetype": ("cat",)}, table="image",
        joins=(("expnum", "catalog.expnum"),), outputs=("catalog.magzero",),
    )  # fmt: skip
    assert {row.metadata["magzero"] for row in find_by_fields(archive, "home", question)} == {"27.5"}


def test_a_name_is_found_in_its_newest_place(archive):
    assert find_newest_by_name(archive, "home", ["raw_x.fits", "none.fits"])["raw_x.fits"].path == "d/raw_x.fits"


def test_a_field_with_a_quote_in_its_name_is_refused(archive):
    with pytest.raises(UnansweredError):
        names(archive, **{'a"b': ["x"]})
