"""The stars of one coadd."""

from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import Ask, Step


def act(ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.catalogues.coadd_detection import detect_on_coadd

    data_id = dict(ask.data_id)
    made = detect_on_coadd(repository.exposure("deepCoadd", **data_id), threshold=ask.number("thresholdValue"))
    repository.put_exposure("deepCoadd_calexp", made.exposure, **data_id)
    repository.put_background("deepCoadd_calexp_background", made.background, **data_id)
    repository.put_table("deepCoadd_det", made.peaks, **data_id)


STEP = Step(
    name="detect_coadd_sources",
    description="Subtract the sky of a coadd, scale its variance, and find its stars.",
    act=act,
    id_keys=("tract", "patch", "filter"),
    config={"thresholdValue": 5.0},
)

in_process = memory.in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
