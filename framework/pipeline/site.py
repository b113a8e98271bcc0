"""The site: whether it can give jobs what they ask for, and what of that has no meaning there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from framework.model.plan import Call, Job
from framework.pipeline.definition import ModuleDefinition
from framework.pipeline.numbers import whole_number
from framework.pipeline.problems import PlanProblems
from framework.pipeline.resources import QUEUE
from wcl import Scope, Section, SourcePosition

Modules = Mapping[str, ModuleDefinition]

#: Sites whose jobs run on the machine that they were submitted on.
LOCAL = "local"


def site_of(pipeline: Section) -> Section:
    """The section of the site that the jobs run at; an empty one where there is none."""
    return pipeline.section("site").section(str(pipeline.get("target_site", "")).lower())


def gpus_of(site: Section) -> int | None:
    """How many graphics processors the site gives to jobs; None where it does not say."""
    return whole_number(Scope(site), "gpus", site.opened_position)


def check_needs(calls: Iterable[Call], modules: Modules, site: Section, problems: PlanProblems) -> None:
    """Graphics processors that the site has not, or does not count; queues where there are none."""
    gpus: dict[str, int] = {}
    queues: dict[tuple[str, str], str] = {}
    for call in calls:
        if call.needs.gpus:
            gpus[call.module] = max(call.needs.gpus, gpus.get(call.module, 0))
        for word in QUEUE:
            if value := getattr(call.needs, word):
                queues.setdefault((call.module, word), value)
    is_local = str(site.get("gridtype", LOCAL)).strip().lower() == LOCAL
    has = gpus_of(site)
    for module, wanted in gpus.items():
        position = _position(modules[module], "request_gpus")
        if has is None and is_local:
            message = f"site '{site.name}' does not say how many graphics processors it has: jobs do not wait for any"
            problems.add_warning(position, message, "gpus = <number> in its section")
        elif has is not None and wanted > has:
            message = f"module '{module}' asks for {wanted} graphics processors, and site '{site.name}' has {has}"
            problems.add_error(position, message, "ask for fewer, or correct gpus of the site")
    for (module, word), value in queues.items():
        if is_local:
            hint = f"it is kept in the plan; a site with a queue has another gridtype than {LOCAL}"
            message = f"{word} = {value} of module '{module}' means nothing at site '{site.name}'"
            problems.add_warning(_position(modules[module], word), message, hint)


def check_queues(jobs: Iterable[Job], modules: Modules, problems: PlanProblems) -> None:
    """Calls of one job that are to run in different queues."""
    for job in jobs:
        for word in QUEUE:
            named = {value: call for call in job.calls if (value := getattr(call.needs, word))}
            if len(named) > 1:
                message = f"job {job.number} would have more than one {word}: {', '.join(sorted(named))}"
                hint = "put the modules into blocks of their own, or give them the same"
                problems.add_error(_position(modules[list(named.values())[-1].module], word), message, hint)


def _position(module: ModuleDefinition, key: str) -> SourcePosition:
    return module.section.position(key) if key in module.section else module.position
