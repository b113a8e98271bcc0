"""Values of a section as names, booleans or texts."""

from __future__ import annotations

from framework.pipeline.problems import error_at
from wcl import Section, parse_boolean, split_list


def read_names(section: Section, key: str) -> tuple[str, ...]:
    """Return the names in a value; none if there is no such key, or if it is a section."""
    value = section.get(key)
    return tuple(str(name) for name in split_list(value) if name) if isinstance(value, str) else ()


def read_flag(section: Section, key: str) -> bool:
    """Return a boolean; False if there is no such key, or if it is a section."""
    value = section.get(key)
    return isinstance(value, str) and parse_boolean(value, section.position(key))


def read_text(section: Section, key: str, default: str = "") -> str:
    """Return a plain value; the default if there is no such key, or if it is a section."""
    value = section.get(key, default)
    return value if isinstance(value, str) else default


def require_text(section: Section, key: str) -> str:
    """Return a plain value; raise WclError if there is no such key, or if it is a section."""
    value = section[key]
    if not isinstance(value, str):
        raise error_at(section.position(key), f"'{key}' is a section, and must be a plain value")
    return value
