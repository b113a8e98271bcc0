"""Columns of every catalogue, and the version of the software that defines them."""

from dataclasses import dataclass

#: Part of the names and headers of schema files; changes with any column below.
SOFTWARE_VERSION = "hsc_1_0"

BANDS = ("g", "r", "i", "z", "y")


@dataclass(frozen=True)
class CatalogueColumn:
    """One column of a catalogue."""

    name: str
    #: Type in numpy's notation, as in f8.
    kind: str
    #: Unit in FITS notation, as in deg; empty for plain numbers.
    unit: str
    meaning: str


_POSITION = (
    CatalogueColumn("id", "i8", "", "number of the object"),
    CatalogueColumn("ra", "f8", "deg", "right ascension"),
    CatalogueColumn("dec", "f8", "deg", "declination"),
    CatalogueColumn("x", "f8", "pixel", "column in the image, from 0"),
    CatalogueColumn("y", "f8", "pixel", "row in the image, from 0"),
)
_FLUX = (
    CatalogueColumn("flux", "f8", "count", "in the aperture, neighbours subtracted"),
    CatalogueColumn("flux_err", "f8", "count", "its standard error"),
    CatalogueColumn("mag", "f8", "mag", "of flux"),
    CatalogueColumn("mag_err", "f8", "mag", "its standard error"),
)
_PSF_FLUX = (
    CatalogueColumn("psf_flux", "f8", "count", "of the fitted star, all stars fitted together"),
    CatalogueColumn("psf_flux_err", "f8", "count", "its standard error"),
)
_COADD = (
    CatalogueColumn("depth", "i2", "", "visits at the centre"),
    CatalogueColumn("is_primary", "?", "", "inside the patch without its border"),
    CatalogueColumn("flags", "i4", "", "mask planes near the centre"),
)
_MATCH = (
    CatalogueColumn("id", "i8", "", "number of the object"),
    CatalogueColumn("ref_id", "i8", "", "number in the reference catalogue"),
    CatalogueColumn("ra", "f8", "deg", "right ascension, reference"),
    CatalogueColumn("dec", "f8", "deg", "declination, reference"),
    CatalogueColumn("separation", "f8", "arcsec", "from the measured position"),
    CatalogueColumn("mag_offset", "f8", "mag", "measured minus reference"),
)


def _band_columns(stem: str, meaning: str) -> tuple[CatalogueColumn, ...]:
    return tuple(CatalogueColumn(f"{stem}_{band}", "?", "", f"{meaning} in {band}") for band in BANDS)


#: Columns of each dataset.
SCHEMAS: dict[str, tuple[CatalogueColumn, ...]] = {
    "src": (*_POSITION, *_FLUX, CatalogueColumn("fwhm", "f8", "pixel", "full width at half maximum"), _COADD[2]),
    "srcMatch": _MATCH,
    "deepCoadd_det": (
        *_POSITION,
        CatalogueColumn("signal_to_noise", "f8", "", "at the peak"),
        CatalogueColumn("area", "i4", "pixel", ""),
    ),
    "deepCoadd_mergeDet": (
        *_POSITION,
        *_band_columns("merge_footprint", "detected"),
        *_band_columns("merge_peak", "has a peak"),
    ),
    "deepCoadd_meas": (*_POSITION, *_FLUX, *_PSF_FLUX, *_COADD),
    "deepCoadd_measMatch": _MATCH,
    "deepCoadd_ref": (*_POSITION, *_band_columns("merge_measurement", "position measured"), _COADD[1]),
    "deepCoadd_forced_src": (*_POSITION, *_FLUX, *_PSF_FLUX, *_COADD),
}
