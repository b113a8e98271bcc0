"""The warps of one patch and filter to a coadd."""

from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import Ask, Step


def act(ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.pixels.coaddition import assemble

    data_id = dict(ask.data_id)
    warps = [
        repository.exposure("deepCoadd_tempExp", **{**data_id, "visit": chosen["visit"]}) for chosen in ask.selected
    ]
    coadd = assemble(warps, data_id, clip_sigma=ask.number("sigmaClip"), clip_iterations=ask.whole_number("clipIter"))
    repository.put_exposure("deepCoadd", coadd, **data_id)


STEP = Step(
    name="assemble_coadd",
    description="Average the warps of one patch and filter, without what only one visit shows.",
    act=act,
    id_keys=("tract", "patch", "filter"),
    select_keys=("visit",),
    config={"sigmaClip": 4.0, "clipIter": 2},
)

in_process = memory.in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
