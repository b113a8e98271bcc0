"""Presence: whether this machine has the programs of a plan, and the software that they run in."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from framework.engines.process_paths import program_path
from framework.errors import PlanError
from framework.worker.programs.programs import find_program

Software = Mapping[str, Mapping[str, Any]]


def check_presence(programs: Iterable[tuple[str, str]], software: Software) -> None:
    """Refuse what is not on this machine; all that is missing is named."""
    missing = [f"{label}: {found}" for label, each in software.items() if (found := trouble(each))]
    broken = {label for label, each in software.items() if trouble(each)}
    for name, label in sorted(programs):
        path = "" if label in broken else _search_path(software[label] if label else {})
        if path and (found := find_program(name, path)[1]):
            missing.append(f"{label}: {found}" if label else found)
    if missing:
        raise PlanError("\n".join(dict.fromkeys(missing)))


def trouble(definition: Mapping[str, Any]) -> str:
    """What of some software is visibly missing here; empty where all seems well."""
    path = program_path()
    if definition["kind"] == "container":
        image = definition["image"]
        if image.startswith("/") and not os.path.exists(image):
            return f"there is no image {image}"
        return find_program(definition["runtime"], path)[1]
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
    return find_program("bash", path)[1] if setup or definition.get("module_load") else ""


def _search_path(definition: Mapping[str, Any]) -> str:
    """Where programs will be looked for; empty where only the software itself knows."""
    if definition.get("kind") == "container" or definition.get("setup") or definition.get("module_load"):
        return ""
    prefix = definition.get("conda") or definition.get("venv")
    return os.pathsep.join([*([f"{prefix}/bin"] if prefix else []), program_path()])
