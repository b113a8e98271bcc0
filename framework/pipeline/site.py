"""The site of a run: its values, and whether it can give jobs what they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from framework.model.job import Call, Job
from framework.pipeline.definition import QUEUE_KEYS, ModuleDefinition
from framework.pipeline.numbers import find_whole_number
from framework.pipeline.problems import PlanProblems
from wcl import Scope, Section, expand

Modules = Mapping[str, ModuleDefinition]

#: Kind of a site (``gridtype``) whose jobs run on the machine that they were submitted on.
LOCAL = "local"


@dataclass(frozen=True)
class SiteDefinition:
    """The site that the jobs of a run are sent to."""

    #: Its values; empty if the pipeline has no section for its target site.
    section: Section

    @property
    def gpus(self) -> int | None:
        """Graphics processors that the site gives to jobs; None if it does not say."""
        return find_whole_number(Scope(self.section), "gpus", self.section.opened_position)

    @property
    def is_local(self) -> bool:
        """True if jobs run on the machine that they were submitted on."""
        return str(self.section.get("gridtype", LOCAL)).strip().lower() == LOCAL

    def max_transfers(self, scope: Scope) -> int:
        """Return how many files a machine's jobs may fetch from one server at a time; 0 for no limit."""
        section = self.section
        return find_whole_number(scope.child(section), "max_transfers", section.opened_position) or 0

    def expand_values(self, scope: Scope) -> Mapping[str, str]:
        """Return all values of the site, expanded; those of sections inside by dotted names."""
        return _expand_values(self.section, scope, "")


def read_site(pipeline: Section) -> SiteDefinition:
    """Return the target site of a pipeline."""
    name = str(pipeline.get("target_site", "")).lower()
    return SiteDefinition(pipeline.section("site").section(name))


def check_needs(calls: Iterable[Call], modules: Modules, site: SiteDefinition, problems: PlanProblems) -> None:
    """Report graphics processors that the site does not have or does not count, and queues where there are none."""
    gpus: dict[str, int] = {}
    queues: dict[tuple[str, str], str] = {}
    for call in calls:
        if call.needs.gpus:
            gpus[call.module] = max(call.needs.gpus, gpus.get(call.module, 0))
        for key in QUEUE_KEYS:
            if value := getattr(call.needs, key):
                queues.setdefault((call.module, key), value)
    _check_gpus(gpus, modules, site, problems)
    for (module, key), value in queues.items() if site.is_local else ():
        hint = f"it is kept in the plan; a site with a queue has another gridtype than {LOCAL}"
        message = f"{key} = {value} of module '{module}' means nothing at site '{site.section.name}'"
        problems.add_warning(modules[module].position_of(key), message, hint)


def check_queues(jobs: Iterable[Job], modules: Modules, problems: PlanProblems) -> None:
    """Report jobs whose calls are to run in different queues."""
    for job in jobs:
        for key in QUEUE_KEYS:
            by_value = {value: call for call in job.calls if (value := getattr(call.needs, key))}
            if len(by_value) > 1:
                message = f"job {job.number} would have more than one {key}: {', '.join(sorted(by_value))}"
                hint = "put the modules into blocks of their own, or give them the same"
                last = list(by_value.values())[-1]
                problems.add_error(modules[last.module].position_of(key), message, hint)


def _check_gpus(gpus: Mapping[str, int], modules: Modules, site: SiteDefinition, problems: PlanProblems) -> None:
    """Report modules that ask for more graphics processors than the site has, or for some at a site without a count."""
    available = site.gpus
    name = site.section.name
    for module, requested in gpus.items():
        position = modules[module].position_of("request_gpus")
        if available is None and site.is_local:
            message = f"site '{name}' does not say how many graphics processors it has: jobs do not wait for any"
            problems.add_warning(position, message, "gpus = <number> in its section")
        elif available is not None and requested > available:
            message = f"module '{module}' asks for {requested} graphics processors, and site '{name}' has {available}"
            problems.add_error(position, message, "ask for fewer, or correct gpus of the site")


def _expand_values(section: Section, scope: Scope, prefix: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for key, value in section.items():
        if isinstance(value, Section):
            values |= _expand_values(value, scope, f"{prefix}{key}.")
        else:
            values[prefix + key] = str(expand(value, scope, section.position(key)))
    return values
