"""Differences of the software that two runs were submitted with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework.registry.questions.software import Stack


def compare_software(old: Mapping[str, Stack], new: Mapping[str, Stack]) -> dict[str, list[str]]:
    """Return the old and new version of each software that differs; empty where a run had none."""
    was, now = dict(_versions_text(old)), dict(_versions_text(new))
    return {
        name: [was.get(name, ""), now.get(name, "")]
        for name in {**was, **now}
        if was.get(name, "") != now.get(name, "")
    }


def _versions_text(submitters: Mapping[str, Stack]) -> Iterator[tuple[str, str]]:
    for role, stack in submitters.items():
        found = stack.found
        for key in ("version", "python", "folder"):
            if found.get(key):
                yield f"{role} {key}", found[key]
        git = found.get("git", {})
        yield f"{role} commit", git.get("commit") or git.get("none") or "none yet"
        yield f"{role} changed files", ", ".join(git.get("changed", []))
        for package in found.get("packages", []):
            name, _, version = package.rpartition("-")
            yield f"package {name}", version
