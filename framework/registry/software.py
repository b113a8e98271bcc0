"""Software stacks: the environments and containers that the programs of a run ran in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from framework.registry.database import Registry
from framework.registry.schema import pfw_exec, software_stack


@dataclass(frozen=True, kw_only=True)
class Stack:
    """An environment or a container as a worker found it."""

    sha256: str
    kind: str
    name: str
    python: str | None
    image: str | None
    image_digest: str | None
    #: All that was found of it.
    found: dict[str, Any]

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}"


def stacks(db: Registry, attempt_id: int) -> dict[str, Stack]:
    """What the programs of a run ran in, by checksum."""
    with db.read() as connection:
        return stacks_of(connection, attempt_id)


def stacks_of(connection: Connection, attempt_id: int) -> dict[str, Stack]:
    """The same, within a transaction."""
    used = select(pfw_exec.c.software_sha256).where(pfw_exec.c.pfw_attempt_id == attempt_id)
    query = software_stack.select().where(software_stack.c.sha256.in_(used)).order_by(software_stack.c.sha256)
    found = [Stack(**row._mapping) for row in connection.execute(query)]
    return {stack.sha256: stack for stack in found}
