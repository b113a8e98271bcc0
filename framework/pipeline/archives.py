"""Archives of a run: the one that its jobs read and write, further ones for inputs, and the one for delivery."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from framework.pipeline.problems import error_at, suggest_name
from wcl import Section, split_list

NEVER = "never"


@dataclass(frozen=True)
class RunArchives:
    """Names of the archives of a run."""

    #: Archive that jobs read and write.
    own: str
    #: Archives that further inputs are staged from, in the order in which they are searched.
    sources: tuple[str, ...]
    #: Archive to which the run's files go when it has ended; empty if they stay.
    home: str


def read_archives(pipeline: Section) -> RunArchives:
    """Return the archives that the pipeline chooses; raise WclError for an unknown name or a choice without one."""
    home = str(pipeline.get("home_archive", "home"))
    target = _target(pipeline)
    reads_target, writes_target = (_uses(pipeline, f"use_target_archive_{what}") for what in ("input", "output"))
    if reads_target or writes_target:
        _check_target(pipeline, "use_target_archive_output" if writes_target else "use_target_archive_input")
    own = target if writes_target else home
    others = [home] if _uses(pipeline, "use_home_archive_input", "wrapper") else []
    others += [target] if reads_target else []
    sources = dict.fromkeys(others + _input_archives(pipeline))
    sources.pop(own, None)
    sends_home = own != home and _uses(pipeline, "use_home_archive_output", "job")
    return RunArchives(own, tuple(sources), home if sends_home else "")


def find_archive_section(pipeline: Section) -> Section:
    """Return the section of the archive that jobs read and write; an empty one if there is none."""
    target = _target(pipeline) if _uses(pipeline, "use_target_archive_output") else ""
    return pipeline.section("archive").section((target or str(pipeline.get("home_archive", "home"))).lower())


def _target(pipeline: Section) -> str:
    return _target_section(pipeline).text("target_archive", "")


def _target_section(pipeline: Section) -> Section:
    """Return the section that names the target archive: the top, or else the site."""
    site = pipeline.section("site").section(str(pipeline.get("target_site", "")).lower())
    return pipeline if "target_archive" in pipeline else site


def _check_target(pipeline: Section, key: str) -> None:
    """Raise WclError if a key uses the target archive, and none or an unknown one is named."""
    target = _target(pipeline)
    if not target:
        hint = "set target_archive, at the top or for the site"
        raise error_at(pipeline.position(key), "no archive is named for it", hint)
    _check(pipeline, _target_section(pipeline), [target], "target_archive")


def _input_archives(pipeline: Section) -> list[str]:
    """Return the further archives that inputs may come from."""
    names = [name for name in split_list(pipeline.text("input_archives", "")) if name]
    _check(pipeline, pipeline, names, "input_archives")
    return names


def _check(pipeline: Section, section: Section, names: Iterable[str], key: str) -> None:
    """Raise WclError for an archive that has no section; the key says where it is named."""
    known = [name for name, _ in pipeline.section("archive").sections()]
    for name in names:
        if name.lower() not in known and "$" not in name:
            raise error_at(section.position(key), f"unknown archive '{name}'", suggest_name(name.lower(), known))


def _uses(pipeline: Section, key: str, default: str = NEVER) -> bool:
    return pipeline.text(key, default).lower() != NEVER
