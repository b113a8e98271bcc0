"""Containers: the command line of each runtime, the image, and programs that really run in one where that can be had.

Apptainer, Singularity and Docker are played by stand-ins, which say so: programs that take the same words, hold them
against what the runtime knows, and run what they are given without a container. Podman is the real one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from framework.worker.environments.base import SoftwareError

APPTAINER = """# A stand-in for tests: takes apptainer's words, and runs the program without a container.
import os, pathlib, sys
name = os.path.basename(sys.argv[0])
words = sys.argv[2:]
if sys.argv[1] == "--version":
    print(name, "version 0.0 (a stand-in for tests)")
elif sys.argv[1] == "pull":
    force, target, address = words
    assert force == "--force" and address.startswith("docker://"), words
    with open(os.environ["PULLS"], "a") as pulls:
        print(address, file=pulls)
    if "nosuch" in address:
        sys.exit("FATAL: no such image: " + address)
    pathlib.Path(target).write_text("image of " + address)
else:
    assert sys.argv[1] == "exec"
    prefix, binds, clean = name.upper() + "ENV_", [], False
    while words[0].startswith("-"):
        option = words.pop(0)
        if option == "--cleanenv":
            clean = True
        elif option in ("--home", "--pwd", "--bind"):
            value = words.pop(0)
            binds += [value] if option == "--bind" else []
            home = value if option == "--home" else home if binds or option == "--pwd" else ""
            place = value if option == "--pwd" else None
            if place:
                os.chdir(place)
        else:
            assert option == "--nv", option
    assert clean and all(os.path.exists(bind.split(":")[0]) for bind in binds), binds
    image = words.pop(0)
    assert os.path.exists(image), image
    given = {key.removeprefix(prefix): value for key, value in os.environ.items() if key.startswith(prefix)}
    os.execvpe(words[0], words, {"PATH": os.defpath, "HOME": home, "BINDS": " ".join(binds), **given})
"""

DOCKER = """# A stand-in for tests: takes docker's words, and runs the program without a container.
import json, os, sys
words = sys.argv[1:]
if words == ["--version"]:
    print("Docker version 0.0, build stand-in (for tests)")
elif words[:2] == ["image", "inspect"]:
    if "nosuch" in words[2] or not os.path.exists(os.environ["PULLS"]):
        sys.exit("Error: No such image: " + words[2])
    print(json.dumps([{"Id": "sha256:1d", "RepoDigests": ["obs/calib@sha256:d1"]}]))
elif words[0] == "pull":
    if "nosuch" in words[1]:
        sys.exit("Error: manifest unknown")
    open(os.environ["PULLS"], "w").close()
elif words[0] == "rm":
    assert words[1] == "--force" and words[2].startswith("fw-"), words
    open(os.environ["PULLS"] + ".removed", "w").close()
else:
    assert words.pop(0) == "run"
    given, entry = {}, ""
    while words[0].startswith("-"):
        option = words.pop(0)
        if option == "--rm":
            continue
        value = words.pop(0)
        if option == "--env":
            key, equals, text = value.partition("=")
            given[key] = text if equals else os.environ[key]
        elif option == "--volume":
            assert os.path.exists(value.split(":")[0]), value
        elif option == "--workdir":
            os.chdir(value)
        elif option == "--entrypoint":
            entry = value
        else:
            assert option in ("--name", "--network", "--user"), option
    assert words.pop(0) == "sha256:1d"
    if entry == "nosuch":
        print("docker: Error response from daemon: no such program", file=sys.stderr)
        sys.exit(125)
    os.execvpe(entry, [entry, *words], {"PATH": os.defpath, **given})
"""


def container(runtime, image, **parts):
    return {"kind": "container", "name": "calib", "setup_minutes": 0.5, "runtime": runtime, "image": image, "binds": [],
            "options": [], **parts}  # fmt: skip


@pytest.fixture
def stand_ins(tmp_path):
    """Runtimes that are none."""
    (tmp_path / "bin").mkdir()
    for name, text in (("apptainer", APPTAINER), ("singularity", APPTAINER), ("docker", DOCKER)):
        (tmp_path / "bin" / name).write_text(f"#!{sys.executable} -SI\n{text}")
        (tmp_path / "bin" / name).chmod(0o755)
    return {"PULLS": str(tmp_path / "pulls")}


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "calib.sif"
    path.write_bytes(b"image")
    return str(path)


@pytest.mark.parametrize("runtime", ["apptainer", "singularity"])
def test_a_program_runs_in_an_image_file(a_worker, stand_ins, image, run, tmp_path, runtime):
    worker = a_worker(PULLS="x", OUTSIDE="1")
    ready = worker.take(container(runtime, image, binds=[[str(tmp_path), "/cal", True]], options=["--nv"]))
    line = "sh -c 'echo $PWD $HOME ${OUTSIDE-clean} $FW_CALL $FW_FENCE \"$COLOUR\"; echo $BINDS'"
    root, archive = tmp_path / "work", tmp_path / "archive"
    assert run(ready, line, COLOUR="deep red") == (
        0,
        f"{root} {root} clean 1 /run deep red\n{archive}:{archive}:ro {tmp_path}:/cal {root}:{root}\n",
    )
    found = {"runtime": runtime, "version": "0.0", "image": image}
    assert worker.told[0]["found"] == {**found, "digest": f"sha256:{hashlib.sha256(b'image').hexdigest()}"}


def test_values_stand_on_no_command_line(a_worker, stand_ins, image):
    for definition in (container("apptainer", image), container("docker", "obs/calib")):
        ready = a_worker(**stand_ins).take(definition)
        argv, environment = ready.wrap_command(["cat"], {"DB_PASSWORD": "hidden"}, "/work", "/archive")
        assert "hidden" not in " ".join(argv)
        assert "hidden" in environment.values()


@pytest.mark.parametrize("runtime", ["apptainer", "docker"])
def test_a_programs_own_path_is_not_that_of_the_runtime(a_worker, stand_ins, image, run, runtime):
    ready = a_worker(**stand_ins).take(container(runtime, image if runtime == "apptainer" else "obs/calib"))
    assert run(ready, "/bin/sh -c 'echo $PATH'", PATH="/opt/calib/bin") == (0, "/opt/calib/bin\n")


def test_an_image_with_an_address_is_fetched_once_for_all_workers_of_a_run(a_worker, stand_ins, run):
    definition = container("apptainer", "docker://obs/calib:2")
    first, second = a_worker(**stand_ins), a_worker(**stand_ins)
    assert run(first.take(definition), "echo a") == run(second.take(definition), "echo a") == (0, "a\n")
    assert Path(stand_ins["PULLS"]).read_text() == "docker://obs/calib:2\n"
    content = hashlib.sha256(b"image of docker://obs/calib:2").hexdigest()
    assert [worker.told[0]["found"]["digest"] for worker in (first, second)] == [f"sha256:{content}"] * 2


def test_an_address_with_a_digest_is_that_image(a_worker, stand_ins):
    worker = a_worker(**stand_ins)
    worker.take(container("apptainer", f"docker://obs/calib@sha256:{'ab' * 32}"))
    assert worker.told[0]["found"]["digest"] == f"sha256:{'ab' * 32}"


def test_docker_fetches_an_image_that_it_has_not_and_tells_its_digest(a_worker, stand_ins, run):
    worker = a_worker(**stand_ins)
    ready = worker.take(container("docker", "obs/calib:2"))
    assert run(ready, "sh -c 'echo $FW_CALL $FW_WORKER'") == (0, "1 /run:1\n")
    assert worker.told[0]["found"]["digest"] == "sha256:d1"
    assert ready.is_own_failure(run(ready, "nosuch")[0])
    assert not ready.is_own_failure(run(ready, "sh -c 'exit 3'")[0])
    assert Path(stand_ins["PULLS"] + ".removed").exists()


WRONG = {
    "an image file": (("apptainer", "/none.sif"), "No such file or directory: /none.sif"),
    "an address": (("apptainer", "docker://nosuch"), "apptainer pull docker://nosuch ended with status 1: FATAL: no"),
    "an image of docker": (("docker", "nosuch"), "docker pull nosuch ended with status 1: Error: manifest unknown"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_had_is_told(a_worker, stand_ins, what):
    (runtime, image), message = WRONG[what]
    with pytest.raises(SoftwareError, match=f"container calib cannot be made ready: {re.escape(message)}"):
        a_worker(**stand_ins).take(container(runtime, image))


def test_a_runtime_that_is_not_there_is_told(a_worker, image):
    with pytest.raises(SoftwareError, match="program 'apptainer' was not found on PATH"):
        a_worker(PATH="/none").take(container("apptainer", image))


def test_a_place_that_the_runtimes_would_take_apart_is_refused(a_worker, stand_ins, image):
    ready = a_worker(**stand_ins).take(container("apptainer", image))
    with pytest.raises(SoftwareError, match="/a:b cannot be bound"):
        ready.wrap_command(["cat"], {}, "/work", "/a:b")


# ---------------------------------------------------------------- the real podman


@pytest.mark.slow
def test_podman_runs_programs_in_an_image(a_worker, podman, run, tmp_path):
    worker = a_worker(**podman, OUTSIDE="1")
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive/raw.fits").write_text("raw")
    (tmp_path / "cal").mkdir()
    ready = worker.take(container("podman", "localhost/tiny:1", binds=[[str(tmp_path / "cal"), "/cal", True]]))
    line = f"cat {tmp_path}/archive/raw.fits; echo x 2>&1 > {tmp_path}/archive/new || echo refused; "
    line += 'echo ${OUTSIDE-clean} $FW_CALL "$COLOUR" $HOME; echo made > here; echo made > /cal/there'
    status, said = run(ready, f"sh -c '{line}'", COLOUR="deep red")
    root = tmp_path / "work"
    assert status == 0, said
    assert said.startswith("raw")
    assert said.endswith(f"refused\nclean 1 deep red {root}\n")
    for path in (root / "here", tmp_path / "cal/there"):
        assert (path.read_text(), path.stat().st_uid) == ("made\n", os.getuid())
    inspect = ["podman", "image", "inspect", "localhost/tiny:1"]
    about = json.loads(subprocess.run(inspect, env={**os.environ, **podman}, capture_output=True, check=True).stdout)
    assert worker.told[0]["found"]["digest"] == about[0]["Digest"]
    assert run(ready, "sh -c 'exit 7'")[0] == 7


@pytest.mark.slow
def test_nothing_of_podman_outlives_a_program_that_is_ended(a_worker, podman, programs, tmp_path):
    ready = a_worker(**podman).take(container("podman", "localhost/tiny:1"))
    (tmp_path / "archive").mkdir()
    (tmp_path / "work").mkdir()
    pulse = tmp_path / "work/pulse"
    line = ["sh", "-c", "trap '' TERM; while :; do echo x >> pulse; sleep 0.02; done"]
    argv, environment = ready.wrap_command(line, {"FW_CALL": "1"}, str(tmp_path / "work"), str(tmp_path / "archive"))
    outcomes = []
    with (tmp_path / "said").open("wb") as said:
        running = threading.Thread(target=lambda: outcomes.append(programs.run(argv, environment, said.fileno())))
        running.start()
        while not pulse.exists() and running.is_alive():
            time.sleep(0.02)
        programs.stop()
        programs.kill()
        running.join()
        outcome = ready.program_result(argv, outcomes[0])
    assert (outcome.status > 0, list(outcome.usage)) == (True, ["wall"])
    size = pulse.stat().st_size
    time.sleep(0.3)
    assert pulse.stat().st_size == size
    own = ["podman", "ps", "--all", "--quiet", "--filter", f"name={argv[argv.index('--name') + 1]}"]
    assert subprocess.run(own, env={**os.environ, **podman}, capture_output=True, check=True).stdout == b""
