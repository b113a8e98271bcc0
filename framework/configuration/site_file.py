"""Site file: the values of this installation over the defaults of the framework."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from framework.configuration.home import home
from framework.errors import FrameworkError
from framework.pipeline.keys import known_keys
from framework.pipeline.plugins import load_functions, load_steps
from wcl import Scope, Section, expand, merge, read
from wcl.keys.declarations import KeyDeclaration

DEFAULTS = Path(__file__).with_name("defaults.wcl")


def site_values() -> Section:
    """Return the defaults of the framework, overridden by the site's own values."""
    values = read(DEFAULTS).with_value("fw_home", str(home()))
    site = Path(os.environ.get("FW_SITE") or home() / "site.wcl")
    if os.environ.get("FW_SITE") and not site.is_file():
        raise FrameworkError(f"FW_SITE names {site}, and there is no such file")
    if not site.is_file():
        return values
    own = read(site)
    load_functions(own)
    load_steps(own)
    return merge(values, own)


def with_types(types: Iterable[Path], overrides: Mapping[str, str]) -> Section:
    """Return the site's values, overridden by files of filetypes and by ``--set``."""
    values = site_values()
    for path in types:
        values = merge(values, read(path))
    for key, value in overrides.items():
        values = values.with_path(key, value)
    return values


def archive_root(values: Section, name: str) -> str:
    """Return the root directory or address of a configured archive."""
    section = values.section("archive").section(name.lower())
    return expand(section.text("root"), Scope(section, root=values), section.position("root"))


def site_keys() -> Mapping[str, KeyDeclaration]:
    """Return the keys that the framework and this site know."""
    return known_keys(site_values())


def operator() -> str:
    """Return the name of the user who submits."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
