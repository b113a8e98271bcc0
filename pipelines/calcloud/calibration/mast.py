"""Raw files from MAST, the archive of the observatory, by astroquery.

The server is astroquery's own setting (`[mast] server` of astroquery.cfg), so that a mirror serves as well.
"""

import warnings
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.calcloud.calibration.exit_codes import Exit, JobError
from pipelines.calcloud.calibration.instruments import INSTRUMENTS

#: What is given in place of a folder of inputs.
MAST = "mast:"


def retrieve(ipst: str, instrument: str, folder: Path) -> list[Path]:
    """The files that a dataset's calibration begins with; JobError where the archive or its library cannot be had."""
    try:
        from astroquery.mast import Observations  # seconds to import, and a library of its own
    except ImportError as error:
        raise JobError(
            Exit.RETRIEVE, f"{ipst}: MAST needs astroquery: pip install 'skyfw[mast]', or give --inputs ({error})"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of no results, which is told below
            found = Observations.query_criteria(obs_collection="HST", obs_id=ipst.lower())
            products = Observations.get_product_list(found) if len(found) else []
            wanted = [row for row in products if row["productSubGroupDescription"] in INSTRUMENTS[instrument].retrieved]
            paths = [_download(Observations, row, folder) for row in wanted]
    except JobError:
        raise
    except Exception as error:  # astroquery, requests and astropy have no common root
        raise JobError(
            Exit.RETRIEVE, f"{ipst}: MAST cannot be asked ({type(error).__name__}: {error}); give --inputs without it"
        ) from error
    if not paths:
        raise JobError(Exit.RETRIEVE, f"{ipst}: MAST has no raw file of this dataset")
    return paths


def _download(archive: Any, product: Any, folder: Path) -> Path:
    """One product, whole."""
    path = folder / PurePosixPath(str(product["productFilename"])).name
    status, message, _ = archive.download_file(str(product["dataURI"]), local_path=str(path), cache=False)
    if status != "COMPLETE":
        raise JobError(Exit.RETRIEVE, f"{path.name}: MAST did not give it ({message})")
    if (there := path.stat().st_size) != (size := int(product["size"])):
        raise JobError(Exit.RETRIEVE, f"{path.name}: {there} of {size} bytes came from MAST")
    return path
