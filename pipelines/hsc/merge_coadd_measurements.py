"""For each star of a patch the filter that decides its place."""

from pipelines.hsc.repository.data_id import alternatives
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import Ask, Step


def act(ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.catalogues.merge import merge_measurements
    from pipelines.hsc.sky.wcs import patch_wcs

    place = {"tract": ask.data_id["tract"], "patch": ask.data_id["patch"]}
    names = alternatives(ask.data_id["filter"])
    merged = merge_measurements(
        {name: repository.table("deepCoadd_meas", **place, filter=name) for name in names},
        patch_wcs(repository.sky_map[place["tract"]], Patch.parse(str(place["patch"]))),
        least_signal_to_noise=ask.number("minSN"),
        difference=ask.number("minSNDiff"),
    )
    repository.put_table("deepCoadd_ref", merged, **place)


STEP = Step(
    name="merge_coadd_measurements",
    description="Choose the filter that decides each star's place: filter=HSC-R^HSC-I.",
    act=act,
    id_keys=("tract", "patch", "filter"),
    config={"minSN": 10.0, "minSNDiff": 3.0},
)

in_process = memory.in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
