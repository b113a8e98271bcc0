"""Catalogues and images in files, and the schemas that go with them."""

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.hsc.catalogues.catalogue import check_schema, empty_table, read_catalogue, write_catalogue, write_schema
from pipelines.hsc.catalogues.schema import SCHEMAS
from pipelines.hsc.errors import InputError
from pipelines.hsc.pixels.exposure import Exposure, read_exposure, write_exposure
from pipelines.hsc.sky.wcs import Wcs

PIXELS = arrays(np.float32, (4, 5), elements=st.floats(-1e6, 1e6, width=32) | st.just(np.nan))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.mark.parametrize("dataset", SCHEMAS)
def test_a_catalogue_is_read_as_it_was_written(dataset, folder):
    table = empty_table(dataset, 5)
    for number, name in enumerate(table.dtype.names or ()):
        table[name] = np.arange(5) * (number + 1.5)
    write_catalogue(table, folder / "table.fits", dataset, {"tract": 0})
    assert (read_catalogue(folder / "table.fits", dataset) == table).all()


@given(PIXELS, PIXELS, arrays(np.int16, (4, 5)), st.floats(20, 35), st.floats(-80, 80))
@settings(max_examples=25, deadline=None)
def test_an_image_is_read_as_it_was_written(folder, image, variance, mask, zero_point_mag, dec):
    written = Exposure(
        image=image,
        variance=variance,
        mask=mask,
        depth=np.ones((4, 5), dtype=np.uint8),
        wcs=Wcs.from_values((320.1, dec), (2.5, -3.1), (-1 / 7e4, 1e-9, 1e-9, 1 / 7e4)),
        zero_point_mag=float(f"{zero_point_mag:.9f}"),
        seeing_pixels=4.5,
        data_id={"tract": 0, "patch": "8x6", "filter": "HSC-I"},
    )
    write_exposure(written, folder / "image.fits")
    read = read_exposure(folder / "image.fits")
    for plane in ("image", "variance", "mask", "depth"):
        np.testing.assert_array_equal(getattr(read, plane), getattr(written, plane))
    assert (read.wcs, read.zero_point_mag, read.data_id) == (written.wcs, written.zero_point_mag, written.data_id)


def test_a_schema_of_this_software_agrees(folder):
    write_schema(folder / "src.fits", "src")
    check_schema(folder / "src.fits", "src")


def test_a_schema_of_another_version_is_refused_with_what_to_do(folder):
    write_schema(folder / "old.fits", "src")
    fits.setval(folder / "old.fits", "SOFTVERS", value="hsc_0_9")
    with pytest.raises(InputError, match=r"made by hsc_0_9, this is hsc_1_0: .*python -m pipelines.hsc.schemas"):
        check_schema(folder / "old.fits", "src")


def test_a_schema_of_another_catalogue_is_refused(folder):
    write_schema(folder / "other.fits", "srcMatch")
    with pytest.raises(InputError, match="is not the schema of src: it lacks x, y, flux"):
        check_schema(folder / "other.fits", "src")


def test_a_catalogue_with_other_columns_is_refused(folder):
    write_catalogue(empty_table("srcMatch", 1), folder / "match.fits", "srcMatch", {})
    with pytest.raises(InputError, match="is no deepCoadd_det: it lacks x, y"):
        read_catalogue(folder / "match.fits", "deepCoadd_det")


def test_an_image_without_mask_is_refused(folder):
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((3, 3)), name="IMAGE")]).writeto(folder / "bare.fits")
    with pytest.raises(InputError, match="has no MASK, VARIANCE, DEPTH plane"):
        read_exposure(folder / "bare.fits")
