"""An explanation shows a value's position, what it replaced, and each step of its expansion."""

import pytest

from wcl import SourcePosition, WclError, parse
from wcl.explain import ExpansionStep, explain

TREE = parse(
    "band = g\nrms_g = 0.5\nattnum = 1\nattnum = 3\nrun = r${attnum:2}_${rms_${band}}\nbands = g,r\nall = x${bands}\n"
    '<module>\n<m>\nname = ${nosuch}\nquoted = "a${b}"\n</m>\n</module>\n',
    "f",
)


def test_a_value_is_explained_with_its_position_and_what_it_replaced() -> None:
    explanation = explain(TREE, "attnum")
    assert (explanation.value, explanation.position, explanation.replaced, explanation.results) == (
        "3",
        SourcePosition("f", 4),
        ((SourcePosition("f", 3), "1"),),
        ("3",),
    )


def test_each_step_of_the_expansion_is_shown() -> None:
    explanation = explain(TREE, "run")
    assert explanation.steps == (
        ExpansionStep("attnum", "3", SourcePosition("f", 4), "r03_${rms_${band}}"),
        ExpansionStep("band", "g", SourcePosition("f", 1), "r03_${rms_g}"),
        ExpansionStep("rms_g", "0.5", SourcePosition("f", 2), "r03_0.5"),
    )
    assert explanation.results == ("r03_0.5",)


def test_a_list_has_all_its_results() -> None:
    assert explain(TREE, "all").results == ("xg", "xr")


def test_a_path_leads_into_sections_and_faults_are_reported() -> None:
    explanation = explain(TREE, "module.m.name")
    assert (explanation.value, explanation.position, explanation.results) == ("${nosuch}", SourcePosition("f", 10), ())
    assert "unknown variable 'nosuch'" in explanation.problem
    assert explain(TREE, "module.m.quoted").results == ("a${b}",)


def test_a_key_that_is_not_there_is_an_error_with_the_nearest() -> None:
    with pytest.raises(WclError, match="did you mean 'attnum'"):
        explain(TREE, "atnum")
