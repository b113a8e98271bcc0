"""Model selection: the champion, and the model that plans."""

import json
import shutil

import pytest


@pytest.fixture(scope="session")
def champions(trained, run, tmp_path_factory):
    """evaluate on the trained tree, with a current champion or none."""
    tree = tmp_path_factory.mktemp("champions") / "tree"
    shutil.copytree(trained, tree)

    def select(*more):
        inputs = ["--training", "data/training.csv", "--transform", "models/tx_data.json"]
        outputs = ["--latest", "e.csv", "--summary", "e.json", "--champion", "c.npz", "--verdict", "c.json"]
        ended = run("evaluate", *inputs, "--models", "models", "--results", "results", *outputs, *more, cwd=tree)
        assert ended.returncode == 0, ended.stderr
        return json.loads((tree / "c.json").read_text())

    return select, tree


def test_without_a_current_champion_the_new_model_plans(champions):
    select, _ = champions
    verdict = select("--tabular", "models/tabular.npz")
    assert (verdict["planner"], verdict["promoted"], set(verdict["figures"])) == (
        "tabular", True, {"networks", "tabular"},
    )  # fmt: skip
    costs = {
        name: found["all"].get("planned_cost_ratio", found["all"]["cost_ratio"])
        for name, found in verdict["figures"].items()
    }
    assert verdict["champion"] == min(costs, key=costs.__getitem__)


def test_an_equal_model_is_not_promoted(champions):
    select, _ = champions
    verdict = select("--tabular", "models/tabular.npz", "--reigning", "models/tabular.npz")
    assert (verdict["planner"], verdict["promoted"]) == ("reigning", False)


def test_a_champion_that_learned_the_test_jobs_has_no_advantage(champions):
    select, _ = champions
    verdict = select("--tabular", "models/tabular.npz", "--reigning", "models/champion.npz")
    found = verdict["figures"]
    assert found["reigning"]["all"] == pytest.approx(found["tabular"]["all"], rel=1e-6)


def test_a_champion_knows_every_job_of_the_training_set(champions):
    select, tree = champions
    from pipelines.calcloud.tabular.model_file import read_tabular  # start-up

    select("--tabular", "models/tabular.npz")
    known = {name: len(read_tabular(tree / name).model.history.jobs) for name in ("c.npz", "models/tabular.npz")}
    assert known["c.npz"] == len((tree / "data/training.csv").read_text().splitlines()) - 1
    assert known["models/tabular.npz"] < known["c.npz"]


def test_a_comparison_without_its_outputs_is_refused(champions, run):
    _, tree = champions
    inputs = ["--training", "data/training.csv", "--transform", "models/tx_data.json", "--models", "models"]
    outputs = ["--results", "results", "--latest", "e.csv", "--summary", "e.json"]
    ended = run("evaluate", *inputs, *outputs, "--tabular", "models/tabular.npz", cwd=tree)
    assert (ended.returncode, "belong together" in ended.stderr) == (2, True)
