"""The schema files, made once; every step that writes a catalogue compares it with its schema file."""

from pipelines.hsc.catalogues.schema import SCHEMAS, SOFTWARE_VERSION
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command
from pipelines.hsc.steps.command import Ask, Step


def act(_ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.catalogues.catalogue import write_schema

    for dataset in SCHEMAS:
        write_schema(repository.place("schema", catalogue=dataset, version=SOFTWARE_VERSION), dataset)


STEP = Step(name="schemas", description="Write an empty catalogue of every kind, as its schema.", act=act)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
