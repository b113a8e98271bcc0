"""One detector's raw image to a calibrated one with its stars, matched to the reference catalogue."""

from pipelines.hsc.errors import QualityError
from pipelines.hsc.repository.data_id import spell
from pipelines.hsc.repository.repository import Repository
from pipelines.hsc.steps import command, memory
from pipelines.hsc.steps.command import Ask, Step


def act(ask: Ask, repository: Repository) -> None:
    from pipelines.hsc.catalogues.characterization import characterize
    from pipelines.hsc.pixels.instrument_signature import Calibrations, read_calibration, read_raw, remove_signature
    from pipelines.hsc.sky.reference import read_reference

    data_id = {"visit": int(ask.data_id["visit"]), "ccd": int(ask.data_id["ccd"])}
    facts = repository.registry.raw(**data_id)
    frames = {
        kind: read_calibration(repository.find(kind, **repository.registry.calibration(kind, facts)))
        for kind in ("bias", "dark", "flat")
    }
    raw = read_raw(repository.find("raw", **facts.data_id))
    reference = read_reference(repository.find("ref_cats"), facts.filter)
    try:
        made = characterize(
            remove_signature(raw, Calibrations(**frames)),
            raw.wcs,
            facts,
            reference,
            threshold=ask.number("threshold"),
            least_matches=ask.whole_number("minMatches"),
        )
    except QualityError as error:
        raise QualityError(f"{spell(data_id)}: {error}") from error
    repository.put_exposure("calexp", made.exposure, **facts.data_id)
    repository.put_background("calexpBackground", made.background, **facts.data_id)
    repository.put_table("src", made.sources, **facts.data_id)
    repository.put_table("srcMatch", made.matches, **facts.data_id)


STEP = Step(
    name="process_ccd",
    description="Calibrate one raw image and find its stars.",
    act=act,
    id_keys=("visit", "ccd"),
    config={"threshold": 5.0, "minMatches": 15},
)

in_process = memory.in_process(STEP)


if __name__ == "__main__":
    raise SystemExit(command.main(STEP))
