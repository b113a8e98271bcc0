"""Environments: variables by which programs find their software, of a setup script, modules, conda or a venv.

Each part starts from the variables of the one before it. Scripts are read by bash, which gets their paths and arguments
as words of their own: no shell text is composed here. Exported variables are returned in memory, since they may be
secrets: only their names and a checksum are recorded.
"""

from __future__ import annotations

import glob
import json
import os
import re

from framework.worker.environments.base import PreparedSoftware, SetupRunner, SoftwareError
from framework.worker.files.checksum import sha256
from framework.worker.files.transfer import measure
from framework.worker.programs.programs import find_program, program_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: $1 is the file for the variables, $2 the script, the rest its arguments.
READ_SCRIPT = 'fw_to=$1 fw_script=$2; shift 2; . "$fw_script" "$@" || exit; /usr/bin/env -0 >| "$fw_to"'
#: $1 is the file for the variables, $2 the script that defines the command module, the rest the modules.
LOAD_MODULES = """fw_to=$1 fw_init=$2; shift 2; fw_names=("$@"); set --; . "$fw_init"
module load "${fw_names[@]}" || exit; /usr/bin/env -0 >| "$fw_to" """
#: Usual paths of that script.
MODULE_INITS = ("/usr/share/lmod/lmod/init/bash", "/usr/share/modules/init/bash", "/etc/profile.d/modules.sh")
ASK_PYTHON = "import sys; print('.'.join(map(str, sys.version_info[:3])), sys.prefix, sep='\\n')"
#: Variables that a shell sets for itself.
SHELL_VARIABLES = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})
#: Names of variables whose values are not part of the checksum.
SECRET_NAME = re.compile(r"secret|token|passw|credential|api_?key|private", re.IGNORECASE)
#: Name of a variable of EUPS: SETUP_AFW=afw 26.0 -f Linux64 -Z /opt/stack
EUPS_PRODUCT = re.compile(r"SETUP_\w+")


class PreparedEnvironment(PreparedSoftware):
    """Environment variables that are the same for all programs."""


def make_environment(
    definition: Mapping[str, Any], runner: SetupRunner
) -> tuple[PreparedEnvironment, dict[str, object]]:
    """Prepare an environment; return it with what was found of it."""
    found: dict[str, object] = {}
    variables = dict(runner.environment)
    if setup := definition.get("setup"):
        found |= {"setup": setup, "setup_sha256": measure(setup[0]).sha256}
        variables = run_in_shell(runner, setup[0], READ_SCRIPT, setup, variables)
    if modules := definition.get("module_load"):
        variables = _with_modules(runner, modules, definition.get("module_init", ""), variables)
    prefix = ""
    if conda := definition.get("conda"):
        prefix, variables = conda, _with_conda(runner, conda, variables)
    if venv := definition.get("venv"):
        prefix, variables = venv, _with_venv(venv, variables)
    found |= _products(variables)
    found |= _python(runner, prefix, variables)
    found["variables"] = _change(runner.environment, variables)
    environment = PreparedEnvironment(variables)
    environment.summary = _summary(found)
    return environment, found


def run_in_shell(
    runner: SetupRunner, name: str, text: str, arguments: list[str], variables: Mapping[str, str]
) -> dict[str, str]:
    """Run one of the texts above in a shell; return the variables that it exports."""
    exported = os.memfd_create("variables", os.MFD_CLOEXEC)
    try:
        output = f"/proc/{os.getpid()}/fd/{exported}"
        runner.run(name, ["bash", "--noprofile", "--norc", "-c", text, "bash", output, *arguments], variables)
        pairs = os.pread(exported, os.fstat(exported).st_size, 0)
    finally:
        os.close(exported)
    if not pairs:
        raise SoftwareError(f"{name} ended the shell: use return instead of exit")
    read = dict(os.fsdecode(pair).split("=", 1) for pair in pairs.split(b"\0") if b"=" in pair)
    # Scripts must not change the variables of the framework.
    own = {key: value for key, value in variables.items() if key in SHELL_VARIABLES or key.startswith("FW_")}
    kept = {key: value for key, value in read.items() if key not in SHELL_VARIABLES and not key.startswith("FW_")}
    return {**kept, **own}


def _with_modules(runner: SetupRunner, modules: list[str], init: str, variables: Mapping[str, str]) -> dict[str, str]:
    script = _find_module_script(init, variables)
    name = f"module load {' '.join(modules)}"
    loaded = run_in_shell(runner, name, LOAD_MODULES, [script, *modules], variables)
    # Old versions always end with status 0.
    if loaded.get("LOADEDMODULES", "") == variables.get("LOADEDMODULES", ""):
        present = {each.split("/")[0] for each in loaded.get("LOADEDMODULES", "").split(":")}
        if missing := [module for module in modules if module.split("/")[0] not in present]:
            raise SoftwareError(f"{name} did not load {', '.join(missing)}")
    return loaded


def _find_module_script(init: str, variables: Mapping[str, str]) -> str:
    """Return the script that defines the command module: the one that is set, or else one in a usual place."""
    if init:
        if not os.path.isfile(init):
            raise SoftwareError(f"{init}: there is no such file")
        return init
    homes = [f"{variables[name]}/init/bash" for name in ("LMOD_PKG", "MODULESHOME") if name in variables]
    script = next(filter(os.path.isfile, [*homes, *MODULE_INITS]), None)
    if script is None:
        raise SoftwareError("no script defines the command module: set module_init")
    return script


def _with_conda(runner: SetupRunner, prefix: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables after ``conda activate``: packages may have scripts and variables of their own."""
    if not os.path.isdir(f"{prefix}/conda-meta"):
        raise SoftwareError(f"{prefix} is no conda environment: it has no conda-meta")
    changed = _with_prefix(prefix, variables)
    changed |= {"CONDA_PREFIX": prefix, "CONDA_DEFAULT_ENV": os.path.basename(prefix), "CONDA_SHLVL": "1"}
    for script in sorted(glob.glob(f"{glob.escape(prefix)}/etc/conda/activate.d/*.sh")):
        changed = run_in_shell(runner, script, READ_SCRIPT, [script], changed)
    try:
        with open(f"{prefix}/conda-meta/state", encoding="utf-8") as file:
            own = json.load(file).get("env_vars", {})
    except FileNotFoundError:
        own = {}
    except ValueError as error:
        raise SoftwareError(f"{prefix}/conda-meta/state cannot be read: {error}") from error
    return {**changed, **{key: value for key, value in own.items() if isinstance(value, str)}}


def _with_venv(prefix: str, variables: Mapping[str, str]) -> dict[str, str]:
    if not os.path.isfile(f"{prefix}/pyvenv.cfg"):
        raise SoftwareError(f"{prefix} is no virtual environment: it has no pyvenv.cfg")
    return {**_with_prefix(prefix, variables), "VIRTUAL_ENV": prefix}


def _with_prefix(prefix: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables with a directory's programs first on PATH."""
    kept = {key: value for key, value in variables.items() if key != "PYTHONHOME"}
    return {**kept, "PATH": os.pathsep.join(filter(None, [f"{prefix}/bin", variables.get("PATH", "")]))}


def _products(variables: Mapping[str, str]) -> dict[str, object]:
    """Return the loaded modules and the products of EUPS that are set up."""
    found: dict[str, object] = {}
    if loaded := variables.get("LOADEDMODULES"):
        found["modules"] = loaded.split(":")
    products = [value for key, value in variables.items() if EUPS_PRODUCT.fullmatch(key) and " -f " in value]
    if products:
        found["products"] = sorted(" ".join(product.split()[:2]) for product in products)
    return found


def _python(runner: SetupRunner, prefix: str, variables: Mapping[str, str]) -> dict[str, object]:
    """Return version and packages of the Python that programs find; raise SoftwareError if it is broken."""
    found: dict[str, object] = {"prefix": prefix, "packages": list_packages(prefix)} if prefix else {}
    path = f"{prefix}/bin" if prefix else variables.get("PATH", "")
    name = next((name for name in ("python", "python3") if program_error(name, path) is None), None)
    if name is None:
        if os.path.isfile(f"{prefix}/pyvenv.cfg"):
            raise SoftwareError(
                f"{prefix}/bin/python cannot be run, perhaps since its base Python is gone: create it again"
            )
        return found  # other programs need no Python
    return {**found, "python": _ask_version(runner, find_program(name, path), prefix, variables)}


def _ask_version(runner: SetupRunner, python: str, prefix: str, variables: Mapping[str, str]) -> str:
    """Ask a Python for its version; raise SoftwareError if it belongs to another prefix."""
    answer = runner.read_output(python, [python, "-c", ASK_PYTHON], variables).splitlines()
    version, found_prefix = answer[-2:] if len(answer) > 1 else ("", "")
    if prefix and os.path.realpath(found_prefix) != os.path.realpath(prefix):
        raise SoftwareError(f"{python} is the Python of {found_prefix or 'another directory'}: create {prefix} again")
    return version


def list_packages(prefix: str) -> list[str]:
    """Return name and version of the packages below a directory, of conda's with their build."""
    below = glob.escape(prefix)
    installed = glob.glob(f"{below}/lib/python*/site-packages/*.dist-info")
    found = [os.path.basename(path).removesuffix(".dist-info") for path in installed]
    found += [os.path.basename(path).removesuffix(".json") for path in glob.glob(f"{below}/conda-meta/*-*-*.json")]
    return sorted(set(found))


def _change(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, object]:
    """Return the names of the changed variables and a checksum of the changes."""
    names = sorted(name for name in {*before, *now} - SHELL_VARIABLES if before.get(name) != now.get(name))
    # The user's own directories, after the new ones on PATH, are not part of the environment.
    changes = {
        name: now[name].replace(before[name], "") if before.get(name) and name in now else now.get(name)
        for name in names
        if not SECRET_NAME.search(name)
    }
    text = json.dumps(changes, sort_keys=True).encode("utf-8", "surrogatepass")
    return {"names": names, "sha256": sha256(text).hexdigest()}


def _summary(found: Mapping[str, Any]) -> str:
    parts = [f"python {found['python']}"] if "python" in found else []
    parts += [f"in {found['prefix']}"] if "prefix" in found else []
    parts += [f"{len(found[what])} {what}" for what in ("packages", "modules", "products") if found.get(what)]
    return ", ".join(parts) or f"{len(found['variables']['names'])} variables"
