"""Files of datasets below a folder: raw files, reports, members of associations, and what cannot be read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.schema import INPUT_KINDS, INSTRUMENTS, IPST

ASSOCIATION = "asn"
_FITS = re.compile(r"(?P<root>[a-z0-9]+)_(?P<kind>[a-z0-9_]+)\.fits(\.gz)?", re.IGNORECASE)


@dataclass
class DatasetFiles:
    """Files of one dataset."""

    #: Inputs of its calibration, in the order of their names: table of the association, raw files.
    inputs: list[Path] = field(default_factory=list)
    #: All others: products, reports, logs.
    others: list[Path] = field(default_factory=list)
    #: Exposures that the association's table names, in lower case.
    members: tuple[str, ...] = ()

    @property
    def raws(self) -> list[Path]:
        """Inputs that hold an image or a spectrum."""
        return [path for path in self.inputs if kind_of(path) not in (ASSOCIATION, "epc")]

    @property
    def associations(self) -> list[Path]:
        """Tables of the association; one in a complete folder."""
        return [path for path in self.inputs if kind_of(path) == ASSOCIATION]


def kind_of(path: Path) -> str:
    """Return the kind of a FITS file, the last word of its name (`raw`, `asn`, `flt`); empty if its name has none."""
    match = _FITS.fullmatch(path.name)
    return match["kind"].lower() if match else ""


def walk(folder: Path, unreadable: list[str]) -> Iterator[Path]:
    """Yield the files below a folder in the order of their names; links are followed, each directory is read once.

    Parameters
    ----------
    folder : Path
        The folder.
    unreadable : list[str]
        List that directories that cannot be read, and links that lead nowhere, are added to, with the reason.

    Yields
    ------
    Path
        A file.
    """
    seen: set[tuple[int, int]] = set()

    def enter(directory: Path) -> Iterator[Path]:
        try:
            status = directory.stat()
            if (status.st_dev, status.st_ino) in seen:
                return
            seen.add((status.st_dev, status.st_ino))
            entries = sorted(directory.iterdir())
        except OSError as error:
            unreadable.append(f"{directory}: cannot be read ({error.strerror})")
            return
        for path in entries:
            if path.is_dir():
                yield from enter(path)
            elif path.is_file():
                yield path
            else:
                unreadable.append(f"{path}: {'leads nowhere' if path.is_symlink() else 'is not a file'}")

    yield from enter(folder)


def group(paths: Iterator[Path]) -> dict[str, DatasetFiles]:
    """Return the files of each dataset, by its name in lower case.

    A file belongs to the dataset that its name begins with, or to the one that its directory is called after.

    Parameters
    ----------
    paths : Iterator[Path]
        Files.

    Returns
    -------
    dict[str, DatasetFiles]
        Inputs and other files of each dataset.
    """
    found: dict[str, DatasetFiles] = {}
    for path in paths:
        match = IPST.match(path.name) or IPST.fullmatch(path.parent.name)
        if not match:
            continue
        ipst = match[0].lower()
        files = found.setdefault(ipst, DatasetFiles())
        is_input = kind_of(path).upper() in INPUT_KINDS[INSTRUMENTS[ipst[0]][0]]
        (files.inputs if is_input else files.others).append(path)
    return found


def read_members(path: Path) -> tuple[str, ...]:
    """Return the exposures that the table of an association names, in lower case.

    Parameters
    ----------
    path : Path
        FITS file with a table that has the columns MEMNAME and MEMTYPE.

    Returns
    -------
    tuple[str, ...]
        The members that are there and are no products.

    Raises
    ------
    InputError
        If it is not such a file.
    """
    from astropy.io import fits  # start-up: a second to import

    try:
        with path.open("rb") as stored, fits.open(stored) as file:
            table = file[1].data
            names = table.names
            present = table["MEMPRSNT"] if "MEMPRSNT" in names else [True] * len(table)
            rows = list(zip(table["MEMNAME"], table["MEMTYPE"], present, strict=True))
    except (OSError, IndexError, KeyError, ValueError, TypeError, AttributeError, fits.VerifyError) as error:
        raise InputError(f"{path}: is not the table of an association ({error})") from error
    return tuple(str(name).strip().lower() for name, kind, here in rows if here and not str(kind).startswith("PROD"))
