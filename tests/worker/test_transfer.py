"""Files on their way in and out: verified, whole, and never the user's own copy."""

from __future__ import annotations

import hashlib
import http.server
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.worker.files import download as downloading
from framework.worker.files.download import download
from framework.worker.files.transfer import Checksum, ChecksumCache, TransferError, link, measure, store


def facts_of(content: bytes) -> Checksum:
    return Checksum(len(content), hashlib.sha256(content).hexdigest())


@given(st.binary(max_size=3000))
def test_size_and_checksum_are_those_of_the_content(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("m") / "file"
    path.write_bytes(content)
    assert measure(str(path)) == facts_of(content)


def test_an_input_that_is_not_what_was_recorded_is_refused(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"changed!")
    with pytest.raises(TransferError, match="is not what was recorded"):
        link(str(source), str(tmp_path / "in"), facts_of(b"original"), ChecksumCache())
    with pytest.raises(TransferError, match="has 8 bytes where 3 are recorded"):
        link(str(source), str(tmp_path / "in"), facts_of(b"old"), ChecksumCache())
    assert not (tmp_path / "in").exists()


def test_a_file_that_changes_between_two_jobs_is_measured_again(tmp_path):
    source, measurer = tmp_path / "source", ChecksumCache()
    source.write_bytes(b"one")
    assert measurer.checksum(str(source)) == facts_of(b"one")
    source.write_bytes(b"three")
    assert measurer.checksum(str(source)) == facts_of(b"three")


def test_an_output_is_moved_into_the_archive_and_may_not_be_written_again(tmp_path):
    made = tmp_path / "made"
    made.write_bytes(b"result")
    assert store(str(made), str(tmp_path / "archive/deep/result")) == facts_of(b"result")
    assert not made.exists()
    assert (tmp_path / "archive/deep/result").stat().st_mode & 0o777 == 0o444


def test_an_output_that_is_a_second_name_of_an_input_is_copied(tmp_path):
    users_own = tmp_path / "own"
    users_own.write_bytes(b"mine")
    os.link(users_own, tmp_path / "made")
    store(str(tmp_path / "made"), str(tmp_path / "archive/made"))
    assert users_own.stat().st_nlink == 1
    assert users_own.stat().st_mode & 0o200


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, list[int]]]:
    """Serves ``good``; ``once`` is unavailable the first time, ``short`` promises more than it gives."""
    asked: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(1)
            if self.path == "/missing" or (self.path == "/once" and len(asked) == 1):
                self.send_error(404 if self.path == "/missing" else 503)
                return
            self.send_response(200)
            self.send_header("Content-Length", "99" if self.path == "/short" else "4")
            self.end_headers()
            self.wfile.write(b"good")

        def log_message(self, *arguments: object) -> None:
            return None

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_address[1]}", asked
        http_server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "RETRY_PAUSES", (0.0, 0.0))


def test_a_file_is_fetched_by_http_and_verified(server, tmp_path):
    found = download(f"{server[0]}/good", str(tmp_path / "got"), facts_of(b"good"))
    assert (found, (tmp_path / "got").read_bytes()) == (facts_of(b"good"), b"good")
    with pytest.raises(TransferError, match="has 4 bytes where 5 are recorded"):
        download(f"{server[0]}/good", str(tmp_path / "got"), facts_of(b"large"))
    with pytest.raises(TransferError, match="is not what was recorded"):
        download(f"{server[0]}/good", str(tmp_path / "got"), facts_of(b"evil"))


def test_a_server_that_was_busy_is_asked_again(server, tmp_path):
    download(f"{server[0]}/once", str(tmp_path / "got"), None)
    assert len(server[1]) == 2


def test_a_file_that_is_not_there_is_not_asked_for_again(server, tmp_path):
    with pytest.raises(TransferError, match="404"):
        download(f"{server[0]}/missing", str(tmp_path / "got"), None)
    assert len(server[1]) == 1


def test_a_download_that_ends_early_is_an_error(server, tmp_path):
    with pytest.raises(TransferError, match=r"4 of 99 bytes|IncompleteRead|4 bytes read"):
        download(f"{server[0]}/short", str(tmp_path / "got"), None)


@pytest.mark.parametrize("location", ["ftp://x/y", "file:///etc/passwd", "gopher://x"])
def test_only_http_is_fetched(location, tmp_path):
    with pytest.raises(TransferError, match="only http and https"):
        download(location, str(tmp_path / "got"), None)


LONG = bytes(range(256)) * 4000


@pytest.fixture
def breaking(tmp_path: Path) -> Iterator[tuple[str, list[str | None], dict[str, int]]]:
    """Serves ``LONG`` but breaks off after each 300,000 bytes; counts how many it serves at a time."""
    asked: list[str | None] = []
    counts = {"now": 0, "most": 0}
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                counts["now"] += 1
                counts["most"] = max(counts["most"], counts["now"])
            asked.append(self.headers.get("Range"))
            tag = f'"changing-{len(asked)}"' if self.path == "/changing" else '"same"'
            begin = 0
            if self.headers.get("Range") and self.headers.get("If-Range") == tag:
                begin = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(LONG) - 1}/{len(LONG)}")
            self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(LONG) - begin))
            self.end_headers()
            step = len(LONG) if self.path == "/whole" else 400_000
            threading.Event().wait(0.05)
            with lock:
                counts["now"] -= 1
            self.wfile.write(LONG[begin : begin + step])

        def log_message(self, *arguments: object) -> None:
            return None

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_address[1]}", asked, counts
        http_server.shutdown()
        thread.join()


def test_a_download_that_breaks_off_goes_on_where_it_was(breaking, tmp_path):
    assert download(f"{breaking[0]}/x", str(tmp_path / "got"), facts_of(LONG)) == facts_of(LONG)
    assert (tmp_path / "got").read_bytes() == LONG
    assert breaking[1] == [None, "bytes=400000-", "bytes=800000-"]


def test_a_file_that_has_changed_meanwhile_is_not_pieced_together(breaking, tmp_path):
    with pytest.raises(TransferError, match="400000 of 1024000 bytes came"):
        download(f"{breaking[0]}/changing", str(tmp_path / "got"), None)


def test_a_server_is_not_asked_for_more_files_at_a_time_than_it_may_be(breaking, tmp_path):
    def fetch(number: int) -> None:
        download(f"{breaking[0]}/whole", str(tmp_path / f"got{number}"), facts_of(LONG), max_transfers=2)

    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(tmp_path.glob("got*"))) == 8
    assert 1 <= breaking[2]["most"] <= 2


@pytest.fixture
def two_mounts(tmp_path, unable):
    """Two directories of one file system, each a mount of its own: a file cannot be renamed from one to the other."""
    mounts = [tmp_path / "job", tmp_path / "archive"]
    for path in mounts:
        path.mkdir()
        bind = ["mount", "--bind", str(path), str(path)]
        if os.getuid() != 0 or subprocess.run(bind, check=False).returncode:
            unable("only root may mount a directory a second time")
    yield mounts
    for path in mounts:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.mark.root
def test_files_go_between_two_mounts_of_one_file_system(two_mounts):
    job, archive = two_mounts
    (job / "made").write_bytes(b"made")
    with pytest.raises(OSError, match="cross-device"):
        os.rename(job / "made", archive / "made")
    facts = store(str(job / "made"), str(archive / "here/made"))
    assert (facts, (archive / "here/made").read_bytes(), (job / "made").exists()) == (facts_of(b"made"), b"made", False)
    link(str(archive / "here/made"), str(job / "in"), facts, ChecksumCache())
    assert (job / "in").read_bytes() == b"made"
