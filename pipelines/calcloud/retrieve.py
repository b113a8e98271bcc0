"""Retrieve a published training into a stamp folder of its own.

python -m pipelines.calcloud.retrieve s3://bucket/archive/2021-11-04-1636048291.zip data
"""

import argparse
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipelines.calcloud.program import command
from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.program.remote import download
from pipelines.calcloud.publish import STAMP

DESCRIPTION = """Fetch the zip of a published training (a path or an address) and unpack it as DIR/<stamp>, which must
not be there yet."""


def main(argv: Sequence[str] | None = None) -> int:
    """Return the exit status: 0, 1 when the disk failed, 2 when the zip is not a published training."""
    parser = command.make_parser("retrieve", DESCRIPTION)
    parser.add_argument("archive", help="the zip")
    parser.add_argument("dir", metavar="DIR", type=Path, help="folder to make the stamp folder in")
    return command.run(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        remote = "://" in arguments.archive
        packed = download(arguments.archive, Path(scratch) / "packed.zip") if remote else Path(arguments.archive)
        print(unpack(packed, arguments.archive, arguments.dir))


def unpack(packed: Path, name: str, target: Path) -> Path:
    """Unpack a published training.

    Parameters
    ----------
    packed : Path
        The zip file.
    name : str
        Its path or URL, for messages.
    target : Path
        Folder to make the training's folder in.

    Returns
    -------
    Path
        The folder of the training.

    Raises
    ------
    InputError
        If the zip is not a published training, or the folder exists.
    """
    try:
        with zipfile.ZipFile(packed) as archive:
            stamp = _stamp(archive.namelist(), name)
            if (target / stamp).exists():
                raise InputError(f"{target / stamp}: is there already")
            archive.extractall(target)
    except FileNotFoundError:
        raise InputError(f"{name}: no such file") from None
    except zipfile.BadZipFile as error:
        raise InputError(f"{name}: is not a zip file ({error})") from error
    return target / stamp


def _stamp(members: list[str], name: str) -> str:
    """Return the name of the one folder of all files, which is a stamp; InputError if there is none."""
    paths = [PurePosixPath(member) for member in members]
    tops = {path.parts[0] for path in paths if path.parts}
    if len(tops) != 1 or not STAMP.fullmatch(top := tops.pop()) or any(".." in path.parts for path in paths):
        raise InputError(
            f"{name}: is not a published training: all its files must be in one folder with a stamp as its name"
        )
    return top


if __name__ == "__main__":
    raise SystemExit(main())
