"""How the sky is cut into tracts and patches, and which of them an image touches."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from pipelines.hsc.errors import InputError

#: Right ascension and declination, degrees.
Sky = tuple[float, float]
#: Pixels of a tract; whole numbers are the centres of pixels.
Point = tuple[float, float]


@dataclass(frozen=True, order=True)
class Patch:
    """A square of a tract, counted from the tract's lower left."""

    x: int
    y: int

    @property
    def name(self) -> str:
        """With an `x`, since commas separate the elements of lists."""
        return f"{self.x}x{self.y}"

    @classmethod
    def parse(cls, text: str) -> "Patch":
        """From `8x6` or `8,6`."""
        x, separator, y = text.replace(",", "x").partition("x")
        if not (separator and x.isdecimal() and y.isdecimal() and text.isascii()):
            raise InputError(f"patch {text!r} is not two numbers, as in 8x6 or 8,6")
        return cls(int(x), int(y))


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of whole pixels: the first column and row, and how many."""

    x: int
    y: int
    width: int
    height: int

    @property
    def outline(self) -> list[Point]:
        """The outer edges of its corner pixels."""
        left, low = self.x - 0.5, self.y - 0.5
        right, high = left + self.width, low + self.height
        return [(left, low), (right, low), (right, high), (left, high)]

    def holds(self, x: float, y: float) -> bool:
        return self.x - 0.5 <= x < self.x + self.width - 0.5 and self.y - 0.5 <= y < self.y + self.height - 0.5


@dataclass(frozen=True, kw_only=True)
class Tract:
    """A part of the sky on one tangent plane, north up and east left; its patches overlap by their borders."""

    tract: int
    ra_deg: float
    dec_deg: float
    pixel_arcsec: float
    #: Of a whole side; the tangent point is in the middle.
    patches_per_side: int
    patch_inner_pixels: int
    patch_border_pixels: int
    #: The patches that are made, from the first to the last, of columns and of rows.
    first_patch: tuple[int, int]
    last_patch: tuple[int, int]

    @property
    def patches(self) -> list[Patch]:
        columns, rows = zip(self.first_patch, self.last_patch, strict=True)
        return [Patch(x, y) for x in range(columns[0], columns[1] + 1) for y in range(rows[0], rows[1] + 1)]

    @property
    def middle(self) -> Point:
        """The pixel of the tangent point."""
        half = (self.patches_per_side * self.patch_inner_pixels - 1) / 2
        return half, half

    def inner_box(self, patch: Patch) -> Box:
        """The pixels that this patch alone has."""
        side = self.patch_inner_pixels
        return Box(x=patch.x * side, y=patch.y * side, width=side, height=side)

    def outer_box(self, patch: Patch) -> Box:
        """With the border that it shares."""
        border, side = self.patch_border_pixels, self.patch_inner_pixels + 2 * self.patch_border_pixels
        inner = self.inner_box(patch)
        return Box(x=inner.x - border, y=inner.y - border, width=side, height=side)

    def pixel_of(self, sky: Sky) -> Point | None:
        """Where a direction meets the tangent plane; the far half of the sky does not."""
        ra, dec, ra0, dec0 = (math.radians(angle) for angle in (*sky, self.ra_deg, self.dec_deg))
        nearness = math.sin(dec0) * math.sin(dec) + math.cos(dec0) * math.cos(dec) * math.cos(ra - ra0)
        if nearness <= 0:
            return None
        east = math.cos(dec) * math.sin(ra - ra0) / nearness
        north = (math.cos(dec0) * math.sin(dec) - math.sin(dec0) * math.cos(dec) * math.cos(ra - ra0)) / nearness
        pixel = math.radians(self.pixel_arcsec / 3600)
        return self.middle[0] - east / pixel, self.middle[1] + north / pixel

    def touched_by(self, corners: Sequence[Sky]) -> list[Patch]:
        """The patches, borders included, that an image with these corners shares some area with."""
        points = [self.pixel_of(corner) for corner in corners]
        outline = _around([point for point in points if point])
        if len(outline) < len(corners) or len(outline) < 3:
            return []
        return [patch for patch in self.patches if _overlap(outline, self.outer_box(patch).outline)]


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
    def parse(cls, text: str) -> "SkyMap":
        """From the JSON of a sky map file."""
        try:
            return cls(tracts=tuple(_tract(fields) for fields in json.loads(text)["tracts"]))
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"this is no sky map: {error}") from error

    def write(self) -> str:
        """The JSON that `parse` reads."""
        return json.dumps({"tracts": [asdict(tract) for tract in self.tracts]}, indent=1) + "\n"


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a query has to know of a detector's image."""

    visit: int
    ccd: int
    corners: tuple[Sky, Sky, Sky, Sky]


@dataclass(frozen=True, kw_only=True, order=True)
class Overlap:
    """One detector's image touches one patch."""

    tract: int
    patch: str
    visit: int
    ccd: int


def overlaps(sky_map: SkyMap, images: Iterable[Image]) -> list[Overlap]:
    """Every pair of an image and a patch that share some area, in order of tract, patch, visit, ccd."""
    return sorted(
        Overlap(tract=tract.tract, patch=patch.name, visit=image.visit, ccd=image.ccd)
        for image in images
        for tract in sky_map.tracts
        for patch in tract.touched_by(image.corners)
    )


def _tract(fields: dict[str, object]) -> Tract:
    pairs = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return Tract(**(fields | pairs))  # type: ignore[arg-type]


def _around(points: list[Point]) -> list[Point]:
    """In order around their middle, whichever corner a header names first."""
    if not points:
        return []
    x = sum(point[0] for point in points) / len(points)
    y = sum(point[1] for point in points) / len(points)
    return sorted(points, key=lambda point: math.atan2(point[1] - y, point[0] - x))


def _overlap(one: list[Point], other: list[Point]) -> bool:
    """Two convex outlines share area unless the side of one separates them."""
    for normal in [*_normals(one), *_normals(other)]:
        ones, others = _shadow(one, normal), _shadow(other, normal)
        if max(ones) <= min(others) or max(others) <= min(ones):
            return False
    return True


def _normals(outline: list[Point]) -> Iterator[Point]:
    for (x0, y0), (x1, y1) in zip(outline, outline[1:] + outline[:1], strict=True):
        yield y1 - y0, x0 - x1


def _shadow(outline: list[Point], direction: Point) -> list[float]:
    return [x * direction[0] + y * direction[1] for x, y in outline]
