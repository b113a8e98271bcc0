"""The light of a patch's stars in one filter, at the places that all filters share."""

from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import Ask, Step


def act(ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.catalogues.coadd_measurement import measure_forced

    data_id = dict(ask.data_id)
    coadd = repository.exposure("deepCoadd_calexp", **data_id)
    reference = repository.table("deepCoadd_ref", tract=data_id["tract"], patch=data_id["patch"])
    repository.put_table("deepCoadd_forced_src", measure_forced(coadd, reference), **data_id)


STEP = Step(
    name="forced_phot_coadd",
    description="Measure the light of the reference list's stars in one filter.",
    act=act,
    id_keys=("tract", "patch", "filter"),
)

in_process = memory.in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
