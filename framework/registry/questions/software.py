"""Software stacks: the environments and containers that the programs of a run ran in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, select

from framework.registry.database.connection import Registry
from framework.registry.schema.tables import pfw_attempt_software, pfw_exec, software_stack


@dataclass(frozen=True, kw_only=True)
class Stack:
    """An environment or a container, as a worker has found it."""

    sha256: str
    kind: str
    name: str
    python: str | None
    image: str | None
    image_digest: str | None
    #: All properties that were found.
    found: Mapping[str, Any]

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}"


def stacks(db: Registry, attempt_id: int) -> dict[str, Stack]:
    """Return the software stacks in which the programs of a run ran, by checksum."""
    with db.read() as connection:
        return stacks_of(connection, attempt_id)


def stacks_of(connection: Connection, attempt_id: int) -> dict[str, Stack]:
    """Return the software stacks of the programs of a run, by checksum, within a transaction."""
    return _found(connection, select(pfw_exec.c.software_sha256).where(pfw_exec.c.pfw_attempt_id == attempt_id))


def submitters(db: Registry, attempt_id: int) -> dict[str, Stack]:
    """Return the software that a run was submitted with, by role: ``framework`` and ``pipeline``."""
    link = pfw_attempt_software.c
    with db.read() as connection:
        stacks = submitters_of(connection, attempt_id)
        roles = select(link.role, link.software_sha256).where(link.pfw_attempt_id == attempt_id)
        return {role: stacks[sha256] for role, sha256 in connection.execute(roles) if sha256 in stacks}


def submitters_of(connection: Connection, attempt_id: int) -> dict[str, Stack]:
    """Return the software that a run was submitted with, by checksum."""
    link = pfw_attempt_software.c
    return _found(connection, select(link.software_sha256).where(link.pfw_attempt_id == attempt_id))


def _found(connection: Connection, checksums: Select[Any]) -> dict[str, Stack]:
    query = software_stack.select().where(software_stack.c.sha256.in_(checksums)).order_by(software_stack.c.sha256)
    found = [Stack(**row._mapping) for row in connection.execute(query)]
    return {stack.sha256: stack for stack in found}
