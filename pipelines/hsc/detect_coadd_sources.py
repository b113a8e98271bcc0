"""Detect the stars of one coadd."""

from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import PipelineStep, StepArguments


def run_step(arguments: StepArguments, repository: Repository) -> None:
    """Write the coadd without its sky, the sky, and the peaks.

    Raises
    ------
    InputError
        If the coadd is missing or unusable.
    """
    from pipelines.hsc.catalogues.coadd_detection import detect_coadd_stars  # numpy, astropy: start-up

    data_id = dict(arguments.data_id)
    coadd = repository.read_exposure("deepCoadd", **data_id)
    detected = detect_coadd_stars(coadd, threshold=arguments.get_float("thresholdValue"))
    repository.write_exposure("deepCoadd_calexp", detected.exposure, **data_id)
    repository.write_background("deepCoadd_calexp_background", detected.background, **data_id)
    repository.write_table("deepCoadd_det", detected.peaks, **data_id)


STEP = PipelineStep(
    name="detect_coadd_sources",
    description="Subtract the sky of a coadd, scale its variance, and find its stars.",
    run=run_step,
    id_keys=("tract", "patch", "filter"),
    config={"thresholdValue": 5.0},
)

in_process = memory.make_in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
