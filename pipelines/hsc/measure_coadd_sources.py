"""Measure the merged peaks on the coadd of one filter."""

from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import PipelineStep, StepArguments


def run_step(arguments: StepArguments, repository: Repository) -> None:
    """Write the measurements, and their matches with the reference catalogue.

    Raises
    ------
    InputError
        If an input is missing or unusable.
    """
    from pipelines.hsc.catalogues.coadd_measurement import (  # numpy, astropy: start-up
        match_coadd_to_reference,
        measure_peaks,
    )
    from pipelines.hsc.sky.reference import read_reference_catalogue  # numpy, astropy: start-up

    data_id = dict(arguments.data_id)
    coadd = repository.read_exposure("deepCoadd_calexp", **data_id)
    peaks = repository.read_table("deepCoadd_mergeDet", tract=data_id["tract"], patch=data_id["patch"])
    reference = read_reference_catalogue(repository.find_file("ref_cats"), str(data_id["filter"]))
    tract = repository.sky_map[data_id["tract"]]
    measured = measure_peaks(coadd, peaks, tract, Patch.parse(str(data_id["patch"])))
    repository.write_table("deepCoadd_meas", measured, **data_id)
    repository.write_table("deepCoadd_measMatch", match_coadd_to_reference(measured, reference), **data_id)


STEP = PipelineStep(
    name="measure_coadd_sources",
    description="Measure positions and fluxes of the merged peaks in one filter.",
    run=run_step,
    id_keys=("tract", "patch", "filter"),
)

in_process = memory.make_in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
