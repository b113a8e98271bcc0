"""Headers of FITS files are read part by part, with long names and long texts, or it is said why not."""

from __future__ import annotations

import pytest

from framework.worker.files.fits_headers import FitsError, header_values, headers

PRIMARY = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0"]
IMAGE = ["XTENSION= 'IMAGE   '", "BITPIX  = -32", "NAXIS   = 2", "NAXIS1  = 30", "NAXIS2  = 30", "EXTNAME = 'SCI'"]


def a_fits(path, *parts):
    """A file of headers, each with the bytes of its data."""
    blocks = b""
    for lines, size in parts:
        text = "".join(line.ljust(80) for line in [*lines, "END"])
        blocks += text.encode().ljust(-(-len(text) // 2880) * 2880) + bytes(-(-size // 2880) * 2880)
    path.write_bytes(blocks)
    return str(path)


def test_each_part_of_a_file_has_its_own_values(tmp_path):
    path = a_fits(
        tmp_path / "x.fits", ([*PRIMARY, "GAIN = 1"], 0), ([*IMAGE, "GAIN    = 2.5 / e"], 3600), (IMAGE, 3600)
    )
    values = [header_values(cards) for cards in headers(path)]
    assert [value.get("GAIN") for value in values] == [None, "2.5", None]
    assert [value.get("EXTNAME") for value in values] == [None, "SCI", "SCI"]


def test_long_texts_and_long_names_are_whole():
    cards = [
        "NOTE    = 'it''s a &' / said",
        "CONTINUE  'long &'",
        "CONTINUE  'story'",
        "HIERARCH ESO DET ID = 'CCD-44' / detector",
        "NOTE    = 'another'",
        "COMMENT = no value",
        "FLAG    =                    T",
    ]
    assert header_values(cards) == {
        "NOTE": "it's a long story",
        "ESO DET ID": "CCD-44",
        "COMMENT": "no value",
        "FLAG": "T",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no fits".ljust(2880), "is no FITS file"),
        (b"SIMPLE  =                    T".ljust(2880), "ends within a header"),
        (b"SIMPLE  = T".ljust(80) + b"NAXIS   = many".ljust(80) + b"END".ljust(2720), "does not say how long"),
        (b"SIMPLE  = T".ljust(80) + b"NAXIS   = 999999999999".ljust(80) + b"END".ljust(2720), "does not say how long"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, content, words):
    (tmp_path / "x.fits").write_bytes(content)
    with pytest.raises(FitsError, match=words):
        list(headers(str(tmp_path / "x.fits")))


def test_astropy_reads_the_same(tmp_path):
    fits = pytest.importorskip("astropy.io.fits")
    one = fits.PrimaryHDU()
    one.header["LONGNOTE"] = "a text of many words, " * 8
    one.header["HIERARCH ESO TEL AIRM"] = 1.25
    two = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=[1.0, 2.0])], name="cat")
    fits.HDUList([one, two]).writeto(tmp_path / "x.fits")
    ours = [header_values(cards) for cards in headers(str(tmp_path / "x.fits"))]
    assert ours[0]["LONGNOTE"] == one.header["LONGNOTE"].rstrip()
    assert (ours[0]["ESO TEL AIRM"], ours[1]["EXTNAME"], ours[1]["TTYPE1"]) == ("1.25", "CAT", "x")
