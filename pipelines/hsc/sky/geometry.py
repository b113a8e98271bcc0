"""Tracts and patches of the sky, and which of them an image touches.

The planner uses this module (``queries/hsc_overlap.py``), so it imports the standard library only: projection and
overlap of convex outlines are a few lines here, and importing astropy.wcs takes twenty times as long.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from pipelines.hsc.errors import InputError

#: Right ascension and declination, degrees.
SkyPosition = tuple[float, float]
#: Column and row of a tract, pixels; whole numbers are the centres of pixels.
PixelPosition = tuple[float, float]


@dataclass(frozen=True, order=True)
class Patch:
    """A square of a tract, by its column and row in the tract, from the lower left."""

    x: int
    y: int

    @property
    def name(self) -> str:
        """The patch as in 8x6: with an `x`, since commas separate the elements of lists."""
        return f"{self.x}x{self.y}"

    @classmethod
    def parse(cls, text: str) -> "Patch":
        """Read a patch from `8x6` or `8,6`.

        Raises
        ------
        InputError
            If the text is neither.
        """
        x, separator, y = text.replace(",", "x").partition("x")
        if not (separator and x.isdecimal() and y.isdecimal() and text.isascii()):
            raise InputError(f"patch {text!r} is not two numbers, as in 8x6 or 8,6")
        return cls(int(x), int(y))


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of whole pixels: its first column and row, and how many of each."""

    x: int
    y: int
    width: int
    height: int

    @property
    def outline(self) -> list[PixelPosition]:
        """Corners of the rectangle, at the outer edges of its corner pixels.

        Notes
        -----
        Pixels of the tract, four pairs of column and row around the box; a pixel reaches half a pixel to either side.
        """
        left, low = self.x - 0.5, self.y - 0.5
        right, high = left + self.width, low + self.height
        return [(left, low), (right, low), (right, high), (left, high)]

    def contains(self, x: float, y: float) -> bool:
        """Return whether a pixel position is inside; of the edges, the left and the lower belong to the box.

        Parameters
        ----------
        x, y : float
            Column and row, pixels of the tract.
        """
        return self.x - 0.5 <= x < self.x + self.width - 0.5 and self.y - 0.5 <= y < self.y + self.height - 0.5


@dataclass(frozen=True, kw_only=True)
class Tract:
    """A part of the sky on one tangent plane, north up and east left; its patches overlap by their borders."""

    tract: int
    #: The tangent point, in the middle of the tract.
    ra_deg: float
    dec_deg: float
    pixel_arcsec: float
    #: Patches along a whole side.
    patches_per_side: int
    patch_inner_pixels: int
    patch_border_pixels: int
    #: Column and row of the first and the last patch that are made.
    first_patch: tuple[int, int]
    last_patch: tuple[int, int]

    @property
    def patches(self) -> list[Patch]:
        """Patches that are made, column by column."""
        columns, rows = zip(self.first_patch, self.last_patch, strict=True)
        return [Patch(x, y) for x in range(columns[0], columns[1] + 1) for y in range(rows[0], rows[1] + 1)]

    @property
    def tangent_pixel(self) -> PixelPosition:
        """Pixel position of the tangent point.

        Notes
        -----
        Column and row, pixels of the tract from 0: the middle of the tract.
        """
        half = (self.patches_per_side * self.patch_inner_pixels - 1) / 2
        return half, half

    def inner_box(self, patch: Patch) -> Box:
        """Return the pixels that belong to this patch alone.

        Returns
        -------
        Box
            A square of patch_inner_pixels a side, in pixels of the tract.
        """
        side = self.patch_inner_pixels
        return Box(x=patch.x * side, y=patch.y * side, width=side, height=side)

    def outer_box(self, patch: Patch) -> Box:
        """Return the pixels of this patch with the border that it shares with its neighbours.

        Returns
        -------
        Box
            The inner box and patch_border_pixels on every side, in pixels of the tract; may begin below 0.
        """
        border, side = self.patch_border_pixels, self.patch_inner_pixels + 2 * self.patch_border_pixels
        inner = self.inner_box(patch)
        return Box(x=inner.x - border, y=inner.y - border, width=side, height=side)

    def sky_to_pixel(self, sky: SkyPosition) -> PixelPosition | None:
        """Project a sky position (degrees) to pixels; None for the half of the sky opposite to the tangent point.

        Notes
        -----
        The gnomonic projection of Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3.
        """
        ra, dec, ra0, dec0 = (math.radians(angle) for angle in (*sky, self.ra_deg, self.dec_deg))
        cosine = math.sin(dec0) * math.sin(dec) + math.cos(dec0) * math.cos(dec) * math.cos(ra - ra0)
        if cosine <= 0:
            return None
        east = math.cos(dec) * math.sin(ra - ra0) / cosine
        north = (math.cos(dec0) * math.sin(dec) - math.sin(dec0) * math.cos(dec) * math.cos(ra - ra0)) / cosine
        pixel = math.radians(self.pixel_arcsec / 3600)
        return self.tangent_pixel[0] - east / pixel, self.tangent_pixel[1] + north / pixel

    def find_touched_patches(self, corners: Sequence[SkyPosition]) -> list[Patch]:
        """Return the patches, borders included, that share some area with an image of these corners (degrees).

        Parameters
        ----------
        corners : sequence of (float, float)
            Right ascension and declination of the corners, degrees, in any order.

        Returns
        -------
        list of Patch
            Column by column; none if a corner is on the half of the sky opposite to the tangent point.
        """
        points = [self.sky_to_pixel(corner) for corner in corners]
        outline = _sort_around_centre([point for point in points if point])
        if len(outline) < len(corners) or len(outline) < 3:
            return []
        return [patch for patch in self.patches if _have_common_area(outline, self.outer_box(patch).outline)]


@dataclass(frozen=True, kw_only=True)
class SkyMap:
    """The tracts of a survey."""

    tracts: tuple[Tract, ...]

    def __getitem__(self, number: str | int) -> Tract:
        for tract in self.tracts:
            if tract.tract == number:
                return tract
        raise InputError(f"the sky map has no tract {number}, only {', '.join(str(t.tract) for t in self.tracts)}")

    @classmethod
    def from_json(cls, text: str) -> "SkyMap":
        """Read the content of a sky map file.

        Raises
        ------
        InputError
            If the text is not JSON, or lacks a field of a tract.
        """
        try:
            return cls(tracts=tuple(_make_tract(fields) for fields in json.loads(text)["tracts"]))
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"this is no sky map: {error}") from error

    def to_json(self) -> str:
        """Return the content of a sky map file."""
        return json.dumps({"tracts": [asdict(tract) for tract in self.tracts]}, indent=1) + "\n"


@dataclass(frozen=True, kw_only=True)
class DetectorImage:
    """An image of one detector in one visit, by its corners on the sky (degrees, in any order)."""

    visit: int
    ccd: int
    corners: tuple[SkyPosition, SkyPosition, SkyPosition, SkyPosition]


@dataclass(frozen=True, kw_only=True, order=True)
class Overlap:
    """A pair of a detector's image and a patch that it touches."""

    tract: int
    patch: str
    visit: int
    ccd: int


def find_overlaps(sky_map: SkyMap, images: Iterable[DetectorImage]) -> list[Overlap]:
    """Return every pair of an image and a patch that share some area, in order of tract, patch, visit, ccd.

    Parameters
    ----------
    sky_map : SkyMap
        The tracts.
    images : iterable of DetectorImage
        Images with their corners, degrees.
    """
    return sorted(
        Overlap(tract=tract.tract, patch=patch.name, visit=image.visit, ccd=image.ccd)
        for image in images
        for tract in sky_map.tracts
        for patch in tract.find_touched_patches(image.corners)
    )


def _make_tract(fields: dict[str, object]) -> Tract:
    pairs = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return Tract(**(fields | pairs))  # type: ignore[arg-type]


def _sort_around_centre(points: list[PixelPosition]) -> list[PixelPosition]:
    """Return the points in order of their angle around their mean, whichever corner a header names first."""
    if not points:
        return []
    x = sum(point[0] for point in points) / len(points)
    y = sum(point[1] for point in points) / len(points)
    return sorted(points, key=lambda point: math.atan2(point[1] - y, point[0] - x))


def _have_common_area(one: list[PixelPosition], other: list[PixelPosition]) -> bool:
    """Return whether two convex outlines share area: no side of either separates them (separating axis theorem)."""
    for normal in [*_side_normals(one), *_side_normals(other)]:
        ones, others = _project_outline(one, normal), _project_outline(other, normal)
        if max(ones) <= min(others) or max(others) <= min(ones):
            return False
    return True


def _side_normals(outline: list[PixelPosition]) -> Iterator[PixelPosition]:
    for (x0, y0), (x1, y1) in zip(outline, outline[1:] + outline[:1], strict=True):
        yield y1 - y0, x0 - x1


def _project_outline(outline: list[PixelPosition], direction: PixelPosition) -> list[float]:
    return [x * direction[0] + y * direction[1] for x, y in outline]
