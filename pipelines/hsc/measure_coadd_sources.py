"""The merged peaks measured on the coadd of one filter."""

from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.sky.geometry import Patch
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import Ask, Step


def act(ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.catalogues.coadd_measurement import match_to_reference, measure_at_peaks
    from pipelines.hsc.sky.reference import read_reference

    data_id = dict(ask.data_id)
    coadd = repository.exposure("deepCoadd_calexp", **data_id)
    peaks = repository.table("deepCoadd_mergeDet", tract=data_id["tract"], patch=data_id["patch"])
    reference = read_reference(repository.find("ref_cats"), str(data_id["filter"]))
    tract = repository.sky_map[data_id["tract"]]
    measured = measure_at_peaks(coadd, peaks, tract, Patch.parse(str(data_id["patch"])))
    repository.put_table("deepCoadd_meas", measured, **data_id)
    repository.put_table("deepCoadd_measMatch", match_to_reference(measured, reference), **data_id)


STEP = Step(
    name="measure_coadd_sources",
    description="Measure places and light of the merged peaks in one filter.",
    act=act,
    id_keys=("tract", "patch", "filter"),
)

in_process = memory.in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
