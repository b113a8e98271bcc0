"""Check of a site's software: each environment is set up on this machine, and each container looked for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from framework.engines.process_paths import program_path
from framework.engines.program_check import software_error
from framework.pipeline.keys import check_pipeline
from framework.pipeline.software import KINDS, SoftwareDefinitions, check_software
from framework.worker.environments.base import SoftwareError
from framework.worker.environments.cache import EnvironmentCache
from framework.worker.programs.programs import Programs
from framework.worker.programs.warden import Warden
from wcl import Scope, Section, WclError


@dataclass(frozen=True)
class SoftwareCheck:
    """Result for one environment or container: its label, and its summary or what is wrong with it."""

    label: str
    summary: str
    error: str = ""


def try_software(site: Section) -> Iterator[SoftwareCheck]:
    """Set up each environment that the site defines; of containers, check that runtime and image are there."""
    problems = [*check_pipeline(site), *check_software(site)]
    if problems := [problem for problem in problems if problem.severity == "error"]:
        yield SoftwareCheck("software", "", str(WclError(*problems)))
        return
    definitions = SoftwareDefinitions(site, Scope(site.section("site").section(site.text("target_site")), root=site))
    for kind, holder in KINDS.items():
        for name, section in site.section(holder).sections():
            try:
                found = definitions.find(kind, name, section.opened_position)
            except WclError as error:
                yield SoftwareCheck(f"{kind} {name}", "", str(error))
                continue
            yield _looked_at(found.label, msgspec.to_builtins(found))


def _looked_at(label: str, definition: dict[str, object]) -> SoftwareCheck:
    if missing := software_error(definition):
        return SoftwareCheck(label, "", missing)
    if definition["kind"] == "container":
        return SoftwareCheck(label, f"{definition['image']}, run by {definition['runtime']}")
    warden = Warden()
    try:
        with tempfile.TemporaryDirectory(prefix="fw-doctor-") as place, open(os.path.join(place, "log"), "ab+") as log:
            environment = {**os.environ, "PATH": program_path()}
            cache = EnvironmentCache(Programs(warden), environment, place)
            ready = cache.get(label, definition, {"FW_CALL": "0"}, log.fileno(), lambda what, **fact: None)
            return SoftwareCheck(label, ready.summary)
    except SoftwareError as error:
        return SoftwareCheck(label, "", str(error))
    finally:
        warden.dismiss()
