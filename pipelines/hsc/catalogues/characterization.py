"""A detector's electrons to a calibrated exposure: sky, cosmic rays, stars, projection and zero point."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.catalogues.catalogue import empty_table
from pipelines.hsc.errors import QualityError
from pipelines.hsc.files.fits_file import card_number
from pipelines.hsc.files.header import RawFacts
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.background import Background, measure_background
from pipelines.hsc.pixels.cosmic_rays import fill, find_cosmic_rays
from pipelines.hsc.pixels.exposure import Exposure
from pipelines.hsc.pixels.instrument_signature import Electrons
from pipelines.hsc.sky.magnitudes import mag_error, to_mag
from pipelines.hsc.sky.reference import Reference
from pipelines.hsc.sky.wcs import Wcs, separation_arcsec
from pipelines.hsc.stars.detection import bright_pixels, detect_stars, rough_seeing
from pipelines.hsc.stars.photometry import Stars, measure_stars
from pipelines.hsc.stars.reference_match import Match, match
from pipelines.hsc.stars.star_fit import Pixels

Array = NDArray[Any]

MESH_PIXELS = 80
SEEING_GUESS_PIXELS = 4.5
#: A projection that misses its stars by more is none.
LARGEST_SCATTER_ARCSEC = 0.1
OBJECT_NUMBERS_BITS = 22


@dataclass(frozen=True, kw_only=True)
class Characterized:
    """All that is made of one detector's image."""

    exposure: Exposure
    background: Background
    sources: Array
    matches: Array


def characterize(
    electrons: Electrons, believed: Wcs, facts: RawFacts, reference: Reference, *, threshold: float, least_matches: int
) -> Characterized:
    """QualityError if the stars do not fix projection and zero point."""
    pixels, mask, background = _clean(electrons, threshold)
    seeing = rough_seeing(pixels, SEEING_GUESS_PIXELS)
    found = detect_stars(pixels, seeing, threshold)
    stars = measure_stars(pixels, found.x, found.y, seeing)
    fitted = match(stars, reference, believed, pixels.image.shape, least_matches=least_matches)
    if fitted.scatter_arcsec > LARGEST_SCATTER_ARCSEC:
        raise QualityError(
            f'stars miss the reference catalogue by {fitted.scatter_arcsec:.2f}": '
            f'at most {LARGEST_SCATTER_ARCSEC}" is good enough'
        )
    mask = mask | np.where(found.footprint, planes.DETECTED, 0).astype(np.int16)
    sources = _sources(stars, fitted, mask, facts)
    return Characterized(
        exposure=Exposure(
            image=pixels.image,
            mask=mask,
            variance=electrons.variance,
            depth=pixels.depth,
            wcs=fitted.wcs,
            zero_point_mag=fitted.zero_point_mag,
            seeing_pixels=card_number(stars.fwhm_pixels),
            facts=facts.data_id,
        ),
        background=background,
        sources=sources,
        matches=match_table("srcMatch", sources[fitted.stars], reference, fitted.references),
    )


def match_table(dataset: str, sources: Array, reference: Reference, references: Array) -> Array:
    """Each source beside its reference star."""
    table = empty_table(dataset, len(sources))
    table["id"], table["ref_id"] = sources["id"], reference.id[references]
    table["ra"], table["dec"] = reference.ra[references], reference.dec[references]
    table["separation"] = separation_arcsec(sources["ra"], sources["dec"], table["ra"], table["dec"])
    table["mag_offset"] = sources["mag"] - reference.mag[references]
    return table


def _clean(electrons: Electrons, threshold: float) -> tuple[Pixels, Array, Background]:
    """Without sky, defects and cosmic rays, which are filled from around them."""
    defects = (electrons.mask & planes.UNUSABLE) != 0
    image = fill(electrons.image, defects)
    rough = image - measure_background(image, defects, MESH_PIXELS).level
    one_visit = np.ones(rough.shape, dtype=np.uint8)
    raw = Pixels(image=rough, variance=electrons.variance, usable=~defects, depth=one_visit)
    seeing = rough_seeing(raw, SEEING_GUESS_PIXELS)
    hits = find_cosmic_rays(rough, electrons.variance, seeing)
    holes = defects | hits
    image = fill(electrons.image, holes)
    clean = replace(raw, image=fill(rough, holes), usable=~holes)
    background = measure_background(image, holes | bright_pixels(clean, seeing, threshold), MESH_PIXELS)
    mask = electrons.mask | np.where(hits, planes.COSMIC_RAY, 0) | np.where(holes, planes.INTERPOLATED, 0)
    pixels = replace(clean, image=image - background.level)
    return pixels, mask.astype(np.int16), background


def _sources(stars: Stars, fitted: Match, mask: Array, facts: RawFacts) -> Array:
    table = empty_table("src", stars.x.size)
    # Places of ccd and number: unique over all visits.
    first = (facts.visit * 256 + facts.ccd) << OBJECT_NUMBERS_BITS
    table["id"] = first + np.arange(1, stars.x.size + 1)
    table["ra"], table["dec"] = fitted.wcs.to_sky(stars.x, stars.y)
    table["x"], table["y"] = stars.x, stars.y
    table["flux"], table["flux_err"] = stars.flux, stars.flux_err
    table["mag"] = to_mag(stars.flux, fitted.zero_point_mag)
    table["mag_err"] = mag_error(stars.flux, stars.flux_err)
    table["fwhm"] = stars.fwhm_pixels
    table["flags"] = flags_at(mask, stars.x, stars.y)
    return table


def flags_at(mask: Array, x: Array, y: Array) -> Array:
    """The planes of the pixel at the centre and of those next to it."""
    rows, columns = mask.shape
    flags = np.zeros(np.shape(x), dtype=np.int32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near_x = np.clip(np.rint(x).astype(int) + dx, 0, columns - 1)
            near_y = np.clip(np.rint(y).astype(int) + dy, 0, rows - 1)
            flags |= mask[near_y, near_x]
    return flags
