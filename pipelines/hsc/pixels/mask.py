"""Mask planes: one bit for each reason not to trust a pixel, with the numbers that LSST gives them."""

BAD = 1 << 0
SATURATED = 1 << 1
INTERPOLATED = 1 << 2
COSMIC_RAY = 1 << 3
EDGE = 1 << 4
DETECTED = 1 << 5
NO_DATA = 1 << 8
CLIPPED = 1 << 9

#: Planes of a pixel that has no measurement of its own.
UNUSABLE = BAD | SATURATED | COSMIC_RAY | NO_DATA

#: Header cards that give the bit of each plane.
CARDS = {
    "MP_BAD": 0,
    "MP_SAT": 1,
    "MP_INTRP": 2,
    "MP_CR": 3,
    "MP_EDGE": 4,
    "MP_DET": 5,
    "MP_NODAT": 8,
    "MP_CLIP": 9,
}
