"""The command lines of the steps."""

import subprocess
import sys

import pytest

from pipelines.hsc.errors import InputError
from pipelines.hsc.repository.data_id import parse_data_id, split_alternatives
from pipelines.hsc.steps.command import PipelineStep, make_parser, parse_step_arguments

STEP = PipelineStep(
    name="a_step",
    description="",
    run=lambda arguments, repository: None,
    id_keys=("tract", "patch"),
    select_keys=("visit", "ccd"),
    config={"doIt": False, "times": 2, "sigma": 3.0},
)
PROGRAMS = [
    "create_butler_registry",
    "process_ccd",
    "make_coadd_temp_exp",
    "assemble_coadd",
    "detect_coadd_sources",
    "merge_coadd_detections",
    "measure_coadd_sources",
    "merge_coadd_measurements",
    "forced_phot_coadd",
    "schemas",
    "simulate",
    "figures",
    "inprocess",
]


def asked(*words):
    return parse_step_arguments(STEP, make_parser(STEP).parse_args(["repo", *words]))


def test_selected_data_are_sorted_and_each_there_once():
    ccds = ["--selectId", "visit=904010", "ccd=10", "--selectId", "visit=904010", "ccd=4"]
    arguments = asked("--id", "tract=0", "patch=8,7", *ccds, *ccds, "--doraise")
    assert arguments.data_id == {"tract": 0, "patch": "8x7"}
    assert list(arguments.selected) == [{"visit": 904010, "ccd": 4}, {"visit": 904010, "ccd": 10}]


def test_settings_have_the_type_of_what_they_replace():
    arguments = asked("--id", "tract=0", "patch=8x7", "--selectId", "visit=1", "ccd=1", "-c", "doIt=True", "sigma=4")
    assert arguments.config == {"doIt": True, "times": 2, "sigma": 4.0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--id", "tract=0", "--selectId", "visit=1", "ccd=1"], "--id tract=0 lacks patch"),
        (["--id", "tract=0", "patch=8x7"], "nothing to work on: --selectId visit=... ccd=..."),
        (["--id", "tract=0", "patch=8x7", "--selectId", "visit=1"], "--selectId visit=1 lacks ccd"),
        (["--id", "tract=x", "patch=8x7"], "tract=x: tract is a whole number"),
        (["--id", "tract", "patch=8x7"], "'tract' does not name data"),
        (
            ["--id", "tract=0", "patch=8x7", "--selectId", "visit=1", "ccd=1", "-c", "never=1"],
            "only doIt, times, sigma",
        ),
        (["--id", "tract=0", "patch=8x7", "--selectId", "visit=1", "ccd=1", "-c", "doIt=yes"], "as in doIt=False"),
    ],
)
def test_what_cannot_be_understood_is_told(words, message):
    with pytest.raises(InputError) as caught:
        asked(*words)
    assert message in str(caught.value)


def test_values_between_carets_keep_their_order_and_stand_once():
    assert split_alternatives(parse_data_id(["filter=HSC-R^HSC-I^HSC-R"])["filter"]) == ["HSC-R", "HSC-I"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_tells_how_it_is_used_without_loading_its_libraries(name):
    script = f"""
import runpy, sys
sys.argv = ["{name}", "--help"]
try:
    runpy.run_module("pipelines.hsc.{name}", run_name="__main__")
except SystemExit as end:
    print(end.code, sorted({{"numpy", "astropy", "scipy", "sep", "matplotlib"}} & set(sys.modules)))
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.startswith("usage: ")
    assert said.splitlines()[-1] == "0 []"
