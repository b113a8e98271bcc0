"""Choice: which of an archive's files are meant, by run, release, type, metadata and age."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import false, or_

from framework.registry.database.connection import Registry
from framework.registry.questions.files import Copy, FileRow, copy_in, file_row, select_copies
from framework.registry.questions.search import Fields
from framework.registry.schema.tables import desfile, file_archive_info, pfw_attempt, proctag


class Choice(Struct, frozen=True, kw_only=True):
    """Which files are meant: those that fit all that is said."""

    runs: tuple[str, ...] = ()
    tag: str = ""
    filetypes: tuple[str, ...] = ()
    #: Keys as for :func:`framework.registry.questions.search.find`.
    where: Mapping[str, Sequence[str]] = {}
    #: Made, or brought in, before this time (seconds since 1970).
    before: float | None = None


def kept_in(db: Registry, archive: str, choice: Choice) -> Iterator[tuple[FileRow, Copy]]:
    """The chosen files of an archive, in order of their ids, each with the archive's copy."""
    place = file_archive_info.c
    query = (
        select_copies()
        .add_columns(desfile.c.metadata, pfw_attempt.c.run)
        .outerjoin(pfw_attempt, pfw_attempt.c.id == desfile.c.pfw_attempt_id)
        .where(place.archive_name == archive)
        .order_by(desfile.c.id)
    )
    if choice.runs:
        query = query.where(pfw_attempt.c.run.in_(choice.runs))
    if choice.tag:
        tagged = (proctag.c.pfw_attempt_id == desfile.c.pfw_attempt_id) & (proctag.c.tag == choice.tag)
        query = query.join(proctag, tagged)
    if choice.filetypes:
        query = query.where(desfile.c.filetype.in_(choice.filetypes))
    if choice.before is not None:
        query = query.where(desfile.c.created_date < choice.before)
    with db.read() as connection:
        fields = Fields(connection, choice.filetypes[0] if len(choice.filetypes) == 1 else None)
        for key, values in choice.where.items():
            query = query.where(or_(false(), *(fields.condition(key, value) for value in values)))
        for row in connection.execute(query):
            about = (row.id, row.path, row.filetype, row.filesize, row.sha256, row.metadata, row.run)
            yield file_row(*about), copy_in(row)
