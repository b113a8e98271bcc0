"""predict and plan as their users run them."""

import json

import pytest


def lines(ended):
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.fixture
def a_features_file(tmp_path):
    def write(name="jbt301010", text="n_files=5\ntotal_mb=69.4\nDETECTOR=WFC\nCRSPLIT=1\nDRIZCORR=PERFORM\n"):
        path = tmp_path / f"{name}_MemModelFeatures.txt"
        path.write_text(text)
        return path

    return write


def test_every_real_features_file_predicts(run, hst_headers, a_model_file, tmp_path):
    ended = run("predict", hst_headers[0].parent, "--model", a_model_file, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    forecasts = lines(ended)
    assert [line["ipst"] for line in forecasts] == [path.name[:9] for path in hst_headers]
    assert all(line["memVal"] > 0 and line["clockTime"] > 0 and 0 <= line["memBin"] <= 3 for line in forecasts)
    assert all(sum(line["probabilities"].values()) == pytest.approx(1, abs=1e-5) for line in forecasts)
    assert len({line["model"] for line in forecasts}) == 1
    assert {line["simulated"] for line in forecasts} == {True}


def test_a_malformed_file_is_reported_and_the_others_predicted(run, a_features_file, a_model_file, tmp_path):
    good, bad = a_features_file(), a_features_file("jbt302010", "n_files=five\ntotal_mb=3\n")
    ended = run("predict", good, bad, "--model", a_model_file, cwd=tmp_path)
    assert ended.returncode == 2
    assert "jbt302010_MemModelFeatures.txt: jbt302010: n_files = 'five' is not a number" in ended.stderr
    assert [line["ipst"] for line in lines(ended)] == ["jbt301010"]


def test_a_plan_has_machine_limits_reason_and_model(run, a_features_file, a_model_file, tmp_path):
    a_features_file()
    ended = run("plan", "s3://out", "batch", "jbt301010", "--features", ".", "--model", a_model_file, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    line = lines(ended)[0]
    assert line["memory_steps_mb"][0] == line["memory_mb"]
    assert line["memory_steps_mb"] == sorted(line["memory_steps_mb"])
    assert (line["kill_steps_s"][0], line["kill_steps_s"][-1]) == (line["kill_s"], 172_800)
    assert "fits on" in line["reason"]
    assert line["output"].startswith("s3://out/batch-")
    assert line["command"][:3] == ["python", "-m", "pipelines.calcloud.process"]
    assert line["simulated"] is True  # the model is of simulated jobs
    assert line["costs"][line["rung"]] == min(line["costs"].values()) == line["expected_cost"]


def test_a_mosaic_has_a_default_and_an_unknown_instrument_an_answer(run, a_model_file, tmp_path):
    (tmp_path / "u2xy0101t_MemModelFeatures.txt").write_text("n_files=1\ntotal_mb=2\n")
    names = ("acs_9xx_01", "skycell-p0123x04y05", "u2xy0101t")
    ended = run("plan", "none", "b", *names, "--features", ".", "--model", a_model_file, cwd=tmp_path)
    assert ended.returncode == 2
    assert "u2xy0101t: no model knows the instrument 'u'" in ended.stderr
    assert [(line["ipst"], line["rung"], line["model"]) for line in lines(ended)] == [
        ("acs_9xx_01", "08g", "none"), ("skycell-p0123x04y05", "08g", "none"),
    ]  # fmt: skip


def test_another_ladder_gives_other_machines(run, a_features_file, a_model_file, tmp_path):
    a_features_file()
    (tmp_path / "ladder.toml").write_text(
        "failure_share = 1\nedges_gb = [0.1]\n"
        '[[rungs]]\nname = "small"\nmemory_mb = 8000\ncpus = 1\nprice_per_hour = 1\n'
        '[[rungs]]\nname = "big"\nmemory_mb = 64000\ncpus = 1\nprice_per_hour = 1\n'
        '[time]\nquantiles = [0.9]\nfloor_s = 1\ncap_s = 50\n[mosaic]\nrung = "big"\nfirst_s = 5\n'
    )
    ended = run(
        "plan", "none", "b", "jbt301010", "--features", ".", "--model", a_model_file, "--ladder", "ladder.toml",
        cwd=tmp_path,
    )  # fmt: skip
    line = lines(ended)[0]
    # A job that needs the larger machine begins there; and a time is never longer than the cap.
    assert (line["rung"], line["kill_s"], line["kill_steps_s"]) == ("big", 50, [50])


def test_a_missing_model_is_named(run, a_features_file, tmp_path):
    ended = run("predict", a_features_file(), "--model", "none.npz", cwd=tmp_path)
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "none.npz: no such file" in ended.stderr
