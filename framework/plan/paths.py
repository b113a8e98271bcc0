"""Paths of files: what is allowed in an archive, and how a directory and a name make one."""

from __future__ import annotations

from framework.model.plan import ARCHIVE_PATH
from framework.pipeline.problems import error_at
from framework.pipeline.text_template import TextTemplate

#: Bytes of a name in a path; file systems take 255, and a few are added to some names.
LONGEST_NAME = 200


def join_path(directory: str, name: str) -> str:
    """Return a file's path in its job, which no program takes for an option."""
    if directory:
        return f"{directory}/{name}"
    return f"./{name}" if name.startswith("-") else name


def check_path(template: TextTemplate, path: str) -> str:
    """Return a path made from a template; raise WclError if it would leave its directory or cannot be recorded."""
    if path and not ARCHIVE_PATH.fullmatch(path):
        raise error_at(
            template.position,
            f"{path!r} cannot be a path in an archive",
            hint="names between single slashes, no '..', no leading slash and no NUL",
        )
    if (len(path) > LONGEST_NAME or not path.isascii()) and any(
        len(part.encode()) > LONGEST_NAME for part in path.split("/")
    ):
        raise error_at(template.position, f"a name in '{path[:60]}...' is too long", f"at most {LONGEST_NAME} bytes")
    return path
