"""Environments: variables by which programs find their software: of a set-up script, modules, conda or a venv.

Each part starts from the variables that the one before it left. Scripts are read by bash, which is given their paths
and arguments as words of their own: no text that a shell interprets is ever put together here. What the shell exports
comes back through memory, since variables may be secrets: none is written down, only their names and a checksum.
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

#: $1 is where the variables go, $2 the script, the rest its arguments.
READ_SCRIPT = 'fw_to=$1 fw_script=$2; shift 2; . "$fw_script" "$@" || exit; /usr/bin/env -0 >| "$fw_to"'
#: $1 is where the variables go, $2 the script that makes the command module known, the rest the modules.
LOAD_MODULES = """fw_to=$1 fw_init=$2; shift 2; fw_names=("$@"); set --; . "$fw_init"
module load "${fw_names[@]}" || exit; /usr/bin/env -0 >| "$fw_to" """
#: Where it is made known, unless the definition says it.
MODULE_INITS = ("/usr/share/lmod/lmod/init/bash", "/usr/share/modules/init/bash", "/etc/profile.d/modules.sh")
ASK_PYTHON = "import sys; print('.'.join(map(str, sys.version_info[:3])), sys.prefix, sep='\\n')"
#: What a shell sets for itself.
OF_THE_SHELL = frozenset({"_", "SHLVL", "PWD", "OLDPWD"})
#: Variables of such names are no part of the checksum.
SECRET_NAME = re.compile(r"secret|token|passw|credential|api_?key|private", re.IGNORECASE)
#: How EUPS notes a product: SETUP_AFW=afw 26.0 -f Linux64 -Z /opt/stack
EUPS_PRODUCT = re.compile(r"SETUP_\w+")


class PreparedEnvironment(PreparedSoftware):
    """Variables that were found once, for all programs."""


def make_environment(definition: Mapping[str, Any], shop: SetupRunner) -> tuple[PreparedEnvironment, dict[str, Any]]:
    """The environment, and what was found of it."""
    found: dict[str, Any] = {}
    variables = dict(shop.environment)
    if setup := definition.get("setup"):
        found |= {"setup": setup, "setup_sha256": measure(setup[0]).sha256}
        variables = after(shop, setup[0], READ_SCRIPT, setup, variables)
    if modules := definition.get("module_load"):
        variables = _with_modules(shop, modules, definition.get("module_init", ""), variables)
    prefix = ""
    if conda := definition.get("conda"):
        prefix, variables = conda, _with_conda(shop, conda, variables)
    if venv := definition.get("venv"):
        prefix, variables = venv, _with_venv(venv, variables)
    found |= _products(variables)
    found |= _python(shop, prefix, variables)
    found["variables"] = _change(shop.environment, variables)
    environment = PreparedEnvironment(variables)
    environment.summary = _summary(found)
    return environment, found


def after(
    shop: SetupRunner, name: str, text: str, arguments: list[str], variables: Mapping[str, str]
) -> dict[str, str]:
    """The variables that a shell exports when it has run one of the texts above."""
    exported = os.memfd_create("variables", os.MFD_CLOEXEC)
    try:
        way = f"/proc/{os.getpid()}/fd/{exported}"
        shop.run(name, ["bash", "--noprofile", "--norc", "-c", text, "bash", way, *arguments], variables)
        pairs = os.pread(exported, os.fstat(exported).st_size, 0)
    finally:
        os.close(exported)
    if not pairs:
        raise SoftwareError(f"{name} ended the shell before it came to its end: use return, and not exit")
    read = dict(os.fsdecode(pair).split("=", 1) for pair in pairs.split(b"\0") if b"=" in pair)
    # The framework's own variables are not a script's to change.
    own = {key: value for key, value in variables.items() if key in OF_THE_SHELL or key.startswith("FW_")}
    kept = {key: value for key, value in read.items() if key not in OF_THE_SHELL and not key.startswith("FW_")}
    return {**kept, **own}


def _with_modules(shop: SetupRunner, modules: list[str], init: str, variables: Mapping[str, str]) -> dict[str, str]:
    homes = [f"{variables[name]}/init/bash" for name in ("LMOD_PKG", "MODULESHOME") if name in variables]
    at = next(filter(os.path.isfile, [init] if init else [*homes, *MODULE_INITS]), None)
    if at is None:
        why = "there is no such file" if init else "nothing makes the command module known: say what with module_init"
        raise SoftwareError(": ".join(filter(None, [init, why])))
    name = f"module load {' '.join(modules)}"
    loaded = after(shop, name, LOAD_MODULES, [at, *modules], variables)
    # Old versions end with 0 whatever happened.
    if loaded.get("LOADEDMODULES", "") == variables.get("LOADEDMODULES", ""):
        there = {each.split("/")[0] for each in loaded.get("LOADEDMODULES", "").split(":")}
        if missing := [module for module in modules if module.split("/")[0] not in there]:
            raise SoftwareError(f"{name} did not load {', '.join(missing)}")
    return loaded


def _with_conda(shop: SetupRunner, prefix: str, variables: Mapping[str, str]) -> dict[str, str]:
    """As ``conda activate`` leaves them: its packages may have scripts and variables of their own."""
    if not os.path.isdir(f"{prefix}/conda-meta"):
        raise SoftwareError(f"{prefix} is no conda environment: it has no conda-meta")
    changed = _with_prefix(prefix, variables)
    changed |= {"CONDA_PREFIX": prefix, "CONDA_DEFAULT_ENV": os.path.basename(prefix), "CONDA_SHLVL": "1"}
    for script in sorted(glob.glob(f"{glob.escape(prefix)}/etc/conda/activate.d/*.sh")):
        changed = after(shop, script, READ_SCRIPT, [script], changed)
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
    """What is below a directory comes first."""
    kept = {key: value for key, value in variables.items() if key != "PYTHONHOME"}
    return {**kept, "PATH": os.pathsep.join(filter(None, [f"{prefix}/bin", variables.get("PATH", "")]))}


def _products(variables: Mapping[str, str]) -> dict[str, Any]:
    """Modules that are loaded, and products of EUPS that are set up."""
    found: dict[str, Any] = {}
    if loaded := variables.get("LOADEDMODULES"):
        found["modules"] = loaded.split(":")
    products = [value for key, value in variables.items() if EUPS_PRODUCT.fullmatch(key) and " -f " in value]
    if products:
        found["products"] = sorted(" ".join(product.split()[:2]) for product in products)
    return found


def _python(shop: SetupRunner, prefix: str, variables: Mapping[str, str]) -> dict[str, Any]:
    """The Python that programs find, and what is installed for it; one that is broken is no use to them."""
    found: dict[str, Any] = {"prefix": prefix, "packages": packages(prefix)} if prefix else {}
    path = f"{prefix}/bin" if prefix else variables.get("PATH", "")
    name = next((name for name in ("python", "python3") if program_error(name, path) is None), None)
    if name is None:
        if os.path.isfile(f"{prefix}/pyvenv.cfg"):
            raise SoftwareError(f"{prefix}/bin/python cannot be run: what it was made from may be gone; make it anew")
        return found  # an environment may be of other programs
    python = find_program(name, path)
    told = shop.answer(python, [python, "-c", ASK_PYTHON], variables).splitlines()
    version, place = told[-2:] if len(told) > 1 else ("", "")
    if prefix and os.path.realpath(place) != os.path.realpath(prefix):
        raise SoftwareError(f"{python} is the Python of {place or 'another place'}: make {prefix} anew")
    return {**found, "python": version}


def packages(prefix: str) -> list[str]:
    """Name and version of what is installed below a directory; of conda's packages with their build."""
    below = glob.escape(prefix)
    installed = glob.glob(f"{below}/lib/python*/site-packages/*.dist-info")
    found = [os.path.basename(path).removesuffix(".dist-info") for path in installed]
    found += [os.path.basename(path).removesuffix(".json") for path in glob.glob(f"{below}/conda-meta/*-*-*.json")]
    return sorted(set(found))


def _change(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, Any]:
    """Names of the variables that are other ones now, and a checksum of how they were changed."""
    names = sorted(name for name in {*before, *now} - OF_THE_SHELL if before.get(name) != now.get(name))
    # What somebody's own PATH holds behind the new places is no part of the environment.
    told = {
        name: now[name].replace(before[name], "") if before.get(name) and name in now else now.get(name)
        for name in names
        if not SECRET_NAME.search(name)
    }
    text = json.dumps(told, sort_keys=True).encode("utf-8", "surrogatepass")
    return {"names": names, "sha256": sha256(text).hexdigest()}


def _summary(found: Mapping[str, Any]) -> str:
    parts = [f"python {found['python']}"] if "python" in found else []
    parts += [f"in {found['prefix']}"] if "prefix" in found else []
    parts += [f"{len(found[what])} {what}" for what in ("packages", "modules", "products") if found.get(what)]
    return ", ".join(parts) or f"{len(found['variables']['names'])} variables"
