"""Publish a training: its folder and its models as zip files in a bucket, its rows in a DynamoDB table.

python -m pipelines.calcloud.publish 2021-11-04-1636048291 s3://bucket [--table TABLE]
"""

import argparse
import csv
import io
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from pipelines.calcloud.program import command
from pipelines.calcloud.program.archive import NO_DATE
from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.program.remote import upload

DESCRIPTION = """Publish a training: the whole folder DIR as BUCKET/archive/<stamp>.zip, its models as
BUCKET/<stamp>/models.zip, and with --table each row of data/latest.csv as an item of a DynamoDB table. The same folder
gives the same zips."""

#: Name of the folder of a training: the day and the second since 1970 of its begin.
STAMP = re.compile(r"\d{4}-\d\d-\d\d-\d{9,10}")


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed, 2 when DIR is no training or the bucket cannot be reached."""
    parser = command.make_parser("publish", DESCRIPTION)
    parser.add_argument("dir", metavar="DIR", type=Path, help="folder such as 2021-11-04-1636048291")
    parser.add_argument("bucket", help="s3://bucket, or a folder")
    parser.add_argument("--table", help="DynamoDB table for the rows of data/latest.csv, by ipst")
    return command.run(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.dir
    stamp = folder.resolve().name
    if not STAMP.fullmatch(stamp):
        raise InputError(f"{folder}: is not named by a stamp such as 2021-11-04-1636048291")
    models = sorted((folder / "models").glob("*"))
    if not models:
        raise InputError(f"{folder}/models: holds no model (train writes them)")
    bucket = arguments.bucket.rstrip("/")
    everything = sorted(path for path in folder.rglob("*") if path.is_file())
    for paths, target in ((everything, f"archive/{stamp}.zip"), (models, f"{stamp}/models.zip")):
        with tempfile.TemporaryDirectory() as scratch:
            packed = Path(scratch) / "packed.zip"
            pack(paths, folder.parent, packed)
            upload(packed, f"{bucket}/{target}")
        print(f"{bucket}/{target}: {len(paths)} files")
    if arguments.table:
        rows = list(items(folder / "data" / "latest.csv"))
        write_items(arguments.table, rows)
        print(f"{arguments.table}: {len(rows)} items")


def pack(paths: Iterable[Path], root: Path, target: Path) -> None:
    """Write a zip file of files, named relative to `root`, without dates.

    Parameters
    ----------
    paths : Iterable[Path]
        Files.
    root : Path
        Folder above all of them.
    target : Path
        File to write.
    """
    with zipfile.ZipFile(target, "w") as archive:
        for path in paths:
            info = zipfile.ZipInfo(str(path.relative_to(root)), NO_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, path.read_bytes())


def items(table: Path) -> Iterator[dict[str, object]]:
    """Yield the rows of a table as items of DynamoDB.

    Parameters
    ----------
    table : Path
        CSV file, `data/latest.csv` of a training.

    Yields
    ------
    dict[str, object]
        The fields that are not empty; numbers are exact (`Decimal`).

    Raises
    ------
    InputError
        If there is no such file.
    """
    try:
        text = table.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{table}: no such file (evaluate writes it)") from None
    for row in csv.DictReader(io.StringIO(text)):
        yield {name: value if name == "ipst" else _number(value) for name, value in row.items() if value}


def _number(text: str) -> str | Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    # DynamoDB keeps 38 digits; a float has 17.
    return +value if value.is_finite() else text


def write_items(table: str, rows: Iterable[dict[str, object]]) -> None:
    """Write items into a DynamoDB table, in batches; InputError if that fails.

    Parameters
    ----------
    table : str
        Name of the table.
    rows : Iterable[dict[str, object]]
        The items.

    Raises
    ------
    InputError
        If boto3 is not installed, or the table cannot be written.
    """
    try:
        import boto3  # optional library
        from botocore.exceptions import BotoCoreError, ClientError  # optional library
    except ImportError as error:
        raise InputError(f"{table}: needs boto3: pip install 'skyfw[s3]'") from error
    try:
        with boto3.resource("dynamodb").Table(table).batch_writer() as batch:
            for row in rows:
                batch.put_item(Item=row)
    except (BotoCoreError, ClientError) as error:
        raise InputError(f"{table}: cannot be written ({error})") from error


if __name__ == "__main__":
    raise SystemExit(main())
