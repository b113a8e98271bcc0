"""Names and features files of datasets: encodings, defaults and errors."""

import pytest

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.dataset import (
    UnknownDatasetError,
    check_name,
    encode_header,
    parse_keywords,
    read_features,
)

SIZES = {"n_files": "2", "total_mb": "35"}


def test_header_keywords_become_codes():
    keywords = {"n_files": "5", "total_mb": "69.4", "DRIZCORR": "PERFORM", "PCTECORR": "OMIT", "CRSPLIT": "1"}
    assert encode_header("jbt301010", keywords | {"SUBARRAY": "True", "DETECTOR": "wfc"}) == {
        "n_files": 5, "total_mb": 69.4, "drizcorr": 1, "pctecorr": 0, "crsplit": 1,
        "subarray": 1, "detector": 1, "dtype": 1, "instr": 0,
    }  # fmt: skip


def test_a_spectrograph_that_lacks_most_keywords_has_the_defaults():
    assert encode_header("la8p01010", SIZES | {"DETECTOR": "NUV", "SUBARRAY": "True"}) == {
        "n_files": 2, "total_mb": 35, "drizcorr": 0, "pctecorr": 0, "crsplit": 0,
        "subarray": 1, "detector": 0, "dtype": 1, "instr": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("text", "code"), [("NaN", 0), ("1", 1), ("1.0", 1), ("2", 2), ("4", 2), ("0", 2)])
def test_crsplit_distinguishes_one_exposure_from_several(text, code):
    assert encode_header("ibc604b9q", {**SIZES, "CRSPLIT": text})["crsplit"] == code


@pytest.mark.parametrize("text", ["True", "TRUE", "T", "yes", "Y", "1", "1.00", "01"])
def test_a_switch_is_read_in_every_usual_spelling(text):
    assert encode_header("ibc604b9q", {**SIZES, "SUBARRAY": text})["subarray"] == 1


@pytest.mark.parametrize("text", ["False", "f", "no", "0", "0.0", "NaN", "", "None", "N/A"])
def test_a_switch_that_says_no_or_nothing_is_off(text):
    assert encode_header("ibc604b9q", {**SIZES, "SUBARRAY": text})["subarray"] == 0


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("SUBARRAY", "maybe"), ("DRIZCORR", "DO IT"), ("CRSPLIT", "several"), ("DETECTOR", "WFZ"), ("NAXIS1", "wide")],
)
def test_a_value_that_no_header_has_is_refused(keyword, value):
    with pytest.raises(InputError, match=f"ibc604b9q: {keyword} = '{value}'"):
        encode_header("ibc604b9q", {**SIZES, keyword: value})


def test_keywords_are_known_in_any_case_and_comments_are_left_out():
    text = "N_FILES=5\nTotal_MB = 69.4 / all files\ndetector=WFC / wide field\ndrizcorr=perform\n"
    found = parse_keywords(text, "f.txt")
    assert found == {"n_files": "5", "total_mb": "69.4", "DETECTOR": "WFC", "DRIZCORR": "perform"}
    assert encode_header("jbt301010", found)["drizcorr"] == 1


def test_a_keyword_without_effect_is_named(capsys):
    assert parse_keywords("n_files=2\nPROPOSID=12345\n", "f.txt") == {"n_files": "2"}
    assert capsys.readouterr().err == "f.txt:2: PROPOSID has no effect on a prediction\n"


@pytest.mark.parametrize(("axes", "code"), [(("4206", "2070"), 1), (("1024", "1024"), 0), (("NaN", "NaN"), 0)])
def test_the_longer_side_serves_where_the_detector_is_missing(axes, code):
    keywords = SIZES | {"NAXIS1": axes[0], "NAXIS2": axes[1]}
    assert encode_header("ibc604b9q", keywords)["detector"] == code


def test_a_nan_becomes_zero():
    assert encode_header("ibc604b9q", {"n_files": "2", "total_mb": "NaN"})["total_mb"] == 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("u2xy0101t", "no model knows the instrument 'u'"),
        ("acs_9xx_01", "mosaic of many visits"),
        ("skycell-p0123x04y05", "mosaic of many visits"),
        ("j8cb01", "is not the name of"),
    ],
)
def test_a_dataset_that_no_model_knows_is_refused_with_its_kind(name, says):
    with pytest.raises(UnknownDatasetError, match=says):
        check_name(name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("n_files=2\nwhat is this\n", "f.txt:2: 'what is this' is not KEY=value"),
        ("n_files=2\nN_FILES=3\n", "f.txt:2: n_files is given more than once"),
        ("n_files=2\nDRIZCOR=OMIT\n", "f.txt:2: unknown keyword DRIZCOR: did you mean DRIZCORR?"),
        (" \n", "f.txt:1: the file is empty"),
    ],
)
def test_an_invalid_features_file_is_refused_with_its_line(text, says):
    with pytest.raises(InputError, match=says):
        parse_keywords(text, "f.txt")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("n_files=2\n", "total_mb is missing"),
        ("n_files=two\ntotal_mb=3\n", "n_files = 'two' is not a number"),
        ("n_files=2.5\ntotal_mb=3\n", "n_files = 2.5 is not a count"),
        ("n_files=2\ntotal_mb=-3\n", "total_mb = -3 is not a size"),
        ("n_files=2\ntotal_mb=inf\n", "total_mb = inf is not a size"),
    ],
)
def test_a_features_file_with_wrong_numbers_is_refused_with_its_name(text, says, tmp_path):
    path = tmp_path / "ibc604b9q_MemModelFeatures.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=f"ibc604b9q_MemModelFeatures.txt: ibc604b9q: {says}"):
        read_features(path)


def test_a_features_file_of_another_name_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not called"):
        read_features(tmp_path / "features.txt")


def test_every_real_features_file_is_read(hst_headers):
    found = [read_features(path) for path in hst_headers]
    assert [name for name, _ in found] == [path.name[:9] for path in hst_headers]
    assert all(features["n_files"] > 0 and features["total_mb"] > 0 for _, features in found)
