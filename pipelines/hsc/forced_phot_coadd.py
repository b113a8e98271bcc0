"""The light of a patch's stars in one filter, at the places that all filters share."""

from pipelines.hsc import command, memory
from pipelines.hsc.command import Ask, Step
from pipelines.hsc.repository import Repository


def act(ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.coadd_measurement import measure_forced

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
