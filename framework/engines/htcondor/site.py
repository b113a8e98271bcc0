"""Site: values of its section of the configuration that concern a pool."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from framework.errors import PlanError

#: Values of ``gridtype`` that HTCondor runs.
POOL, SLURM = "condor", "slurm"
GRID_TYPES = (POOL, SLURM)
#: Settings of DAGMan that suit a pool of any size; the site's own come after them and win.
DAGMAN = {
    "DAGMAN_USER_LOG_SCAN_INTERVAL": "1",
    "DAGMAN_MAX_SUBMITS_PER_INTERVAL": "200",
    "DAGMAN_SUBMIT_DELAY": "0",
    "DAGMAN_MAX_JOBS_IDLE": "1000",
    "DAGMAN_USE_DIRECT_SUBMIT": "True",
    "DAGMAN_PROHIBIT_MULTI_JOBS": "True",
}


@dataclass(frozen=True, kw_only=True)
class Site:
    """Properties of a pool, as its jobs are described for it."""

    name: str
    grid_type: str
    #: Whether jobs see the submitting side's files at the same paths.
    shared: bool
    #: The Python that runs jobs.
    python: str
    hold_over_memory: bool
    infrastructure_retries: int
    requirements: str
    dagman: Mapping[str, str]
    #: Further lines of the jobs' submit description.
    submit: Mapping[str, str]
    #: Throttles that the pool does not keep: name to how much there is of it.
    limits: Mapping[str, int]

    @property
    def max_idle(self) -> int:
        """Number of jobs that may be idle in the queue at a time."""
        return int(self.dagman["DAGMAN_MAX_JOBS_IDLE"])


def is_pool(site: Mapping[str, str]) -> bool:
    """Return whether a site's jobs go through HTCondor."""
    return site.get("gridtype", "local") in GRID_TYPES


def read_site(name: str, values: Mapping[str, str]) -> Site:
    """Return the site of a section; PlanError where a value is invalid."""
    shared = _boolean(name, values, "shared_filesystem", True)
    grid_type = values.get("gridtype", POOL)
    dagman = {**DAGMAN, **{key.upper(): value for key, value in _part(values, "dagman").items()}}
    for key in ("DAGMAN_MAX_JOBS_IDLE",):
        _number(name, dagman, key, 1)
    limits = _part(values, "condor_limits")
    return Site(
        name=name,
        grid_type=grid_type,
        shared=shared,
        python=values.get("python") or (sys.executable if shared else "python3"),
        hold_over_memory=_boolean(name, values, "hold_over_memory", True),
        infrastructure_retries=_number(name, values, "infrastructure_retries", 3),
        requirements=values.get("machine_requirements", ""),
        dagman=dagman,
        submit=_part(values, "condor_submit"),
        limits={key: _number(name, limits, key, 0) for key in limits},
    )


def _part(values: Mapping[str, str], section: str) -> dict[str, str]:
    before = section + "."
    return {key[len(before) :]: value for key, value in values.items() if key.startswith(before)}


def _boolean(site: str, values: Mapping[str, str], key: str, default: bool) -> bool:
    text = values.get(key)
    if text is None:
        return default
    from wcl import WclError, parse_boolean  # start-up: the language is needed only for a site that sets such a key

    try:
        return parse_boolean(text)
    except WclError as error:
        raise PlanError(f"site {site}: {key} = {text} is neither true nor false") from error


def _number(site: str, values: Mapping[str, str], key: str, default: int) -> int:
    text = values.get(key, str(default))
    if not text.isdecimal():
        raise PlanError(f"site {site}: {key} = {text} is not a whole number")
    return int(text)
