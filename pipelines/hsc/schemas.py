"""Write the schema files, which every step that writes a catalogue compares its columns with."""

from pipelines.hsc.catalogues.schema import SCHEMAS, SOFTWARE_VERSION
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command
from pipelines.hsc.steps.command import PipelineStep, StepArguments


def run_step(_arguments: StepArguments, repository: Repository) -> None:
    """Write an empty catalogue of every dataset.

    Raises
    ------
    InputError
        If there is no template for schema files.
    OSError
        If a file cannot be written.
    """
    from pipelines.hsc.catalogues.catalogue import write_schema  # numpy, astropy: start-up

    for dataset in SCHEMAS:
        write_schema(repository.output_path("schema", catalogue=dataset, version=SOFTWARE_VERSION), dataset)


STEP = PipelineStep(name="schemas", description="Write an empty catalogue of every kind, as its schema.", run=run_step)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
