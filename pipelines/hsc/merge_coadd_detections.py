"""The peaks of all filters of one patch as one list."""

from pipelines.hsc.repository.data_id import alternatives
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import Ask, Step


def act(ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.catalogues.merge import merge_peaks, object_numbers
    from pipelines.hsc.sky.wcs import patch_wcs

    place = {"tract": ask.data_id["tract"], "patch": ask.data_id["patch"]}
    names = alternatives(ask.data_id["filter"])
    peaks = {name: repository.table("deepCoadd_det", **place, filter=name) for name in names}
    patch = Patch.parse(str(place["patch"]))
    merged = merge_peaks(
        peaks,
        patch_wcs(repository.sky_map[place["tract"]], patch),
        object_numbers(int(place["tract"]), patch, sum(map(len, peaks.values()))),
        same_arcsec=ask.number("maxSamePeakDistance"),
        new_arcsec=ask.number("minNewPeakDistance"),
    )
    repository.put_table("deepCoadd_mergeDet", merged, **place)


STEP = Step(
    name="merge_coadd_detections",
    description="Merge the peaks that several filters have in one patch: filter=HSC-R^HSC-I.",
    act=act,
    id_keys=("tract", "patch", "filter"),
    config={"maxSamePeakDistance": 0.3, "minNewPeakDistance": 1.0},
)

in_process = memory.in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
