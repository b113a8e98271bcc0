"""Raw files from MAST, the archive of the observatory, downloaded by astroquery.

The server is astroquery's own setting (`[mast] server` of astroquery.cfg), so that a mirror can be used.
"""

import warnings
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.calcloud.calibration.exit_codes import ExitCode, JobError
from pipelines.calcloud.sources.schema import INPUT_KINDS

#: Value of --inputs that stands for the archive.
MAST = "mast:"


def retrieve(ipst: str, instrument: str, folder: Path) -> list[Path]:
    """Download the raw files of a dataset.

    Parameters
    ----------
    ipst : str
        The dataset.
    instrument : str
        `acs`, `cos`, `stis` or `wfc3`.
    folder : Path
        Folder to write to.

    Returns
    -------
    list[Path]
        The files, complete.

    Raises
    ------
    JobError
        If astroquery is not installed, the archive does not answer, or it has no raw file of the dataset.
    """
    try:
        from astroquery.mast import Observations  # optional library, and seconds to import
    except ImportError as error:
        raise JobError(
            ExitCode.RETRIEVE, f"{ipst}: MAST needs astroquery: pip install 'skyfw[mast]', or give --inputs ({error})"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about no results, which is reported below
            found = Observations.query_criteria(obs_collection="HST", obs_id=ipst.lower())
            products = Observations.get_product_list(found) if len(found) else []
            needed = [row for row in products if row["productSubGroupDescription"] in INPUT_KINDS[instrument]]
            paths = [_download(Observations, row, folder) for row in needed]
    except JobError:
        raise
    except Exception as error:  # astroquery, requests and astropy have no common root
        raise JobError(
            ExitCode.RETRIEVE,
            f"{ipst}: MAST cannot be queried ({type(error).__name__}: {error}); give --inputs without it",
        ) from error
    if not paths:
        raise JobError(ExitCode.RETRIEVE, f"{ipst}: MAST has no raw file of this dataset")
    return paths


def _download(archive: Any, product: Any, folder: Path) -> Path:
    """Download one product; JobError if it is not complete."""
    path = folder / PurePosixPath(str(product["productFilename"])).name
    status, message, _ = archive.download_file(str(product["dataURI"]), local_path=str(path), cache=False)
    if status != "COMPLETE":
        raise JobError(ExitCode.RETRIEVE, f"{path.name}: MAST did not send it ({message})")
    if (found := path.stat().st_size) != (size := int(product["size"])):
        raise JobError(ExitCode.RETRIEVE, f"{path.name}: {found} of {size} bytes came from MAST")
    return path
