"""``fw replicate`` copies files between archives, here, in a bucket or on a web server, checked on the way."""

from __future__ import annotations

import functools
import http.server
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.commands.test_archives import RUN, a_run, spoil  # noqa: F401 (a fixture)
from tests.conftest import ROOT

S3 = """
<archive>
<cloud>
root = s3://sky/dr1
<storage_options>
endpoint_url = {endpoint}
key = testing
secret = $SECRET{{cloud}}
</storage_options>
</cloud>
<second>
root = {home}/second
</second>
<web>
root = {web}
</web>
</archive>
"""


@pytest.fixture(scope="module")
def cloud():
    """An S3 service of this machine with an empty bucket."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    given = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=endpoint, **given)
    client.create_bucket(Bucket="sky")
    yield endpoint, client
    server.stop()


@pytest.fixture(scope="module")
def web(a_run):  # noqa: F811
    """A web server that gives what the archive of the finished run has."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    place = functools.partial(Handler, directory=str(a_run / "archive"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), place)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def archive(a_run, fw_home, cloud, web):  # noqa: F811
    """A home of the test's own with a finished run, which knows a bucket, a second directory and a web server."""
    shutil.copytree(a_run, fw_home)
    (fw_home / "site.wcl").write_text(S3.format(endpoint=cloud[0], home=fw_home, web=web))
    (fw_home / "second").mkdir()
    (fw_home / "secrets").touch(mode=0o600)
    (fw_home / "secrets").write_text("cloud = testing\n")
    for each in cloud[1].list_objects_v2(Bucket="sky").get("Contents", ()):
        cloud[1].delete_object(Bucket="sky", Key=each["Key"])
    return fw_home / "archive"


def test_files_are_copied_into_a_bucket_and_come_back_from_it(fw_here, archive, cloud, ask, tmp_path):
    told = fw_here("replicate", "hello_r1p01", "--filetype", "greeting", "--to", "cloud", "--dry-run")
    said = fw_here("replicate", "hello_r1p01", "--filetype", "greeting", "--to", "cloud")
    names = sorted(each["Key"] for each in cloud[1].list_objects_v2(Bucket="sky")["Contents"])
    assert (told.status, said.status) == (0, 0)
    assert sorted(told.out.splitlines()) == [name.removeprefix("dr1/") for name in names]
    assert f"dr1/{RUN}/greetings/moon.txt" in names
    assert ask("select count(*) from file_archive_info where archive_name = 'cloud'") == [(len(names),)]
    again = fw_here("replicate", "--filetype", "greeting", "--to", "cloud")
    assert f"0 copied to cloud, {len(names)} there already" in again.err
    text = (archive / RUN / "greetings/moon.txt").read_text()
    (archive / RUN / "greetings/moon.txt").unlink()
    assert fw_here("get", "moon.txt").status == 0
    assert (tmp_path / "moon.txt").read_text() == text
    assert fw_here("fsck", "--repair", "--yes").status == 0
    assert (archive / RUN / "greetings/moon.txt").read_text() == text


def test_a_bucket_is_checked_as_a_directory_is(fw_here, archive, cloud, fw_home):
    fw_here("replicate", "--filetype", "greeting", "--to", "cloud")
    assert fw_here("fsck", "cloud", "--checksums").out.endswith("all as it should be\n")
    client, at = cloud[1], f"dr1/{RUN}/greetings/"
    text = client.get_object(Bucket="sky", Key=f"{at}moon.txt")["Body"].read()
    client.put_object(Bucket="sky", Key=f"{at}moon.txt", Body=text.swapcase())
    client.put_object(Bucket="sky", Key=f"{at}mars.txt", Body=b"?")
    client.put_object(Bucket="sky", Key=f"{at}a stray.txt", Body=b"whose?")
    client.delete_object(Bucket="sky", Key=f"{at}world.txt")
    client.put_object(Bucket="sky", Key="dr1/../../../evil.txt", Body=b"?")
    found = fw_here("fsck", "cloud", "--checksums", "--json").json["findings"]
    assert sorted((each["kind"], each["path"].rpartition("/")[2]) for each in found) == [
        ("content", "moon.txt"),
        ("missing", "world.txt"),
        ("orphan", "a stray.txt"),
        ("size", "mars.txt"),
        ("unreadable", "evil.txt"),
    ]
    # What has no place in an archive is told, and left to a person.
    assert fw_here("fsck", "cloud", "--checksums", "--repair", "--yes").status == 1
    found = fw_here("fsck", "cloud", "--checksums", "--json").json["findings"]
    assert [each["kind"] for each in found] == ["unreadable"]
    assert not list(fw_home.parent.rglob("evil.txt"))
    assert (fw_home / "lost+found/cloud" / RUN / "greetings/a stray.txt").read_text() == "whose?"


def test_a_spoilt_file_is_not_copied_on(fw_here, archive, fw_home, ask):
    spoil(archive / RUN / "greetings/moon.txt", "spoilt")
    said = fw_here("replicate", "--filetype", "greeting", "--to", "second")
    assert (said.status, "moon.txt: has other content" in said.err) == (1, True)
    assert not (fw_home / "second" / RUN / "greetings/moon.txt").exists()
    assert ask("select count(*) from file_archive_info where archive_name = 'second' and filename = 'moon.txt'") == [
        (0,)
    ]


def test_a_web_server_is_an_archive_to_read_from(fw_here, archive, ask, tmp_path, fw_home):
    import sqlite3

    with sqlite3.connect(fw_home / "registry.sqlite") as connection:
        connection.execute("update file_archive_info set archive_name = 'web'")
    connection.close()
    shutil.rmtree(archive)
    assert fw_here("get", "moon.txt").status == 0
    checked = fw_here("fsck", "web", "--checksums")
    assert (checked.status, "cannot list its files" in checked.err) == (0, True)
    assert "is read-only" in fw_here("replicate", "--all", "--from", "home", "--to", "web").err
    assert fw_here("replicate", "--all", "--from", "web", "--to", "second").status == 0
    assert fw_here("fsck", "second", "--contents").out.endswith("all as it should be\n")


def test_a_killed_replication_goes_on_where_it_was(fw_here, archive, fw_home, environment, ask):
    """What was copied and not yet recorded when it was killed is looked at, and not copied again."""
    many = 300
    for number in range(many):
        path = archive / "SKY/many" / f"{number}.bin"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"%d" % number * 4000)
    (fw_home.parent / "types.wcl").write_text(
        "<filetype_metadata>\n<many>\nfilename = ${number}.bin\nops = SKY/many\n</many>\n</filetype_metadata>\n"
    )
    assert fw_here("ingest", "--types", "types.wcl", archive / "SKY/many").status == 0
    call = [sys.executable, "-m", "framework.cli", "replicate", "--filetype", "many", "--to", "second"]
    running = subprocess.Popen(call, env={**environment, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
    copied = fw_home / "second/SKY/many"
    deadline = time.monotonic() + 60
    while len(list(copied.glob("*.bin"))) < 20 and time.monotonic() < deadline:
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = {path.name: path.stat().st_ino for path in copied.glob("*.bin")}
    assert 20 <= len(before) <= many
    said = fw_here("replicate", "--filetype", "many", "--to", "second")
    assert said.status == 0
    assert ask("select count(*) from file_archive_info where archive_name = 'second'") == [(many,)]
    after = {path.name: path.stat().st_ino for path in copied.glob("*.bin")}
    assert before.items() <= after.items()
    assert fw_here("fsck", "second", "--contents").out.count("content") == 0


def test_an_archive_whose_secret_is_missing_says_so_and_hinders_no_other(fw_here, archive, fw_home):
    (fw_home / "secrets").unlink()
    said = fw_here("fsck", "cloud")
    assert (said.status, "archive cloud: there is no secret 'cloud': set FW_SECRET_CLOUD" in said.err) == (2, True)
    assert fw_here("get", "moon.txt").status == 0
    assert fw_here("fsck").status == 0


def test_what_is_meant_must_be_said(fw_here, archive):
    assert "name runs" in fw_here("replicate", "--to", "second").err
    assert "did you mean 'greeting'" in fw_here("replicate", "--filetype", "greetin", "--to", "second").err
    assert "did you mean 'second'" in fw_here("replicate", "--all", "--to", "secon").err
    assert fw_here("replicate", "nobody_r1p01", "--to", "second").status == 2


@pytest.mark.parametrize("path", ["../out.txt", "/etc/passwd", "a/../../out.txt", "a//b", "./a", ""])
def test_a_path_never_leads_out_of_an_archive(tmp_path, path):
    from framework.archives.archive import open_store
    from framework.errors import FrameworkError

    for root in (str(tmp_path / "root"), "memory://root"):
        store = open_store(root, {})
        with pytest.raises(FrameworkError, match="lies in no archive"), store.write(path) as file:
            file.write(b"x")
        with pytest.raises(FrameworkError, match="lies in no archive"):
            store.remove(path)


def test_a_link_never_leads_out_of_an_archive(tmp_path: Path):
    from framework.archives.archive import open_store

    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "mine.txt").write_text("mine")
    (root / "way").symlink_to(outside)
    (root / "name.txt").symlink_to(outside / "mine.txt")
    store = open_store(str(root), {})
    for path in ("way/mine.txt", "name.txt"):
        with pytest.raises(PermissionError), store.read(path):
            pass
    for attempt in (lambda: store.remove("way/mine.txt"), lambda: store.write("way/new.txt").__enter__()):
        with pytest.raises(PermissionError):
            attempt()
    with pytest.raises(FileExistsError), store.write("name.txt"):
        pass
    assert [path.name for path in outside.iterdir()] == ["mine.txt"]
    assert (outside / "mine.txt").read_text() == "mine"
