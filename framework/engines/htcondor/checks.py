"""Checks before submission: refuse what the pool could not run, or would not run as it was meant."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from framework.engines.htcondor.pool import setting
from framework.engines.htcondor.site import Site
from framework.engines.run_directory import RunDirectory
from framework.errors import PlanError
from framework.model.run import PlannedRun


def check_paths(directory: RunDirectory, plan: PlannedRun) -> None:
    """Refuse paths in temporary directories, where DAGMan keeps no logs, and names that it cannot read."""
    temporary = Path(tempfile.gettempdir()).resolve()
    for folder in {temporary, Path("/tmp"), Path("/var/tmp")}:  # noqa: S108 (it is refused, not used)
        if directory.path.is_relative_to(folder):
            raise PlanError(f"FW_HOME lies in {folder}, where DAGMan refuses to keep its logs: set it to another place")
    for path in (str(directory.path), plan.archive_root):
        if any(letter in path for letter in " \"'\t$,;%"):
            raise PlanError(f"{path}: a blank or one of \" ' $ , ; % in it cannot be told to HTCondor")


def check_registry(address: str) -> None:
    """Refuse an address with a password: it would stand in files that others may read."""
    if re.search(r"://[^/@]*:[^/@]+@", address):
        raise PlanError(
            "the registry's address holds a password, which would stand in the DAG: put the password into ~/.pgpass "
            "(or a file that PGPASSFILE names), and leave it out of FW_REGISTRY"
        )


def check_limits(plan: PlannedRun, site: Site) -> None:
    """Refuse concurrency limits that the pool does not define: they would limit nothing, silently."""
    for module, limits in plan.concurrency_limits.items():
        for limit in limits:
            name = limit.partition(":")[0]
            if name.lower() in site.limits:
                continue
            if (
                setting(f"{name.upper()}_LIMIT") is None
                and setting(f"{name.partition('.')[0].upper()}_LIMIT_DEFAULT") is None
            ):
                raise PlanError(
                    f"module {module}: the pool defines no limit '{name}' ({name.upper()}_LIMIT): have it defined, or "
                    f"say how much of it there is in <condor_limits> of site {site.name}"
                )
