"""The schema files, made once; every step that writes a catalogue compares it with its schema file."""

from pipelines.hsc import command
from pipelines.hsc.command import Ask, Step
from pipelines.hsc.repository import Repository
from pipelines.hsc.schema import SCHEMAS, SOFTWARE_VERSION


def act(_ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.catalogue import write_schema

    for dataset in SCHEMAS:
        write_schema(repository.place("schema", catalogue=dataset, version=SOFTWARE_VERSION), dataset)


STEP = Step(name="schemas", description="Write an empty catalogue of every kind, as its schema.", act=act)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
