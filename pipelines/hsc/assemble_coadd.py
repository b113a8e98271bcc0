"""Average the warps of one patch and filter to a coadd."""

from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import PipelineStep, StepArguments


def run_step(arguments: StepArguments, repository: Repository) -> None:
    """Write the coadd.

    Raises
    ------
    InputError
        If a warp is missing or unusable.
    """
    from pipelines.hsc.pixels.coaddition import average_warps  # numpy, astropy: start-up

    data_id = dict(arguments.data_id)
    warps = [
        repository.read_exposure("deepCoadd_tempExp", **{**data_id, "visit": selected["visit"]})
        for selected in arguments.selected
    ]
    coadd = average_warps(
        warps,
        data_id,
        clip_sigma=arguments.get_float("sigmaClip"),
        clip_iterations=arguments.get_int("clipIter"),
    )
    repository.write_exposure("deepCoadd", coadd, **data_id)


STEP = PipelineStep(
    name="assemble_coadd",
    description="Average the warps of one patch and filter, without what only one visit shows.",
    run=run_step,
    id_keys=("tract", "patch", "filter"),
    select_keys=("visit",),
    config={"sigmaClip": 4.0, "clipIter": 2},
)

in_process = memory.make_in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
