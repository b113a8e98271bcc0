"""Names of runs are taken for the same; what only looks like them is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from framework.runs.comparison.run_names import RunNames
from framework.runs.comparison.side import Names
from wcl import parse

OLD = Names("T1_r7p01", "SKY/r7/T1/p01", "T1", "7", "1")
NEW = Names("T2_r8p02", "SKY/r8/T2/p02", "T2", "8", "2")
PIPELINE = parse("a = x-r${reqnum}p${attnum:2}.fits\nb = --try ${attnum}\nc = ${unitname}${band}")


@pytest.fixture
def renaming():
    return RunNames(OLD, NEW, [PIPELINE])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SKY/r7/T1/p01/x.fits", "SKY/r8/T2/p02/x.fits"),
        ("T1_r7p01_w0001.log", "T2_r8p02_w0001.log"),
        ("x-r7p01.fits", "x-r8p02.fits"),
        ("T1g", "T2g"),
        ("--tile=T1", "--tile=T2"),
        ("T11", "T21"),  # the pipeline puts something after the unit's name at once
    ],
)
def test_a_name_of_the_run_is_written_as_the_new_run_would(renaming, old, new):
    assert renaming(old) == new
    assert renaming.same(old, new)


@pytest.mark.parametrize("text", ["1", "ccd=1", "r71", "car7", "xT1", "p011", "7"])
def test_other_texts_stay(renaming, text):
    assert renaming(text) == text


def test_a_bare_number_may_be_the_runs_own_or_not(renaming):
    assert renaming.same("1 1 r7p01", "1 2 r8p02")
    assert renaming.same("1", "2")
    assert not renaming.same("1", "3")
    assert not renaming.same("21", "22")


def test_what_both_runs_share_is_compared_as_it_stands():
    renaming = RunNames(OLD, replace(OLD, run="T1_r7p02", archive_path="SKY/r7/T1/p02", attnum="2"), [PIPELINE])
    assert renaming("SKY/r7/T1/p01/T1.fits") == "SKY/r7/T1/p02/T1.fits"
    assert not renaming.same("T1", "T2")
    assert [own.name for own in renaming.evened] == ["run", "archive_path", "attnum"]
