"""Calibrate the raw image of one detector, and match its stars with the reference catalogue."""

from pipelines.hsc.errors import QualityError
from pipelines.hsc.repository.data_id import format_data_id
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import PipelineStep, StepArguments


def run_step(arguments: StepArguments, repository: Repository) -> None:
    """Write the calibrated image, its background, sources and matches.

    Raises
    ------
    InputError
        If an input is missing or unusable.
    QualityError
        If the stars do not fix projection and zero point.
    """
    from pipelines.hsc.catalogues.characterization import characterize_image  # numpy, astropy: start-up
    from pipelines.hsc.pixels import instrument_signature as signature  # numpy, astropy: start-up
    from pipelines.hsc.sky.reference import read_reference_catalogue  # numpy, astropy: start-up

    image_id = {"visit": int(arguments.data_id["visit"]), "ccd": int(arguments.data_id["ccd"])}
    metadata = repository.registry.find_raw(**image_id)
    frames = {
        kind: signature.read_calibration(
            repository.find_file(kind, **repository.registry.find_calibration(kind, metadata))
        )
        for kind in ("bias", "dark", "flat")
    }
    raw = signature.read_raw(repository.find_file("raw", **metadata.data_id))
    reference = read_reference_catalogue(repository.find_file("ref_cats"), metadata.filter)
    try:
        characterized = characterize_image(
            signature.remove_instrument_signature(raw, signature.CalibrationFrames(**frames)),
            raw.wcs,
            metadata,
            reference,
            threshold=arguments.get_float("threshold"),
            min_matches=arguments.get_int("minMatches"),
        )
    except QualityError as error:
        raise QualityError(f"{format_data_id(image_id)}: {error}") from error
    repository.write_exposure("calexp", characterized.exposure, **metadata.data_id)
    repository.write_background("calexpBackground", characterized.background, **metadata.data_id)
    repository.write_table("src", characterized.sources, **metadata.data_id)
    repository.write_table("srcMatch", characterized.matches, **metadata.data_id)


STEP = PipelineStep(
    name="process_ccd",
    description="Calibrate one raw image and find its stars.",
    run=run_step,
    id_keys=("visit", "ccd"),
    config={"threshold": 5.0, "minMatches": 15},
)

in_process = memory.make_in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
