"""Environments and containers: what a module is given, and what is refused before anything runs."""

from __future__ import annotations

import pytest

from framework.model.job import Bind, Container, Environment
from wcl import WclError

VENV = "<astro>\nvenv = /opt/astro\n</astro>"
IMAGE = "<calib>\nimage = docker://ghcr.io/obs/calib:2\n</calib>"


@pytest.fixture
def text(reduce_text):
    """A pipeline with definitions, and with more lines at its top, in its block and in its module."""

    def make(environments=VENV, containers=IMAGE, top="", block="", module="environment = astro"):
        definitions = f"<environment_def>\n{environments}\n</environment_def>\n"
        definitions += f"<container_def>\n{containers}\n</container_def>\n"
        changed = reduce_text.replace("project = TST", f"project = TST\n{definitions}{top}")
        changed = changed.replace("divide_jobs_by = band", f"divide_jobs_by = band\n{block}")
        return changed.replace("wrapperloop = band, ccd", f"wrapperloop = band, ccd\n{module}")

    return make


def software(planned):
    return {call.module: call.software or None for call in planned.calls}


def test_the_nearest_of_module_block_and_pipeline_decides(plan, text):
    assert software(plan(text())) == {"reduce": "environment astro", "add": None}
    assert software(plan(text(block="container = calib"))) == {"reduce": "environment astro", "add": "container calib"}
    both = text(top="container = calib", module="environment = none")
    assert software(plan(both)) == {"reduce": None, "add": "container calib"}


def test_a_site_names_software_and_what_runs_containers(plan, text):
    site = "<site>\n<local>\ncontainer = calib\ncontainer_runtime = podman\n</local>\n</site>"
    found = plan(text(top=site, module="")).software["container calib"]
    assert found == Container(name="calib", runtime="podman", image="ghcr.io/obs/calib:2", setup_minutes=30)


def test_a_name_may_hold_a_loop_value(plan, text):
    two = "<in_g>\nvenv = /opt/g\n</in_g>\n<in_r>\nvenv = /opt/r\n</in_r>"
    planned = plan(text(two, module="environment = in_${band}"))
    given = {
        call.keys["band"]: planned.software[call.software].venv for call in planned.calls if call.module == "reduce"
    }
    assert given == {"g": "/opt/g", "r": "/opt/r"}


def test_all_that_an_environment_may_be_made_of(plan, text):
    lines = """
    <astro>
        setup = ${fw_home}/setup.sh 'two words' --quick
        module_load = gcc/12, cfitsio
        module_init = /etc/modules.sh
        venv = /opt/${project}/
        max_setuptime = 0.5
    </astro>"""
    assert plan(text(lines)).software["environment astro"] == Environment(
        name="astro",
        setup=("/home/fw/setup.sh", "two words", "--quick"),
        module_load=("gcc/12", "cfitsio"),
        module_init="/etc/modules.sh",
        venv="/opt/TST",
        setup_minutes=0.5,
    )


def test_all_that_a_container_may_be_made_of(plan, text):
    lines = """
    <calib>
        image = /images/calib.sif
        runtime = singularity
        bind = /cal, /scratch:/tmp:rw
        options = --nv --env 'A=b c'
    </calib>"""
    assert plan(text(containers=lines, module="container = calib")).software["container calib"] == Container(
        name="calib",
        runtime="singularity",
        image="/images/calib.sif",
        binds=(
            Bind(outside="/cal", inside="/cal", writable=False),
            Bind(outside="/scratch", inside="/tmp", writable=True),
        ),
        options=("--nv", "--env", "A=b c"),
        setup_minutes=30,
    )


@pytest.mark.parametrize(
    ("runtime", "image", "known"),
    [
        ("apptainer", "ghcr.io/obs/calib:2", "docker://ghcr.io/obs/calib:2"),
        ("apptainer", "oras://ghcr.io/obs/calib:2", "oras://ghcr.io/obs/calib:2"),
        ("docker", "docker://obs/calib@sha256:ab", "obs/calib@sha256:ab"),
        ("podman", "localhost/calib", "localhost/calib"),
    ],
)
def test_an_image_is_named_as_its_runtime_wants_it(plan, text, runtime, image, known):
    lines = f"<calib>\nruntime = {runtime}\nimage = {image}\n</calib>"
    assert plan(text(containers=lines, module="container = calib")).software["container calib"].image == known


WRONG = {
    "an unknown environment": ({"module": "environment = astor"}, "unknown environment 'astor'", "'astro'? (of"),
    "an unknown container": ({"module": "container = x"}, "unknown container 'x'", "calib (of <container_def>)"),
    "both at once": (
        {"module": "environment = astro\ncontainer = calib"}, "an environment and a container are named both", "leave"
    ),
    "an unknown key": ({"environments": "<astro>\nvnev = /x\n</astro>"}, "unknown key 'vnev'", "'venv'"),
    "an unknown key of a container": (
        {"containers": "<calib>\nimage = x\nentrypoint = /x\n</calib>"}, "has an unknown key 'entrypoint'", "bind",
    ),
    "nothing of software": ({"environments": "<astro>\n</astro>"}, "defines no software", "give it one of setup"),
    "conda and a venv": (
        {"environments": "<astro>\nconda = /c\nvenv = /v\n</astro>"}, "has both conda and venv", "Python is meant"
    ),
    "an init without modules": (
        {"environments": "<astro>\nvenv = /v\nmodule_init = /i\n</astro>"}, "loads no modules", "module_load"
    ),
    "a path that is not absolute": (
        {"environments": "<astro>\nvenv = venvs/a\n</astro>"}, "venv = venvs/a is not absolute", "begin it with /"
    ),
    "a script that is not absolute": (
        {"environments": "<astro>\nsetup = a.sh 1\n</astro>"}, "setup = a.sh is not absolute", "begin it with /"
    ),
    "a module that is an option": (
        {"environments": "<astro>\nmodule_load = --help\n</astro>"}, "'--help' is no module's name", "name/version"
    ),
    "a time that is none": (
        {"environments": "<astro>\nvenv = /v\nmax_setuptime = soon\n</astro>"}, "max_setuptime = soon is not", ""
    ),
    "a secret": ({"environments": "<astro>\nsetup = /s $SECRET{x}\n</astro>"}, "$SECRET{} cannot be used here", ""),
    "no image": ({"containers": "<calib>\nbind = /x\n</calib>"}, "container 'calib' has no image", "image = /path"),
    "an image that is an option": (
        {"containers": "<calib>\nimage = --privileged\n</calib>", "module": "container = calib"},
        "knows no image '--privileged'", "docker://",
    ),
    "an image file for podman": (
        {"containers": "<calib>\nimage = /x.sif\nruntime = podman\n</calib>", "module": "container = calib"},
        "podman runs no image files", "use apptainer",
    ),
    "an unknown runtime": (
        {"containers": "<calib>\nimage = x\nruntime = podmna\n</calib>", "module": "container = calib"},
        "'podmna' runs no containers", "apptainer, singularity, podman, docker",
    ),
    "a place that cannot be bound": (
        {"containers": "<calib>\nimage = x\nbind = data\n</calib>", "module": "container = calib"},
        "'data' cannot be bound", "/path:/inside:rw",
    ),
    "a definition that is a value": ({"environments": "astro = /opt/astro"}, "'astro' of environment_def", ""),
    "the name of nothing": ({"environments": "<none>\nvenv = /x\n</none>"}, "'none' cannot be the name", ""),
    "a section where a name is wanted": (
        {"top": "<environment>\n<a>\nvenv = /x\n</a>\n</environment>"}, "'environment' is a name", "<environment_def>"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_is_refused_with_its_place_and_a_remedy(plan, text, what):
    changes, message, hint = WRONG[what]
    with pytest.raises(WclError) as error:
        plan(text(**changes))
    (found,) = [problem for problem in error.value.problems if message in problem.message]
    assert (found.position.file.endswith("pipeline.wcl"), found.position.line > 0) == (True, True)
    assert hint in found.hint


def test_what_nobody_names_need_not_be_filled_in(plan, text):
    lines = VENV + "\n<other>\nvenv = ${not_here}\n</other>"
    assert list(plan(text(lines)).software) == ["environment astro"]
