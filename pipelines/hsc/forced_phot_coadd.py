"""Measure the fluxes of a patch's stars in one filter, at the positions that all filters share."""

from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import PipelineStep, StepArguments


def run_step(arguments: StepArguments, repository: Repository) -> None:
    """Write the forced photometry.

    Raises
    ------
    InputError
        If the coadd or the reference list is missing or unusable.
    """
    from pipelines.hsc.catalogues.coadd_measurement import measure_forced_photometry  # numpy, astropy: start-up

    data_id = dict(arguments.data_id)
    coadd = repository.read_exposure("deepCoadd_calexp", **data_id)
    reference = repository.read_table("deepCoadd_ref", tract=data_id["tract"], patch=data_id["patch"])
    repository.write_table("deepCoadd_forced_src", measure_forced_photometry(coadd, reference), **data_id)


STEP = PipelineStep(
    name="forced_phot_coadd",
    description="Measure the fluxes of the reference list's stars in one filter.",
    run=run_step,
    id_keys=("tract", "patch", "filter"),
)

in_process = memory.make_in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
