"""Characterization of a detector's image: sky, cosmic rays, stars, projection and zero point."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.hsc.catalogues.catalogue import Table, empty_table
from pipelines.hsc.errors import QualityError
from pipelines.hsc.files.fits_file import round_to_card
from pipelines.hsc.files.header import RawMetadata
from pipelines.hsc.pixels import mask as planes
from pipelines.hsc.pixels.background import SkyBackground, measure_background
from pipelines.hsc.pixels.cosmic_rays import find_cosmic_rays, interpolate_masked
from pipelines.hsc.pixels.exposure import Exposure
from pipelines.hsc.pixels.instrument_signature import DetrendedImage
from pipelines.hsc.sky.magnitudes import flux_to_mag, mag_error
from pipelines.hsc.sky.reference import ReferenceCatalogue
from pipelines.hsc.sky.wcs import Wcs, separation_arcsec
from pipelines.hsc.stars.detection import detect_stars, estimate_seeing, find_bright_pixels
from pipelines.hsc.stars.photometry import StarMeasurements, measure_stars
from pipelines.hsc.stars.reference_match import ReferenceMatch, match_reference
from pipelines.hsc.stars.star_fit import PixelPlanes

Floats = NDArray[np.float64]

#: Side of a cell of the sky background.
MESH_PIXELS = 80
DEFAULT_SEEING_PIXELS = 4.5
#: Largest distance of stars from the reference catalogue that a good projection leaves.
MAX_SCATTER_ARCSEC = 0.1
#: Bits of a source's id for its number in the image.
SOURCE_NUMBER_BITS = 22
CCD_NUMBERS = 256


@dataclass(frozen=True, kw_only=True)
class CharacterizedImage:
    """A calibrated image of one detector with its sky, sources, and matched reference stars."""

    exposure: Exposure
    background: SkyBackground
    #: The dataset src.
    sources: Table
    #: The dataset srcMatch.
    matches: Table


def characterize_image(
    detrended: DetrendedImage,
    initial_wcs: Wcs,
    metadata: RawMetadata,
    reference: ReferenceCatalogue,
    *,
    threshold: float,
    min_matches: int,
) -> CharacterizedImage:
    """Subtract the sky, mask cosmic rays, measure stars, and fit projection and zero point.

    Parameters
    ----------
    detrended : DetrendedImage
        The image in electrons, which are the counts of the result.
    initial_wcs : Wcs
        The projection of the raw header.
    metadata : RawMetadata
        Visit, detector and filter.
    reference : ReferenceCatalogue
        Reference stars in the filter.
    threshold : float
        Least signal to noise of a star.
    min_matches : int
        Least number of reference stars.

    Raises
    ------
    QualityError
        If too few stars match the reference catalogue, or they miss it by more than MAX_SCATTER_ARCSEC.
    """
    pixels, mask, background = _remove_sky_and_cosmic_rays(detrended, threshold)
    seeing = estimate_seeing(pixels, DEFAULT_SEEING_PIXELS)
    found = detect_stars(pixels, seeing, threshold)
    stars = measure_stars(pixels, found.x, found.y, seeing)
    match = match_reference(stars, reference, initial_wcs, pixels.image.shape, min_matches=min_matches)
    if match.scatter_arcsec > MAX_SCATTER_ARCSEC:
        raise QualityError(
            f'stars miss the reference catalogue by {match.scatter_arcsec:.2f}": '
            f'at most {MAX_SCATTER_ARCSEC}" is good enough'
        )
    mask = mask | np.where(found.footprint, planes.DETECTED, 0).astype(np.int16)
    sources = _make_source_table(stars, match, mask, metadata)
    return CharacterizedImage(
        exposure=Exposure(
            image=pixels.image,
            mask=mask,
            variance=detrended.variance,
            depth=pixels.depth.astype(np.uint8),
            wcs=match.wcs,
            zero_point_mag=match.zero_point_mag,
            seeing_pixels=round_to_card(stars.fwhm_pixels),
            data_id=metadata.data_id,
        ),
        background=background,
        sources=sources,
        matches=make_match_table("srcMatch", sources[match.stars], reference, match.references),
    )


def make_match_table(
    dataset: str, sources: Table, reference: ReferenceCatalogue, references: NDArray[np.intp]
) -> Table:
    """Make a table of sources and their reference stars.

    Parameters
    ----------
    dataset : str
        srcMatch or deepCoadd_measMatch.
    sources : structured array, shape (pairs,)
        Sources with id, ra, dec (degrees) and mag.
    reference : ReferenceCatalogue
        Reference stars.
    references : intp array, shape (pairs,)
        Index of the reference star of each source.

    Returns
    -------
    structured array, shape (pairs,)
        The dataset, with separations in arcseconds and differences of magnitudes, measured minus reference.
    """
    table = empty_table(dataset, len(sources))
    table["id"], table["ref_id"] = sources["id"], reference.id[references]
    table["ra"], table["dec"] = reference.ra[references], reference.dec[references]
    table["separation"] = separation_arcsec(sources["ra"], sources["dec"], table["ra"], table["dec"])
    table["mag_offset"] = sources["mag"] - reference.mag[references]
    return table


def collect_mask_flags(mask: NDArray[np.int16], x: Floats, y: Floats) -> NDArray[np.int32]:
    """Return the mask bits of the pixel at each position and of the eight next to it.

    Parameters
    ----------
    mask : int16 array, shape (rows, columns)
        Bits of `pixels.mask`.
    x, y : float64 arrays of one shape
        Positions, pixels from 0; those outside count for the nearest pixel of the image.

    Returns
    -------
    int32 array of the shape of x
        Bits of `pixels.mask`.
    """
    rows, columns = mask.shape
    flags = np.zeros(np.shape(x), dtype=np.int32)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            column = np.clip(np.rint(x).astype(int) + dx, 0, columns - 1)
            row = np.clip(np.rint(y).astype(int) + dy, 0, rows - 1)
            flags |= mask[row, column]
    return flags


def _remove_sky_and_cosmic_rays(
    detrended: DetrendedImage, threshold: float
) -> tuple[PixelPlanes, NDArray[np.int16], SkyBackground]:
    """Return the image without sky, with defects and cosmic rays interpolated; its mask; and the sky."""
    defects = (detrended.mask & planes.UNUSABLE) != 0
    image = interpolate_masked(detrended.image, defects)
    without_sky = image - measure_background(image, defects, MESH_PIXELS).level
    one_visit = np.ones(without_sky.shape, dtype=np.uint8)
    hits = find_cosmic_rays(without_sky, detrended.variance)
    holes = defects | hits
    clean = PixelPlanes(
        image=interpolate_masked(without_sky, holes),
        variance=detrended.variance,
        usable=~holes,
        depth=one_visit,
    )
    seeing = estimate_seeing(clean, DEFAULT_SEEING_PIXELS)
    image = interpolate_masked(detrended.image, holes)
    background = measure_background(image, holes | find_bright_pixels(clean, seeing, threshold), MESH_PIXELS)
    mask = detrended.mask | np.where(hits, planes.COSMIC_RAY, 0) | np.where(holes, planes.INTERPOLATED, 0)
    return replace(clean, image=image - background.level), mask.astype(np.int16), background


def _make_source_table(
    stars: StarMeasurements, match: ReferenceMatch, mask: NDArray[Any], metadata: RawMetadata
) -> Table:
    table = empty_table("src", stars.x.size)
    # Visit and detector are part of the id, which so is unique over all images.
    first = (metadata.visit * CCD_NUMBERS + metadata.ccd) << SOURCE_NUMBER_BITS
    table["id"] = first + np.arange(1, stars.x.size + 1)
    table["ra"], table["dec"] = match.wcs.to_sky(stars.x, stars.y)
    table["x"], table["y"] = stars.x, stars.y
    table["flux"], table["flux_err"] = stars.flux, stars.flux_err
    table["mag"] = flux_to_mag(stars.flux, match.zero_point_mag)
    table["mag_err"] = mag_error(stars.flux, stars.flux_err)
    table["fwhm"] = stars.fwhm_pixels
    table["flags"] = collect_mask_flags(mask, stars.x, stars.y)
    return table
