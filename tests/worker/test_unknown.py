"""Outputs with wildcards on the worker: which files are taken, and which names are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.worker.job.spec import FileSpec
from framework.worker.job.wildcard_outputs import InvalidNameError, WildcardOutputs


@pytest.fixture
def pieces() -> FileSpec:
    return FileSpec(
        {"label": "file.piece", "filetype": "piece", "path": "a/p/x_*.txt", "job_path": "p/x_*.txt",
         "metadata": {"band": "g"}, "pattern": r"x_(?P<n>(?s:.+?))\.txt"}
    )  # fmt: skip


def test_files_that_fit_are_found_with_what_their_names_tell(tmp_path: Path, pieces: FileSpec):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/x_before.txt").touch()
    unknown = WildcardOutputs([pieces], str(tmp_path))
    for name in ("x_2.txt", "x_1.txt", "x_.txt", "y_3.txt"):
        (tmp_path / "p" / name).touch()
    found = unknown.find(pieces)
    assert [(file.path, file.job_path, file.metadata) for file in found] == [
        ("a/p/x_1.txt", "p/x_1.txt", {"band": "g", "n": "1"}),
        ("a/p/x_2.txt", "p/x_2.txt", {"band": "g", "n": "2"}),
    ]


@pytest.mark.parametrize(
    "name", [f"x_{'a' * 240}.txt", f"x_{'é' * 120}.txt", b"x_\xff.txt".decode("utf-8", "surrogateescape")]
)
def test_names_that_no_archive_takes_are_refused(tmp_path: Path, pieces: FileSpec, name: str):
    (tmp_path / "p").mkdir()
    unknown = WildcardOutputs([pieces], str(tmp_path))
    (tmp_path / "p" / name).touch()
    with pytest.raises(InvalidNameError, match="cannot be a name in an archive"):
        unknown.find(pieces)
