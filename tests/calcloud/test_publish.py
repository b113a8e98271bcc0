"""Publishing a training and retrieving it again, through a bucket and a table on this machine."""

import filecmp
import shutil
import zipfile
from decimal import Decimal

import pytest

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.publish import items
from pipelines.calcloud.retrieve import unpack

STAMP = "2021-11-04-1636048291"


@pytest.fixture
def stamped(trained, tmp_path):
    shutil.copytree(trained, tmp_path / STAMP)
    return tmp_path / STAMP


def test_a_published_training_comes_back_as_it_was(boto, run, stamped, tmp_path):
    boto.client("s3").create_bucket(Bucket="trainings")
    ended = run("publish", stamped, "s3://trainings", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    listed = boto.client("s3").list_objects_v2(Bucket="trainings")["Contents"]
    assert [item["Key"] for item in listed] == [f"{STAMP}/models.zip", f"archive/{STAMP}.zip"]
    address = f"s3://trainings/archive/{STAMP}.zip"
    assert run("retrieve", address, "back", cwd=tmp_path).returncode == 0
    names = sorted(str(path.relative_to(stamped)) for path in stamped.rglob("*") if path.is_file())
    same, different, wrong = filecmp.cmpfiles(stamped, tmp_path / "back" / STAMP, names, shallow=False)
    assert (sorted(same), different, wrong) == (names, [], [])
    again = run("retrieve", address, "back", cwd=tmp_path)
    assert (again.returncode, "is there already" in again.stderr) == (2, True)


def test_rows_go_to_a_table_and_can_be_learned_from_there(boto, run, stamped, tmp_path):
    table = boto.resource("dynamodb").create_table(
        TableName="rows",
        KeySchema=[{"AttributeName": "ipst", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "ipst", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert run("publish", stamped, tmp_path / "bucket", "--table", "rows", cwd=tmp_path).returncode == 0
    assert table.scan(Select="COUNT")["Count"] == len((stamped / "data/latest.csv").read_text().splitlines()) - 1
    outputs = [f"--{name}=again/{name}" for name in ("training", "quarantine", "report", "transform")]
    ended = run("scrape", "--source", "ddb:rows", *outputs, cwd=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_numbers_stay_exact(tmp_path):
    (tmp_path / "latest.csv").write_text("ipst,memory,split,empty\njcal01a1q,2.812345,train,\n")
    assert list(items(tmp_path / "latest.csv")) == [
        {"ipst": "jcal01a1q", "memory": Decimal("2.812345"), "split": "train"}
    ]


def test_the_same_folder_gives_the_same_zip(run, stamped, tmp_path):
    for bucket in ("one", "two"):
        assert run("publish", stamped, bucket, cwd=tmp_path).returncode == 0
    name = f"archive/{STAMP}.zip"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("member", ["../evil", f"{STAMP}/../../evil", "other/file", "/evil"])
def test_a_zip_that_would_leave_its_folder_is_refused(member, tmp_path):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(member, "x")
    with pytest.raises(InputError, match="is not a published training"):
        unpack(tmp_path / "bad.zip", "bad.zip", tmp_path / "into")
    assert not (tmp_path / "evil").exists()


def test_a_folder_without_a_training_is_refused(run, tmp_path):
    ended = run("publish", tmp_path, "bucket", cwd=tmp_path)
    assert (ended.returncode, "is not named by a stamp" in ended.stderr) == (2, True)
