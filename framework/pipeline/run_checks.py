"""Checks of a run before anything of it can be planned: its names, its site and its archives."""

from __future__ import annotations

from framework.model.plan import SAFE_NAME, Identity
from framework.pipeline.archives import find_archive_section, read_archives
from framework.pipeline.problems import PlanProblems, suggest_name
from wcl import Section


def check_names_and_archives(pipeline: Section, identity: Identity, problems: PlanProblems) -> bool:
    """Check the names of the run, its site and its archives; return False if nothing can be planned without them."""
    before = len(problems.errors)
    for key, value in (("unitname", identity.unitname), ("run", identity.run)):
        if not SAFE_NAME.fullmatch(value) or value in (".", ".."):
            position = pipeline.position(key) if key in pipeline else pipeline.opened_position
            hint = "letters, digits and . _ - + , = @"
            problems.add_error(position, f"{key} = {value} cannot name a directory", hint)
    for kind, key in (("site", "target_site"), ("archive", "home_archive")):
        name = pipeline.text(key)
        known = [each for each, _ in pipeline.section(kind).sections()]
        if "$" not in name and name.lower() not in known:
            hint = suggest_name(name.lower(), known)
            problems.add_error(pipeline.position(key), f"unknown {kind} '{name}'", hint)
    with problems.collect():
        read_archives(pipeline)
        _check_archive_root(find_archive_section(pipeline), problems)
    return len(problems.errors) == before


def _check_archive_root(archive: Section, problems: PlanProblems) -> None:
    root = archive.text("root", "")
    if archive and not root.startswith(("/", "$")):
        position = archive.position("root") if "root" in archive else archive.opened_position
        hint = "begin it with / or ${fw_home}; with an address, name a target_archive that jobs can use"
        problems.add_error(position, f"the archive's root '{root}' is not absolute", hint)
