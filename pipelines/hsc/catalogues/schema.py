"""The columns of every catalogue, and the version of the software that decides them."""

from dataclasses import dataclass

#: Stands in the names and headers of schema files; changes with any column below.
SOFTWARE_VERSION = "hsc_1_0"

BANDS = ("g", "r", "i", "z", "y")


@dataclass(frozen=True)
class Column:
    """One quantity of a catalogue, its type as numpy spells it."""

    name: str
    kind: str
    unit: str
    meaning: str


_PLACE = (
    Column("id", "i8", "", "number of the object"),
    Column("ra", "f8", "deg", "right ascension"),
    Column("dec", "f8", "deg", "declination"),
    Column("x", "f8", "pixel", "column in the image, from 0"),
    Column("y", "f8", "pixel", "row in the image, from 0"),
)
_FLUX = (
    Column("flux", "f8", "count", "in the aperture, neighbours subtracted"),
    Column("flux_err", "f8", "count", "its error"),
    Column("mag", "f8", "mag", "of flux"),
    Column("mag_err", "f8", "mag", "its error"),
)
_PSF_FLUX = (
    Column("psf_flux", "f8", "count", "of the fitted star, all stars fitted together"),
    Column("psf_flux_err", "f8", "count", "its error"),
)
_COADD = (
    Column("depth", "i2", "", "visits at the centre"),
    Column("is_primary", "?", "", "inside the patch without its border"),
    Column("flags", "i4", "", "mask planes near the centre"),
)
_MATCH = (
    Column("id", "i8", "", "number of the object"),
    Column("ref_id", "i8", "", "number in the reference catalogue"),
    Column("ra", "f8", "deg", "right ascension, reference"),
    Column("dec", "f8", "deg", "declination, reference"),
    Column("separation", "f8", "arcsec", "from the measured place"),
    Column("mag_offset", "f8", "mag", "measured minus reference"),
)


def _by_band(stem: str, meaning: str) -> tuple[Column, ...]:
    return tuple(Column(f"{stem}_{band}", "?", "", f"{meaning} in {band}") for band in BANDS)


SCHEMAS: dict[str, tuple[Column, ...]] = {
    "src": (*_PLACE, *_FLUX, Column("fwhm", "f8", "pixel", "full width at half maximum"), _COADD[2]),
    "srcMatch": _MATCH,
    "deepCoadd_det": (*_PLACE, Column("signal_to_noise", "f8", "", "at the peak"), Column("area", "i4", "pixel", "")),
    "deepCoadd_mergeDet": (*_PLACE, *_by_band("merge_footprint", "detected"), *_by_band("merge_peak", "has a peak")),
    "deepCoadd_meas": (*_PLACE, *_FLUX, *_PSF_FLUX, *_COADD),
    "deepCoadd_measMatch": _MATCH,
    "deepCoadd_ref": (*_PLACE, *_by_band("merge_measurement", "place measured"), _COADD[1]),
    "deepCoadd_forced_src": (*_PLACE, *_FLUX, *_PSF_FLUX, *_COADD),
}
