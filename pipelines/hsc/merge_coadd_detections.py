"""Merge the peaks of all filters of one patch to one list."""

from pipelines.hsc.repository.data_id import split_alternatives
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import PipelineStep, StepArguments


def run_step(arguments: StepArguments, repository: Repository) -> None:
    """Write the merged peaks.

    Raises
    ------
    InputError
        If a list of peaks or the sky map is missing or unusable.
    """
    from pipelines.hsc.catalogues.merge import merge_peaks, number_objects  # numpy, astropy: start-up
    from pipelines.hsc.sky.wcs import patch_wcs  # numpy, astropy: start-up

    patch_id = {"tract": arguments.data_id["tract"], "patch": arguments.data_id["patch"]}
    filters = split_alternatives(arguments.data_id["filter"])
    peaks = {name: repository.read_table("deepCoadd_det", **patch_id, filter=name) for name in filters}
    patch = Patch.parse(str(patch_id["patch"]))
    merged = merge_peaks(
        peaks,
        patch_wcs(repository.sky_map[patch_id["tract"]], patch),
        number_objects(int(patch_id["tract"]), patch, sum(map(len, peaks.values()))),
        same_arcsec=arguments.get_float("maxSamePeakDistance"),
        new_arcsec=arguments.get_float("minNewPeakDistance"),
    )
    repository.write_table("deepCoadd_mergeDet", merged, **patch_id)


STEP = PipelineStep(
    name="merge_coadd_detections",
    description="Merge the peaks that several filters have in one patch: filter=HSC-R^HSC-I.",
    run=run_step,
    id_keys=("tract", "patch", "filter"),
    config={"maxSamePeakDistance": 0.3, "minNewPeakDistance": 1.0},
)

in_process = memory.make_in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
