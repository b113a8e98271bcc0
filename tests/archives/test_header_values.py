"""What headers and names say is recorded as it stands there; judged by astropy, on both databases."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import astropy
import pytest
from astropy.io import fits

from framework.archives.external_filetypes import filetypes, storable, value_in_header, value_in_name
from framework.registry.database.connection import Registry
from framework.registry.questions.files import find_in_archive
from framework.worker.files.fits_headers import FitsError, header_values, headers
from tests.archives.test_ingest_files import ingest_into, outcome
from wcl import read

TYPES = """
project = BB
<filetype_metadata>
    <raw>
        searchable = obj, numb
        filename = ${root}.fits
        ops = raw/${obj}
        <hdus>
            <primary>
                <o>
                    <f>
                        root = root
                    </f>
                    <h>
                        numb = numb
                        propid = propid
                    </h>
                </o>
                <r>
                    <h>
                        object = obj
                    </h>
                </r>
            </primary>
        </hdus>
    </raw>
</filetype_metadata>
"""


def a_header(*cards: str) -> bytes:
    """Return a FITS file of a primary header."""
    given = [
        "SIMPLE  =                    T",
        "BITPIX  =                    8",
        "NAXIS   =                    0",
        *cards,
    ]
    text = b"".join(card.encode("latin-1").ljust(80) for card in [*given, "END"])
    return text.ljust(-(-len(text) // 2880) * 2880)


@pytest.mark.parametrize(
    ("card", "value"),
    [
        ("'52926_1'", "52926_1"), ("'0042'", "0042"), ("'12E3'", "12E3"), ("'T'", "T"), ("'F       '", "F"),
        ("'05.004'", "05.004"), ("'NaN'", "NaN"), ("'Infinity'", "Infinity"), ("'1_000'", "1_000"), ("'it''s'", "it's"),
        ("T", True), ("F / no", False), ("42", 42), ("+42", 42), ("-007", -7), ("49.0", 49.0), ("5.", 5.0), (".5", 0.5),
        ("-.5E1", -5.0), ("1.5D+02", 150.0), ("1d3 / seconds", 1000.0), ("1_000", "1_000"), ("NaN", "NaN"),
        ("INF", "INF"), ("1E400", "1E400"), ("(1, 2)", "(1, 2)"), ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", "9223372036854775808"), ("", None), ("/ nothing", None), ("''", None), ("'   '", None),
        ("'M31\0\0\0 '", "M31"),
    ],
)  # fmt: skip
def test_the_value_of_a_card_is_what_the_standard_says(card, value):
    found = value_in_header(header_values([f"KEY     = {card}"])["KEY"])
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("0042", 42),
        ("4_5", "4_5"),
        ("1e5", "1e5"),
        ("nan", "nan"),
        ("T", "T"),
        ("1.10", "1.10"),
        ("-7", "-7"),
    ],
)
def test_a_part_of_a_name_is_a_number_only_if_it_is_digits(text, value):
    assert value_in_name(text) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1 << 63])
def test_a_value_that_no_database_holds_is_none(value):
    assert storable(value) is None


def shipped_files() -> Iterator[Path]:
    """Yield the FITS files that astropy's wheel ships."""
    for folder in ("io/fits/tests/data", "wcs/tests/data", "io/votable/tests/data", "nddata/tests/data"):
        yield from sorted((Path(astropy.__file__).parent / folder).glob("*.fits"))


def standard_values(path: Path) -> list[dict[str, object]]:
    """Return what astropy reads of each header, by key; a card that it cannot read is left out."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with path.open("rb") as stored:
            for unit in fits.open(stored, disable_image_compression=True):
                values: dict[str, object] = {}
                for card in unit.header.cards:
                    try:
                        values.setdefault(card.keyword, card.value)
                    except (fits.VerifyError, ValueError):
                        continue
                found.append(values)
    return found


def test_every_card_of_the_files_that_astropy_ships_is_read_as_astropy_reads_it():
    compared, differing = 0, []
    for path in shipped_files():
        try:
            ours = [header_values(cards) for cards in headers(str(path))]
        except FitsError:
            continue  # files that are broken on purpose
        for mine, theirs in zip(ours, standard_values(path), strict=False):
            for key, text in mine.items():
                if key not in theirs or not text.isascii() or "\ufffd" in text:
                    continue
                compared += 1
                if not is_same(value_in_header(text), theirs[key]):
                    differing.append((path.name, key, text, theirs[key]))
    assert differing == []
    assert compared > 3000


def is_same(ours: object, theirs: object) -> bool:
    if ours is None:
        return isinstance(theirs, fits.card.Undefined) or theirs is None or str(theirs).strip() == ""
    if isinstance(theirs, complex):
        return isinstance(ours, str)
    if isinstance(theirs, int) and abs(theirs) >= 1 << 63:
        return ours == str(theirs)  # no database holds it as a number
    if isinstance(theirs, str):
        return ours == theirs.partition("\0")[0].rstrip()
    return ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool)


def ingest_headers(db: Registry, tmp_path: Path, files: Sequence[tuple[str, bytes]]):
    (tmp_path / "raws.wcl").write_text(TYPES)
    night = tmp_path / "night"
    night.mkdir()
    for name, content in files:
        (night / name).write_bytes(content)
    return ingest_into(db, tmp_path, night, kinds=filetypes(read(tmp_path / "raws.wcl")))


def test_values_that_are_no_numbers_spoil_nothing(any_db, tmp_path, rows):
    files = [
        ("nan.fits", a_header("OBJECT  = 'NaN'", "NUMB    =                  NaN")),
        ("inf.fits", a_header("OBJECT  = 'Infinity'", "NUMB    =                1E400")),
        ("123e4567.fits", a_header("OBJECT  = '0042'", "PROPID  = '08752'")),
        ("nul.fits", a_header("OBJECT  = 'M31\0\0'")),
        ("good.fits", a_header("OBJECT  = 'T'", "NUMB    =              1.5D+02")),
    ]
    assert outcome(ingest_headers(any_db, tmp_path, files)) == (5, 0, 0)
    paths = [
        "raw/NaN/nan.fits",
        "raw/Infinity/inf.fits",
        "raw/0042/123e4567.fits",
        "raw/M31/nul.fits",
        "raw/T/good.fits",
    ]
    found = find_in_archive(any_db, "home", paths)
    assert [found[path].metadata for path in paths] == [
        {"obj": "NaN", "numb": "NaN", "root": "nan"},
        {"obj": "Infinity", "numb": "1E400", "root": "inf"},
        {"obj": "0042", "propid": "08752", "root": "123e4567"},
        {"obj": "M31", "root": "nul"},
        {"obj": "T", "numb": 150.0, "root": "good"},
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no FITS file"),
        (b"<html>404</html>", "is no FITS file"),
        (b"\x1f\x8b" + b"x" * 4000, "is no FITS file"),
        (a_header("OBJECT  = 'M31'")[:2000], "ends within a header"),
        (a_header("OBJECT  = 'M31'").replace(b"NAXIS   =                    0", b"NAXIS   =                    1")
         .replace(b"OBJECT  = 'M31'    ", b"NAXIS1  =      100 "), "is cut off: it has 0 bytes of the data"),
        (a_header("OBJECT  = 'M31'") + b"XTENSION= 'IMAGE'", "ends within a header"),
        (a_header("OBJECT  =                      / nothing"), "no value for 'object'"),
        (a_header("OBJECT  = '   '"), "no value for 'object'"),
    ],
)  # fmt: skip
def test_what_is_no_whole_fits_file_or_has_no_value_is_refused_and_the_good_one_taken(
    a_registry, tmp_path, content, reason
):
    good = ("good.fits", a_header("OBJECT  = 'M31'"))
    result = ingest_headers(a_registry(), tmp_path, [("bad.fits", content), good])
    assert outcome(result) == (1, 0, 1)
    assert reason in result.refused[0][1]


@pytest.mark.parametrize("text", ["${project}", "${nope}", "$FUNC{x}", "$HEAD{a,B}"])
def test_a_header_is_text_in_which_nothing_is_expanded(a_registry, tmp_path, text):
    result = ingest_headers(a_registry(), tmp_path, [("a.fits", a_header(f"OBJECT  = '{text}'"))])
    assert [file.path for file in result.new] == [f"raw/{text}/a.fits"]
