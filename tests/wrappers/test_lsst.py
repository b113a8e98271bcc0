"""Tar files that the wrapper of LSST's programs unpacks: whole, and never out of their directory."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from wrappers import WrapperError
from wrappers.lsst import _unpack

Pack = Callable[..., Path]


@pytest.fixture
def packed(tmp_path: Path) -> Pack:
    """A function that makes a tar file in a directory of its own, of members and their contents or link targets."""

    def make(*members: tuple[str, bytes | str], type_of_links: bytes = tarfile.SYMTYPE) -> Path:
        path = tmp_path / "job" / "in.tar"
        path.parent.mkdir(exist_ok=True)
        with tarfile.open(path, "w") as tar:
            for name, content in members:
                member = tarfile.TarInfo(name)
                if isinstance(content, str):
                    member.type, member.linkname = type_of_links, content
                    tar.addfile(member)
                else:
                    member.size, member.mode = len(content), 0o755
                    tar.addfile(member, io.BytesIO(content))
        return path

    return make


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_directories_and_files_are_unpacked_beside_the_tar_file(packed):
    path = packed(("ref_cats/a.fits", b"a"), ("ref_cats/deep/b.fits", b"b"))
    _unpack(str(path))
    found = everything(path.parent)
    assert (found["ref_cats/a.fits"], found["ref_cats/deep/b.fits"]) == (b"a", b"b")
    assert len(found) == 3  # no part files are left


def test_what_is_unpacked_again_takes_the_place_of_the_first(packed):
    _unpack(str(packed(("a.txt", b"old, and longer"))))
    path = packed(("a.txt", b"new"))
    _unpack(str(path))
    assert (path.parent / "a.txt").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt"])
def test_a_path_that_leads_out_is_refused(packed, tmp_path, name):
    with pytest.raises(WrapperError, match="leads out of the directory"):
        _unpack(str(packed((name, b"x"))))
    assert set(everything(tmp_path)) == {"job/in.tar"}


@pytest.mark.parametrize("type_of_links", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["../victim.txt", "a.txt", "/etc/passwd"])
def test_a_link_is_refused_wherever_it_leads(packed, tmp_path, target, type_of_links):
    (tmp_path / "victim.txt").write_bytes(b"mine")
    path = packed(("a.txt", b"a"), ("link", target), ("link", b"changed"), type_of_links=type_of_links)
    with pytest.raises(WrapperError, match="'link' is a link or a device"):
        _unpack(str(path))
    assert everything(tmp_path)["victim.txt"] == b"mine"


def test_a_chain_of_links_beyond_the_longest_path_leads_nowhere(packed, tmp_path):
    # As in CVE-2025-4517: each link stands for a long directory, and the last one climbs out of what resolves them.
    long = "d" * 247
    members: list[tuple[str, bytes | str]] = []
    at = ""
    for step in "abcdefghijklmnop":
        members += [(f"{at}{step}", long)]
        at += f"{long}/"
    members += [("escape", f"{'/'.join('abcdefghijklmnop')}/{'../' * 20}victim.txt"), ("escape", b"changed")]
    (tmp_path / "victim.txt").write_bytes(b"mine")
    with pytest.raises(WrapperError):
        _unpack(str(packed(*members)))
    assert (tmp_path / "victim.txt").read_bytes() == b"mine"


def test_a_link_that_was_there_before_is_not_followed(packed, tmp_path):
    path = packed(("inputs/new/raw.fits", b"changed"))
    (tmp_path / "archive").mkdir()
    (path.parent / "inputs").symlink_to(tmp_path / "archive")
    with pytest.raises(WrapperError, match="leads through a link"):
        _unpack(str(path))
    assert list((tmp_path / "archive").iterdir()) == []


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"no tar", lambda data: b""])
def test_a_damaged_tar_file_is_said_to_be_one(packed, damage):
    path = packed(("a.txt", bytes(range(256)) * 100))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(WrapperError, match=r"in\.tar cannot be unpacked"):
        _unpack(str(path))
