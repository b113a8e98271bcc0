"""Environments: their variables, what is found of them, and why one cannot be made ready."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from framework.worker.environments.base import SoftwareError

MODULES = Path("/usr/share/modules/init/bash")


def environment(**parts):
    return {"kind": "environment", "name": "astro", "setup_minutes": 0.5, **parts}


@pytest.fixture(scope="session")
def venv(tmp_path_factory):
    """A virtual environment with one package."""
    prefix = tmp_path_factory.mktemp("venv") / "v"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    (site,) = prefix.glob("lib/python*/site-packages")
    (site / "sky_tools-1.4.dist-info").mkdir()
    return str(prefix)


def test_a_script_is_read_with_its_arguments_once_a_worker(a_worker, a_script, run, tmp_path):
    worker = a_worker()
    setup = a_script(f'echo "$#" >> {tmp_path}/count; export STACK="$1" LIST=$\'a\\nb\'; local_only=1')
    for _ in range(2):
        ready = worker.take(environment(setup=[setup, "v 1; rm -rf $HOME"]))
    assert run(ready, "sh -c 'echo \"$STACK|$LIST|$local_only|$FW_CALL\"'") == (0, "v 1; rm -rf $HOME|a\nb||1\n")
    assert (tmp_path / "count").read_text() == "1\n"
    assert [(fact["name"], fact["found"]["setup"][1:]) for fact in worker.told] == [("astro", ["v 1; rm -rf $HOME"])]


def test_a_script_takes_variables_away_but_none_of_the_frameworks(a_worker, a_script, run):
    ready = a_worker(OLD="x").take(environment(setup=[a_script("unset OLD FW_FENCE; export FW_RUN=other FW_NEW=1")]))
    said = run(ready, "sh -c 'echo ${OLD-none} $FW_FENCE $FW_RUN ${FW_NEW-none}'")
    assert said == (0, "none /run U_r1p01 none\n")


def test_values_are_written_nowhere(a_worker, a_script, tmp_path):
    worker = a_worker()
    worker.take(environment(setup=[a_script("export DB_PASSWORD=hidden PLAIN=hidden")]))
    assert worker.told[0]["found"]["variables"]["names"] == ["DB_PASSWORD", "PLAIN"]
    assert "hidden" not in json.dumps(worker.told) + worker.log.read_text()


def test_what_is_found_does_not_hang_on_secrets_or_on_who_asks(a_worker, a_script):
    def found(secret, path):
        worker = a_worker(GIVEN=secret, PATH=f"{path}:{os.environ['PATH']}")
        worker.take(environment(setup=[a_script('export PATH="/opt/x:$PATH" TOKEN="$GIVEN"')]))
        return worker.told[0]["sha256"]

    assert found("a", "/home/olga/bin") == found("b", "/home/vera/bin")


WRONG = {
    "that fails": ("echo one; echo two >&2; echo; echo three; return 3", "ended with status 3: one | two | three"),
    "that exits": ("exit 4", "ended with status 4: it wrote nothing"),
    "that exits too early": ("export A=1; exit 0", "ended the shell: use return"),
    "that is no bash": ("if then", "ended with status "),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_script_that_fails_is_told_with_its_last_words(a_worker, a_script, what):
    lines, message = WRONG[what]
    setup = a_script(lines)
    with pytest.raises(SoftwareError) as error:
        a_worker().take(environment(setup=[setup]))
    assert str(error.value).startswith("environment astro cannot be made ready: ")
    assert f"{setup} {message}" in str(error.value)


def test_what_failed_is_not_tried_again(a_worker, a_script, tmp_path):
    worker = a_worker()
    definition = environment(setup=[a_script(f"echo x >> {tmp_path}/tries; false")])
    for _ in range(2):
        with pytest.raises(SoftwareError, match="ended with status 1"):
            worker.take(definition)
    assert ((tmp_path / "tries").read_text(), worker.told) == ("x\n", [])


def test_a_script_that_takes_too_long_is_ended_with_its_children(a_worker, a_script, tmp_path):
    setup = a_script(f"sleep 1000 & echo $! > {tmp_path}/child; wait")
    began = time.monotonic()
    with pytest.raises(SoftwareError, match=r"its 0\.3 seconds were up"):
        a_worker().take(environment(setup=[setup], setup_minutes=0.005))
    stat = Path(f"/proc/{(tmp_path / 'child').read_text().strip()}/stat")
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z" and time.monotonic() - began < 9:
        time.sleep(0.01)
    assert time.monotonic() - began < 9


def test_a_worker_that_stops_does_not_hold_it_against_the_software(a_worker, a_script, programs):
    worker = a_worker()
    programs.stopping = True
    with pytest.raises(SoftwareError, match="the worker was told to stop") as error:
        worker.take(environment(setup=[a_script("export A=1")]))
    programs.stopping = False
    assert not error.value.lasting
    assert worker.take(environment(setup=[a_script("export A=1")])).sha256


def test_a_venv_comes_first_and_tells_its_python_and_packages(a_worker, venv, run):
    worker = a_worker(PYTHONHOME="/nowhere")
    ready = worker.take(environment(venv=venv))
    assert run(ready, "python -c 'import sys, os; print(sys.prefix, os.environ[\"VIRTUAL_ENV\"])'") == (
        0, f"{venv} {venv}\n"
    )  # fmt: skip
    found = worker.told[0]["found"]
    version = ".".join(map(str, sys.version_info[:3]))
    assert (found["python"], found["prefix"], found["packages"]) == (version, venv, ["sky_tools-1.4"])
    assert ready.summary == f"python {version}, in {venv}, 1 packages"


def test_a_script_and_a_venv_go_together(a_worker, a_script, venv, run):
    ready = a_worker().take(environment(setup=[a_script("export CUDA_HOME=/opt/cuda PATH=/opt/cuda:$PATH")], venv=venv))
    _, said = run(ready, "sh -c 'echo $CUDA_HOME $PATH'")
    assert said.startswith(f"/opt/cuda {venv}/bin:/opt/cuda:")


def test_a_venv_that_is_none_or_broken_or_moved_is_told(a_worker, venv, tmp_path):
    for path, message in ((tmp_path / "none", "has no pyvenv.cfg"), (tmp_path / "broken", "cannot be run")):
        if path.name == "broken":
            (path / "bin").mkdir(parents=True)
            (path / "pyvenv.cfg").touch()
            (path / "bin/python").symlink_to("/no/such/python")
        with pytest.raises(SoftwareError, match=f"{path}.*{message}"):
            a_worker().take(environment(venv=str(path)))


def test_a_conda_environment_is_activated_with_its_packages_scripts(a_worker, venv, run, tmp_path):
    """Its directory is laid out as conda does it; conda itself is not needed to use one."""
    prefix = tmp_path / "conda env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    for name, text in {
        "conda-meta/python-3.11.9-h955ad1f_0.json": "{}",
        "conda-meta/gdal-3.9-py311_1.json": "{}",
        "conda-meta/history": "",
        "conda-meta/state": json.dumps({"env_vars": {"MODE": "survey"}}),
        "etc/conda/activate.d/a.sh": 'export GDAL_DATA="$CONDA_PREFIX/share/gdal"',
        "etc/conda/activate.d/b.csh": "setenv NOT read",
    }.items():
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).write_text(text)
    worker = a_worker()
    ready = worker.take(environment(conda=str(prefix)))
    assert run(ready, "sh -c 'echo $GDAL_DATA $MODE $CONDA_DEFAULT_ENV'") == (
        0, f"{prefix}/share/gdal survey conda env\n"
    )  # fmt: skip
    assert worker.told[0]["found"]["packages"] == ["gdal-3.9-py311_1", "python-3.11.9-h955ad1f_0"]
    with pytest.raises(SoftwareError, match="has no conda-meta"):
        a_worker().take(environment(conda=venv))


def test_products_of_eups_are_found(a_worker, a_script):
    worker = a_worker()
    worker.take(
        environment(
            setup=[
                a_script("export SETUP_AFW='afw 26.0 -f Linux64 -Z /opt' SETUP_SED='sed 1 -f Linux64' SETUP_DONE='yes'")
            ]
        )
    )
    assert worker.told[0]["found"]["products"] == ["afw 26.0", "sed 1"]


@pytest.fixture
def modules(tmp_path, unable):
    """Real environment modules, of a place of their own."""
    if not MODULES.exists():
        unable("environment modules are not installed (apt-get install environment-modules)")
    (tmp_path / "modulefiles/cfitsio").mkdir(parents=True)
    (tmp_path / "modulefiles/cfitsio/4.1").write_text("#%Module\nsetenv CFITSIO_DIR /opt/cfitsio-4.1\n")
    return {"MODULEPATH": str(tmp_path / "modulefiles")}


def test_modules_are_loaded(a_worker, modules, run):
    worker = a_worker(**modules)
    ready = worker.take(environment(module_load=["cfitsio"], module_init=str(MODULES)))
    assert run(ready, "sh -c 'echo $CFITSIO_DIR'") == (0, "/opt/cfitsio-4.1\n")
    assert worker.told[0]["found"]["modules"] == ["cfitsio/4.1"]
    assert a_worker(**modules).take(environment(module_load=["cfitsio/4.1"])).sha256


def test_a_module_that_is_not_there_is_told(a_worker, modules):
    with pytest.raises(SoftwareError, match=r"module load gcc/12 ended with status 1: .*gcc/12"):
        a_worker(**modules).take(environment(module_load=["gcc/12"]))


def test_old_modules_that_fail_without_saying_so_are_seen_through(a_worker, a_script):
    init = a_script('module() { echo "no such module" >&2; true; }')
    with pytest.raises(SoftwareError, match="module load gcc did not load gcc"):
        a_worker().take(environment(module_load=["gcc"], module_init=init))
    with pytest.raises(SoftwareError, match=r"/none/init: there is no such file"):
        a_worker().take(environment(module_load=["gcc"], module_init="/none/init"))
