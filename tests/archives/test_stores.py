"""A store gives a name to one file only, whoever else writes there at the same time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from framework.archives.archive import open_store
from framework.archives.directory_store import PART_SUFFIX, DirectoryStore
from framework.archives.remote_store import BLOCK
from framework.archives.store import Store
from framework.worker.files.transfer import TransferError


@pytest.fixture(scope="module")
def bucket() -> Iterator[Store]:
    """A bucket of an S3 service of this machine."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    given = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=endpoint, **given).create_bucket(Bucket="exclusive")
    yield open_store("s3://exclusive/dr1", {"endpoint_url": endpoint, "key": "testing", "secret": "testing"})
    server.stop()


@pytest.fixture(params=["directory", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: object) -> Store:
    if request.param == "bucket":
        found: Store = request.getfixturevalue("bucket")
        return found
    return DirectoryStore(str(tmp_path))


def put(store: Store, path: str, content: bytes) -> None:
    with store.write(path) as file:
        file.write(content)


def content(store: Store, path: str) -> bytes:
    with store.read(path) as file:
        return file.read()


@pytest.mark.parametrize("second", [b"", b"other"])
def test_a_name_that_is_taken_is_refused_before_anything_is_written(store, second):
    path = f"taken/{len(second)}.txt"
    put(store, path, b"first")
    with pytest.raises(FileExistsError), store.write(path):
        pytest.fail("nothing may be written")
    assert content(store, path) == b"first"


@pytest.mark.parametrize("size", [0, 5, BLOCK + 1], ids=["empty", "small", "of several parts"])
def test_of_two_writers_the_first_to_end_has_the_name(store, size):
    path = f"race/{size}.txt"
    with pytest.raises(FileExistsError), store.write(path) as file:  # noqa: PT012  (the end is what fails)
        file.write(b"x" * size)
        put(store, path, b"first")
    assert content(store, path) == b"first"
    assert {name for name, _ in store.files() if name.startswith("race/") and name.endswith(PART_SUFFIX)} == set()


def test_an_empty_file_is_a_file(store):
    put(store, "empty/a.txt", b"")
    assert content(store, "empty/a.txt") == b""
    assert store.size("empty/a.txt") == 0


def test_what_ends_with_an_error_never_gets_its_name(store):
    with pytest.raises(TransferError), store.write("broken/a.txt") as file:  # noqa: PT012  (writes, then fails)
        file.write(b"half")
        raise TransferError("the other side is gone")
    assert [name for name, _ in store.files() if name.startswith("broken/")] == []


def test_a_file_system_without_hard_links_gives_a_name_once_too(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    store = DirectoryStore(str(tmp_path))
    put(store, "a.txt", b"first")
    with pytest.raises(FileExistsError), store.write("b.txt") as file:  # noqa: PT012  (the end is what fails)
        file.write(b"second")
        put(store, "b.txt", b"first")
    assert (content(store, "a.txt"), content(store, "b.txt")) == (b"first", b"first")


def test_a_name_of_the_greatest_length_is_written(tmp_path):
    name = "n" * 255
    put(DirectoryStore(str(tmp_path)), name, b"x")
    assert (tmp_path / name).read_bytes() == b"x"
