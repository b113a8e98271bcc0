"""Choose for each star of a patch the filter that decides its position."""

from pipelines.hsc.repository.data_id import split_alternatives
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import PipelineStep, StepArguments


def run_step(arguments: StepArguments, repository: Repository) -> None:
    """Write the reference list of the patch.

    Raises
    ------
    InputError
        If a list of measurements or the sky map is missing or unusable.
    """
    from pipelines.hsc.catalogues.merge import merge_measurements  # numpy, astropy: start-up
    from pipelines.hsc.sky.wcs import patch_wcs  # numpy, astropy: start-up

    patch_id = {"tract": arguments.data_id["tract"], "patch": arguments.data_id["patch"]}
    filters = split_alternatives(arguments.data_id["filter"])
    merged = merge_measurements(
        {name: repository.read_table("deepCoadd_meas", **patch_id, filter=name) for name in filters},
        patch_wcs(repository.sky_map[patch_id["tract"]], Patch.parse(str(patch_id["patch"]))),
        min_signal_to_noise=arguments.get_float("minSN"),
        min_difference=arguments.get_float("minSNDiff"),
    )
    repository.write_table("deepCoadd_ref", merged, **patch_id)


STEP = PipelineStep(
    name="merge_coadd_measurements",
    description="Choose the filter that decides each star's position: filter=HSC-R^HSC-I.",
    run=run_step,
    id_keys=("tract", "patch", "filter"),
    config={"minSN": 10.0, "minSNDiff": 3.0},
)

in_process = memory.make_in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
