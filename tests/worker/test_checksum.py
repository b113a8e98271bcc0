"""A checksum is the same, whoever works it out."""

from __future__ import annotations

import hashlib

import pytest

from framework.worker.files.checksum import WORTH_LOADING, sha256


@pytest.mark.parametrize("size", [0, 1, 1000, WORTH_LOADING - 1, WORTH_LOADING, WORTH_LOADING + 1])
def test_it_is_the_sha256_of_the_first_bytes_and_of_those_that_follow(size):
    first, more = b"x" * size, b"more"
    digest = sha256(first)
    digest.update(more)
    assert digest.hexdigest() == hashlib.sha256(first + more).hexdigest()
