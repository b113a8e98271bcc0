"""Warp the calibrated images of one visit to the pixels of one patch."""

from pipelines.hsc.errors import InputError
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import PipelineStep, StepArguments


def run_step(arguments: StepArguments, repository: Repository) -> None:
    """Write the warp.

    Raises
    ------
    InputError
        If an input is missing or unusable, or the images are of several visits.
    QualityError
        If no image reaches the patch.
    """
    from pipelines.hsc.pixels.warp import warp_to_patch  # numpy, astropy: start-up

    if arguments.config["doApplyUberCal"]:
        raise InputError("-c doApplyUberCal=True: there is no calibration over many visits here")
    visits = {data_id["visit"] for data_id in arguments.selected}
    if len(visits) > 1:
        raise InputError(f"--selectId names {len(visits)} visits: a warp is of one")
    data_id = {**arguments.data_id, "visit": visits.pop()}
    filter_id = {"filter": arguments.data_id["filter"]}
    exposures = [repository.read_exposure("calexp", **{**selected, **filter_id}) for selected in arguments.selected]
    tract = repository.sky_map[data_id["tract"]]
    warp = warp_to_patch(exposures, tract, Patch.parse(str(data_id["patch"])), data_id)
    repository.write_exposure("deepCoadd_tempExp", warp, **data_id)


STEP = PipelineStep(
    name="make_coadd_temp_exp",
    description="Warp the images of one visit to one patch.",
    run=run_step,
    id_keys=("tract", "patch", "filter"),
    select_keys=("visit", "ccd"),
    config={"doApplyUberCal": False},
)

in_process = memory.make_in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
