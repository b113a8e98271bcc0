"""One visit's calibrated images onto the pixels of one patch."""

from pipelines.hsc.errors import InputError
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import Ask, Step


def act(ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.pixels.warp import warp

    if ask.config["doApplyUberCal"]:
        raise InputError("-c doApplyUberCal=True: there is no calibration over many visits here")
    visits = {data_id["visit"] for data_id in ask.selected}
    if len(visits) > 1:
        raise InputError(f"--selectId names {len(visits)} visits: a warp is of one")
    data_id = {**ask.data_id, "visit": visits.pop()}
    of_filter = {"filter": ask.data_id["filter"]}
    exposures = [repository.exposure("calexp", **{**selected, **of_filter}) for selected in ask.selected]
    tract = repository.sky_map[data_id["tract"]]
    made = warp(exposures, tract, Patch.parse(str(data_id["patch"])), data_id)
    repository.put_exposure("deepCoadd_tempExp", made, **data_id)


STEP = Step(
    name="make_coadd_temp_exp",
    description="Warp the images of one visit to one patch.",
    act=act,
    id_keys=("tract", "patch", "filter"),
    select_keys=("visit", "ccd"),
    config={"doApplyUberCal": False},
)

in_process = memory.in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
