"""Compression of a pipeline's files: which program it takes, and the endings that go with it."""

from __future__ import annotations

import pytest

from framework.pipeline.compression import read_compression
from wcl import WclError, parse


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("", ".gz"),
        ("compression_exec = fpack", ".fz"),
        ("compression_exec = fpack\ncompression_suffix = .fz", ".fz"),
        ("compression_suffix = .gz", ".gz"),
        ("master_compression = never", ""),
        ("master_compression = never\ncompression_exec = lzma", ""),
    ],
)
def test_a_program_has_its_ending(text, ending):
    assert read_compression(parse(text)) == ending


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("compression_suffix = .fz", "compressed by gzip end with .gz"),
        ("compression_exec = fpack\ncompression_suffix = .gz", "compressed by fpack end with .fz"),
        ("compression_suffix = gz", "compressed by gzip end with .gz"),
        ("compression_exec = fpak", "unknown compression program 'fpak' did you mean 'fpack'?"),
    ],
)
def test_another_ending_or_program_is_refused_where_it_stands(text, message):
    with pytest.raises(WclError) as error:
        read_compression(parse(text))
    assert message in " ".join(str(error.value).split())
    assert error.value.problems[0].position.line == len(text.splitlines())


def test_a_pipeline_with_files_to_compress_and_another_ending_is_not_planned(plan, reduce_text):
    text = reduce_text.replace("filetype = coadd", "filetype = coadd\ncompress_files = True")
    with pytest.raises(WclError, match=r"compressed by gzip end with \.gz"):
        plan(text, compression_suffix=".fz")
