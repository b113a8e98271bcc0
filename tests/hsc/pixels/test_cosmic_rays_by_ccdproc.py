"""Cosmic rays among stars of a profile that the pipeline does not have, judged by known hits and by ccdproc."""

import ccdproc
import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from pipelines.hsc.pixels.cosmic_rays import find_cosmic_rays

SHAPE = (300, 400)
SKY_NOISE = 25.0


@pytest.fixture(scope="module")
def a_field(draw_stars):
    """48 isolated stars of up to 3 million electrons: the image with its noise, and the variance."""
    random = np.random.default_rng(1)
    places = np.meshgrid(np.arange(25, 400, 50.0), np.arange(25, 300, 50.0))
    x, y = (place.ravel() + random.uniform(-0.5, 0.5, 48) for place in places)
    return add_noise(draw_stars(SHAPE, x, y, 10 ** random.uniform(3, 6.5, 48)), random)


@pytest.fixture(scope="module")
def a_crowd(draw_stars):
    """200 stars of up to 100,000 electrons anywhere, also one upon the other."""
    random = np.random.default_rng(8)
    x, y = random.uniform(0, 400, 200), random.uniform(0, 300, 200)
    return add_noise(draw_stars(SHAPE, x, y, 10 ** random.uniform(3, 5, 200)), random)


def add_noise(truth, random):
    return random.poisson(truth) + random.normal(0, SKY_NOISE, SHAPE), truth + SKY_NOISE**2


def add_hits(image, variance):
    """Return the image with 60 tracks of up to six pixels, 20 times the noise each, and the pixels of the tracks."""
    random = np.random.default_rng(9)
    hits = np.zeros(SHAPE, dtype=bool)
    for row, column, length, slope in random.uniform([5, 5, 1, -1], [295, 385, 7, 1], (60, 4)):
        steps = np.arange(int(length))
        hits[np.clip((row + slope * steps).astype(int), 0, 299), (column + steps).astype(int)] = True
    return image + np.where(hits, 20 * np.sqrt(variance), 0), hits


@pytest.mark.parametrize("stars", ["a_field", "a_crowd"])
def test_stars_are_no_cosmic_rays(request, stars):
    assert np.count_nonzero(find_cosmic_rays(*request.getfixturevalue(stars))) == 0


@pytest.mark.parametrize("stars", ["a_field", "a_crowd"])
def test_hits_are_found_among_stars_and_little_besides(request, stars):
    image, variance = request.getfixturevalue(stars)
    spoilt, hits = add_hits(image, variance)
    found = find_cosmic_rays(spoilt, variance)
    sky = variance < 1.5 * SKY_NOISE**2
    assert found[hits & sky].all()
    assert found[hits].mean() > 0.95
    # The neighbours of a hit are looked at with half of the threshold; a star with a hit may lose more of its pixels.
    assert not (found & sky & ~binary_dilation(hits, np.ones((3, 3)), iterations=2)).any()
    assert np.count_nonzero(found & ~hits) < 0.05 * np.count_nonzero(hits)


def test_hits_on_the_sky_are_those_that_ccdproc_finds(a_crowd):
    image, variance = a_crowd
    spoilt, _ = add_hits(image, variance)
    _, judged = ccdproc.cosmicray_median(spoilt, error_image=np.sqrt(variance), thresh=6, mbox=9)
    sky = variance < 1.1 * SKY_NOISE**2
    found = find_cosmic_rays(spoilt, variance)
    assert np.count_nonzero(judged & sky) > 80
    assert found[judged & sky].mean() > 0.98
    assert judged[found & sky].mean() > 0.98
