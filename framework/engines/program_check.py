"""Program check: whether this machine has the programs of a plan, and the software that they run in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from framework.engines.process_paths import program_path
from framework.errors import PlanError
from framework.worker.programs.programs import program_error

#: Label of software to its definition, as workers read it (framework/worker/environments/base.py).
SoftwareDefinitions = Mapping[str, Mapping[str, Any]]


def check_programs(programs: Iterable[tuple[str, str]], software: SoftwareDefinitions) -> None:
    """Refuse programs and software that are not on this machine; PlanError names all that is missing.

    Each program comes with the label of the software that it runs in, empty for the machine as it is.
    """
    errors = {label: error for label, definition in software.items() if (error := software_error(definition))}
    missing = [f"{label}: {error}" for label, error in errors.items()]
    missing += _program_errors(sorted(each for each in programs if each[1] not in errors), software)
    if missing:
        raise PlanError("\n".join(dict.fromkeys(missing)))


def _program_errors(programs: Iterable[tuple[str, str]], software: SoftwareDefinitions) -> Iterator[str]:
    for name, label in programs:
        path = _search_path(software[label] if label else {})
        if path and (error := program_error(name, path)):
            yield f"{label}: {error}" if label else error


def software_error(definition: Mapping[str, Any]) -> str | None:
    """Return what is visibly missing here of some software; None where all seems well."""
    path = program_path()
    if definition["kind"] == "container":
        image = definition["image"]
        if image.startswith("/") and not os.path.exists(image):
            return f"there is no image {image}"
        return program_error(definition["runtime"], path)
    return _environment_error(definition, path)


def _environment_error(definition: Mapping[str, Any], path: str) -> str | None:
    setup = definition.get("setup")
    scripts = [setup[0] if setup else "", definition.get("module_init", "")]
    for script in filter(None, scripts):
        if not os.path.isfile(script):
            return f"there is no script {script}"
        if not os.access(script, os.R_OK):
            return f"{script} may not be read"
    for kind, sign in (("conda", "conda-meta"), ("venv", "pyvenv.cfg")):
        prefix = definition.get(kind)
        if prefix and not os.path.exists(os.path.join(prefix, sign)):
            return f"{prefix} is no {kind} environment: it has no {sign}"
    needs_shell = setup or definition.get("module_load")
    return program_error("bash", path) if needs_shell else None


def _search_path(definition: Mapping[str, Any]) -> str | None:
    """Return where programs will be looked for; None where only the software itself knows."""
    if definition.get("kind") == "container" or definition.get("setup") or definition.get("module_load"):
        return None
    prefix = definition.get("conda") or definition.get("venv")
    return os.pathsep.join([*([f"{prefix}/bin"] if prefix else []), program_path()])
