"""``fw lineage`` and ``fw taint`` say where files come from and what a bad one has spoilt."""

from __future__ import annotations

import json

import pytest

from framework.errors import FrameworkError


@pytest.fixture(autouse=True)
def a_chain(recorded):
    """A call that read the table of the first one."""
    at = {"job": 1, "queue": "q1", "call": 4, "try": 1}
    files = [{"path": "r/plot.png", "type": "figure", "size": 9, "sha256": "7", "archive": "home"}]
    recorded.tell(
        {"e": "call.start", "t": 1004.0, **at, "module": "draw", "wrapper": "generic", "keys": {"seed": "1"}},
        {"e": "exec.start", "t": 1004.0, **at, "exec": 1, "program": "python", "args": "python y"},
        {"e": "exec.end", "t": 1005.0, **at, "exec": 1, "status": 0},
        {
            "e": "call.end", "t": 1006.0, **at, "status": 0, "files": files,
            "made": [[1, "r/plot.png"]], "used": [[1, "r/scrape_1.csv"]],
        },
    )  # fmt: skip


def test_lineage_is_a_tree_of_files_with_their_makers(verb):
    lines = verb("lineage", "r/plot.png", "--up").stdout.splitlines()
    assert lines[0].startswith("r/plot.png  figure, draw (call 4 of HST1_r1p01, seed=1)")
    assert [line[3:].split()[0] for line in lines[1:]] == ["r/scrape_1.csv"]


def test_lineage_goes_down_as_well(verb):
    (first, *below) = verb("lineage", "r/scrape_1.csv", "--down").stdout.splitlines()
    assert first.startswith("r/scrape_1.csv  table")
    assert any("r/plot.png" in line for line in below)


def test_lineage_as_json_has_files_and_links(verb):
    found = json.loads(verb("lineage", "r/plot.png", "--json").stdout)
    assert found["file"] == "r/plot.png"
    assert {file["path"]: file["depth"] for file in found["files"]}["r/scrape_1.csv"] == 1
    assert ("r/plot.png", "r/scrape_1.csv") in {(link["child"], link["parent"]) for link in found["links"]}


def test_lineage_can_be_drawn(verb):
    lines = verb("lineage", "r/plot.png", "--graph", "mermaid").stdout.splitlines()
    assert lines[0] == "flowchart TD"
    assert any("draw<br/>call 4 of HST1_r1p01<br/>seed=1" in line for line in lines)


def test_lineage_is_a_picture(verb, words_of):
    words = words_of(verb("lineage", "r/plot.png", "--graph", "svg").stdout)
    assert {"plot.png", "scrape_1.csv"} <= {*words}


def test_an_unknown_file_is_a_plain_error(verb):
    result = verb("lineage", "nothing.fits")
    assert isinstance(result.exception, FrameworkError)
    assert "knows no file 'nothing.fits'" in str(result.exception)


def test_taint_names_the_files_and_the_calls_to_repeat(verb):
    lines = verb("taint", "r/scrape_1.csv").stdout.splitlines()
    assert any(line.startswith("r/plot.png") for line in lines)
    assert lines[-1] == "  HST1_r1p01  draw: 4"
    found = json.loads(verb("taint", "r/scrape_1.csv", "--json").stdout)
    assert found["calls"] == {"HST1_r1p01": {"draw": [4]}}


def test_a_file_that_nothing_came_from_has_spoilt_nothing(verb):
    assert verb("taint", "r/plot.png").stderr == "nothing came from r/plot.png\n"
