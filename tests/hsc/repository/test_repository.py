"""File names from templates."""

import json

import pytest

from pipelines.hsc.errors import InputError
from pipelines.hsc.repository.repository import Repository


@pytest.fixture
def a_place(tmp_path):
    """A repository with these templates and empty files."""

    def make(templates, *files):
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "templates.json").write_text(json.dumps(templates))
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return Repository.open(tmp_path, tmp_path)

    return make


def test_a_name_is_filled_with_the_data_id(a_place, tmp_path):
    repository = a_place({"calexp": "corr/CORR-%(visit)07d-%(ccd)03d.fits"})
    assert repository.output_path("calexp", visit=903334, ccd=16) == tmp_path / "corr" / "CORR-0903334-016.fits"


def test_files_of_two_attempts_are_found_by_a_star(a_place):
    files = ["corr/c-903334-16-r11p95.fits", "corr/c-903336-17-r11p96.fits"]
    repository = a_place({"calexp": "corr/c-%(visit)d-%(ccd)d-r*p*.fits"}, *files)
    found = [
        repository.find_file("calexp", visit=903334, ccd=16).name,
        repository.find_file("calexp", visit=903336, ccd=17).name,
    ]
    assert found == ["c-903334-16-r11p95.fits", "c-903336-17-r11p96.fits"]


def test_the_first_template_that_a_file_has_counts(a_place):
    files = ["c-1-r11p95.fits", "c-1-r11p96.fits", "c-2-r11p95.fits"]
    repository = a_place({"calexp": ["c-%(visit)d-r11p96.fits", "c-%(visit)d-r*p*.fits"]}, *files)
    assert [repository.find_file("calexp", visit=visit).name for visit in (1, 2)] == [
        "c-1-r11p96.fits",
        "c-2-r11p95.fits",
    ]


def test_two_files_for_one_name_are_refused(a_place):
    repository = a_place({"calexp": "c-%(visit)d-r*p*.fits"}, "c-1-r11p95.fits", "c-1-r11p96.fits")
    with pytest.raises(InputError, match=r"means 2 files: c-1-r11p95.fits, c-1-r11p96.fits"):
        repository.find_file("calexp", visit=1)


def test_nothing_is_written_to_a_name_with_a_star(a_place):
    with pytest.raises(InputError, match="may have no"):
        a_place({"calexp": "c-%(visit)d-r*p*.fits"}).output_path("calexp", visit=1)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("c-%(ccd)d.fits", "calexp needs 'ccd', which visit=1 lacks"),
        ("c-%(visit)q.fits", "cannot be filled in"),
        ("/tmp/c.fits", "leaves the repository"),
        ("../c.fits", "leaves the repository"),
        ([], "must be a file name or a list of them"),
    ],
)
def test_templates_that_cannot_be_used_are_told(a_place, template, message):
    with pytest.raises(InputError, match=message):
        a_place({"calexp": template}).output_path("calexp", visit=1)


def test_a_value_does_not_lead_out_of_the_repository(a_place):
    with pytest.raises(InputError, match="leaves the repository"):
        a_place({"flat": "calib/%(filter)s/flat.fits"}).find_file("flat", filter="../..")


def test_a_missing_file_is_told_with_its_data_id(a_place):
    with pytest.raises(InputError, match=r"no calexp for visit=1: .*c-1.fits is missing"):
        a_place({"calexp": "c-%(visit)d.fits"}).find_file("calexp", visit=1)
