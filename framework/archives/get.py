"""Getting: files out of archives, each checked against its record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from framework.archives.archive import CONNECTIONS, Archive, archives
from framework.archives.copy import fetch, is_as_recorded, side_by_side
from framework.archives.tape import bring_near
from framework.configuration.site_file import site_values
from framework.errors import FrameworkError, InfrastructureError
from framework.worker.files.transfer import GZIP

if TYPE_CHECKING:
    from framework.registry.database.connection import Registry
    from framework.registry.questions.files import Copy, FileRow


@dataclass(frozen=True)
class Got:
    """A file that was brought out of an archive, or the reason why it was not."""

    path: str
    target: Path
    trouble: str = ""


def get(db: Registry, files: Sequence[FileRow], into: Path) -> Iterator[Got]:
    """Copy files into a directory, each checked against its record; one that is there already and right is left.

    The next archive is tried where a copy is missing or not what the registry says.
    """
    from framework.registry.questions.archive_copies import removals_of
    from framework.registry.questions.files import copies_of

    _refuse_twins(files)
    try:
        into.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InfrastructureError(f"{into}: {error.strerror}") from error
    known = archives(site_values())
    ids = [file.id for file in files]
    copies, removals = copies_of(db, ids), removals_of(db, ids)

    unreachable = _bring_near(files, copies, known)

    def bring(file: FileRow) -> Got:
        found = copies.get(file.id, [])
        target = into / _target_name(file, [copy for copy in found if copy.archive in known])
        trouble = _brought(file, target, found, known, unreachable)
        if trouble and not found and file.id in removals:
            trouble = removals[file.id].words(file.path)
        return Got(file.path, target, trouble)

    yield from side_by_side(bring, files, CONNECTIONS)


def _refuse_twins(files: Sequence[FileRow]) -> None:
    targets: dict[str, str] = {}
    for file in files:
        other = targets.setdefault(file.path.rpartition("/")[2], file.path)
        if other != file.path:
            raise FrameworkError(f"{file.path} and {other} have one name: get them into directories of their own")


def _target_name(file: FileRow, copies: Sequence[Copy]) -> str:
    """A file keeps the ending of a compression that not everybody can undo."""
    kept = {copy.ending for copy in copies}
    own = file.path.rpartition("/")[2]
    return own if kept & {"", GZIP} or not kept else own + min(kept)


def _bring_near(
    files: Sequence[FileRow], copies: Mapping[int, Sequence[Copy]], known: Mapping[str, Archive]
) -> dict[tuple[str, str], str]:
    """Have files staged that no archive has within reach; archive and path of those that cannot be had, and why."""
    wanted: dict[str, list[str]] = {}
    for file in files:
        found = [copy for copy in copies.get(file.id, ()) if copy.archive in known]
        if found and all(known[copy.archive].stage for copy in found):
            wanted.setdefault(found[0].archive, []).append(found[0].path)
    return {
        (name, path): trouble
        for name, paths in wanted.items()
        for path, trouble in bring_near(known[name], paths).items()
    }


def _brought(
    file: FileRow,
    target: Path,
    copies: Sequence[Copy],
    known: Mapping[str, Archive],
    unreachable: Mapping[tuple[str, str], str],
) -> str:
    """Copy from the first place that has it as recorded; why not, if none has."""
    if target.exists():
        return "" if is_as_recorded(file, target) else f"{target} is there already, and is another file"
    troubles = []
    for copy in copies:
        if copy.archive in known:
            out_of_reach = unreachable.get((copy.archive, copy.path), "")
            trouble = out_of_reach or fetch(file, copy, known[copy.archive].store, target)
            if not trouble:
                return ""
            troubles.append(f"{copy.archive}: {trouble}")
    if troubles:
        return "; ".join(troubles)
    places = ", ".join(copy.archive for copy in copies)
    return f"it is in {places}, which this site does not know" if places else "no archive keeps it"
