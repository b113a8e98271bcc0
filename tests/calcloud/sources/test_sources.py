"""Remote sources, each against a real server on this machine: web, S3, DynamoDB."""

import hashlib
import io
import tarfile
import zipfile
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pandas as pd
import pytest

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.source import read_source
from pipelines.calcloud.training_data.inspection import inspect


def read(name):
    return read_source(str(name), sample_rows=10, sample_seed=1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache for one test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Quiet(SimpleHTTPRequestHandler):
    asked: int = 0

    def do_GET(self):
        type(self).asked += 1
        super().do_GET()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def web(tmp_path):
    """The address of a web server for the files of the test's folder, and the server's class, which counts."""

    class Counting(Quiet):
        asked = 0

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Counting, directory=tmp_path)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", Counting
        server.shutdown()


# ---- web


def test_a_table_with_a_checksum_is_fetched_once(web, a_job, a_table):
    address, server = web
    checksum = hashlib.sha256(a_table(a_job()).read_bytes()).hexdigest()
    found = [read(f"{address}/jobs.csv#sha256={checksum}") for _ in range(3)]
    assert {source.sha256 for source in found} == {checksum}
    assert server.asked == 1


def test_a_table_with_another_checksum_is_refused(web, a_job, a_table):
    a_table(a_job())
    with pytest.raises(InputError, match="has the checksum sha256="):
        read(f"{web[0]}/jobs.csv#sha256={'0' * 64}")


def test_a_damaged_cache_is_fetched_again(web, a_job, a_table, cache):
    checksum = hashlib.md5(a_table(a_job()).read_bytes()).hexdigest()  # noqa: S324
    read(f"{web[0]}/jobs.csv#md5={checksum}")
    next((cache / "skyfw" / "tables").iterdir()).write_bytes(b"damaged")
    assert len(read(f"{web[0]}/jobs.csv#md5={checksum}").lines) == 1
    assert web[1].asked == 2


def test_an_invalid_checksum_is_refused(web):
    with pytest.raises(InputError, match="'sha1=1' is not a checksum"):
        read(f"{web[0]}/jobs.csv#sha1=1")


@pytest.fixture
def archive(web, a_job, a_table, tmp_path, monkeypatch):
    """The published archive, as a mirror on this machine has it; its checksum."""
    table = a_table(a_job(), a_job(ipst="jbt302010"))
    with zipfile.ZipFile(tmp_path / "hst_cal_std_2021-11-04.zip", "w") as packed:
        packed.write(table, "2021-11-04-1636048291/data/latest.csv")
        packed.writestr("2021-11-04-1636048291/results/mem_bin/y_onehot.csv", "bin_0\n1\n")
    monkeypatch.setenv("CALCLOUD_ZENODO", web[0])
    return hashlib.md5((tmp_path / "hst_cal_std_2021-11-04.zip").read_bytes()).hexdigest()  # noqa: S324


def test_the_published_archive_is_read_by_its_date(archive):
    assert len(read(f"zenodo:2021-11-04#md5={archive}").lines) == 2


def test_an_archive_that_is_not_the_published_one_is_refused(archive):
    with pytest.raises(InputError, match="not md5=029fcba4e4f576faf259035b2c20d13c: it is not that file"):
        read("zenodo:2021-11-04")


@pytest.mark.parametrize(
    ("name", "says"), [("zenodo:2019-01-01", "is not known here: give it"), ("zenodo:latest", "named by its date")]
)
def test_an_unknown_archive_is_refused(name, says):
    with pytest.raises(InputError, match=says):
        read(name)


# ---- files


def test_a_parquet_file_reads_like_a_csv(a_job, a_table, tmp_path):
    table = a_table(a_job(), a_job(ipst="jbt302010"))
    pd.read_csv(table).to_parquet(tmp_path / "jobs.parquet")
    rows = [inspect(read(path)).kept for path in (table, tmp_path / "jobs.parquet")]
    assert rows[0].equals(rows[1])


def test_of_several_tables_the_first_that_has_a_dataset_counts(a_job, a_table):
    new = a_table(a_job(wallclock=10), name="new.csv")
    dated = {"src_date": "2021-05-11"}
    old = a_table(a_job(wallclock=99) | dated, a_job(ipst="jbt302010") | dated, name="old.csv")
    found = inspect(read(f"{new},{old}"))
    assert found.kept[["ipst", "wallclock"]].to_numpy().tolist() == [["jbt301010", 10], ["jbt302010", 5360]]
    assert found.quarantined_by_reason() == {"ipst": 1}
    assert found.kept["flag_crsplit"].tolist() == [1, 1]


# ---- S3 and DynamoDB


def test_a_table_in_a_bucket_reads_like_a_file(boto, a_job, a_table):
    path = a_table(a_job())
    boto.client("s3").create_bucket(Bucket="tables")
    boto.client("s3").upload_file(str(path), "tables", "archive/jobs.csv")
    assert read("s3://tables/archive/jobs.csv").sha256 == read(path).sha256


def test_a_bucket_without_the_table_is_named(boto):
    with pytest.raises(InputError, match=r"s3://nowhere/jobs\.csv: cannot be reached"):
        read("s3://nowhere/jobs.csv")


@pytest.fixture
def items(boto, a_job):
    """A DynamoDB table of 900 jobs, more than one page holds; the later ones have a column of their own."""
    name = "calcloud-model"
    table = boto.resource("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "ipst", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "ipst", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with table.batch_writer() as batch:
        for number in range(900):
            row = a_job(ipst=f"jbt{number:03d}010", memory=Decimal("2.812345"), timestamp=number)
            batch.put_item(Item={**row, "padding": "x" * 2000, **({"late": 1} if number == 899 else {})})
    yield name
    table.delete()


def test_a_table_of_many_pages_is_read_whole(items):
    found = read(f"ddb:{items}")
    assert len(found.lines) == 900
    assert "late" in found.header
    assert len(inspect(found).kept) == 900


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("name=timestamp&method=gte&type=int&value=890", 10),
        ("name=timestamp&method=between&type=int&value=5..9", 5),
        ("name=ipst&method=begins_with&type=str&value=jbt01", 10),
    ],
)
def test_a_table_can_be_read_in_part(items, query, rows):
    assert len(read(f"ddb:{items}?{query}").lines) == rows


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("name=timestamp&method=over&type=int&value=1", "method is one of"),
        ("name=timestamp&method=gt&type=int&value=soon", "'soon' is not of type int"),
        ("name=timestamp", "a filter has name, method, type and value"),
    ],
)
def test_an_invalid_filter_is_refused(items, query, says):
    with pytest.raises(InputError, match=says):
        read(f"ddb:{items}?{query}")


def test_a_missing_table_is_named(boto):
    with pytest.raises(InputError, match="ddb:nothing: cannot be read"):
        read("ddb:nothing")


# ---- processing to and from S3


def test_processing_reads_its_tar_from_a_bucket_and_leaves_its_outputs_there(boto, run, tmp_path):
    assert run("simulate", tmp_path, "jsim01a1q", cwd=tmp_path).returncode == 0
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path in (tmp_path / "inputs").iterdir():
            tar.add(path, arcname=path.name)
    client = boto.client("s3")
    client.create_bucket(Bucket="processing")
    client.put_object(Bucket="processing", Key="inputs/jsim01a1q.tar.gz", Body=packed.getvalue())
    ended = run("process", "s3://processing", "batch", "jsim01a1q", "--mode", "s3", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    keys = [item["Key"] for item in client.list_objects_v2(Bucket="processing", Prefix="batch/")["Contents"]]
    assert keys == [
        f"batch/jsim01a1q/{name}"
        for name in ("jsim01a1q_flt.fits", "metrics.json", "process.txt", "process_metrics.txt")
    ]
    assert run("process", "s3://processing", "batch", "jsim02a1q", cwd=tmp_path).returncode == 26
    assert run("process", "s3://nowhere", "batch", "jsim01a1q", "--inputs", "inputs", cwd=tmp_path).returncode == 25


def test_a_plan_reads_its_features_from_a_bucket(boto, run, a_model_file, tmp_path):
    client = boto.client("s3")
    client.create_bucket(Bucket="control")
    key = "control/jbt301010/jbt301010_MemModelFeatures.txt"
    client.put_object(Bucket="control", Key=key, Body=b"n_files=5\ntotal_mb=69\nDETECTOR=WFC\n")
    ended = run("plan", "s3://control", "batch", "jbt301010", "--model", a_model_file, cwd=tmp_path)
    assert (ended.returncode, ended.stderr, ended.stdout.count("\n")) == (0, "", 1)
