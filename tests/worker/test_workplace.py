"""A worker's directory: each job finds what it asked for, empty, and nothing else."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from framework.worker.job.work_directory import WorkDirectory

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(lambda parts: "/".join([*parts, "file"]))


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


@given(st.lists(st.tuples(st.lists(PATHS, max_size=4), st.lists(PATHS, max_size=4)), max_size=6))
def test_a_job_never_finds_anything_of_the_one_before(tmp_path_factory, jobs):
    root = tmp_path_factory.mktemp("work") / "place"
    place = WorkDirectory(str(root))
    for wanted, left in jobs:
        place.prepare(wanted)
        parents = {str(parent) for path in wanted for parent in Path(path).parents} - {"."}
        assert tree(root) == parents
        for path in left:  # what a program leaves, asked for or not
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("left")
        place.clear()


def test_links_are_removed_but_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    place = WorkDirectory(str(tmp_path / "work"))
    place.prepare(["a/file"])
    (tmp_path / "work/link").symlink_to(outside)
    place.clear()
    assert (outside / "precious").read_text() == "precious"
    assert tree(tmp_path / "work") == {"a"}


def test_what_a_failed_job_left_is_kept_apart(tmp_path):
    place = WorkDirectory(str(tmp_path / "work"))
    place.prepare(["a/file"])
    (tmp_path / "work/a/file").write_text("half")
    place.set_aside(str(tmp_path / "failed/j1"))
    assert (tmp_path / "failed/j1/a/file").read_text() == "half"
    place.prepare(["b/file"])
    assert tree(tmp_path / "work") == {"b"}
