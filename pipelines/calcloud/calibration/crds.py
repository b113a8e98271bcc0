"""Reference files of calibration programs: environment variables of each mode, and names such as jref$x.fits."""

from collections.abc import Mapping
from pathlib import Path

from pipelines.calcloud.program.errors import MissingReferenceError

#: Variables by mode. A variable that is set already stays, except the mode itself.
MODES: Mapping[str, Mapping[str, str]] = {
    "onsite": {"CRDS_PATH": "/grp/crds/cache", "CRDS_READONLY_CACHE": "1"},
    "remote": {"CRDS_PATH": "crds_cache", "CRDS_SERVER_URL": "https://hst-crds.stsci.edu"},
    "s3": {
        "CRDS_PATH": "crds_cache",
        "CRDS_S3_ENABLED": "1",
        "CRDS_S3_RETURN_URI": "0",
        "CRDS_CONFIG_URI": "s3://hst-crds-cache-ops/config/hst/",
        "CRDS_REFERENCE_URI": "s3://hst-crds-cache-ops/references/hst/",
    },
}
#: Variables with the directories of the references of each instrument.
_REFERENCES = ("iref", "jref", "oref", "lref")


def environment_variables(mode: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a mode; those that `environment` has keep their values.

    Parameters
    ----------
    mode : str
        One of `MODES`.
    environment : Mapping[str, str]
        Environment of the process.

    Returns
    -------
    dict[str, str]
        Values by variable.
    """
    found = {"CRDS_MODE": mode, "CRDS_OBSERVATORY": "hst"}
    for name, value in MODES[mode].items():
        found[name] = environment.get(name, value)
    for name in _REFERENCES:
        found[name] = environment.get(name, f"{found['CRDS_PATH']}/references/hst/{name}/")
    return found


def find_reference(reference: str, environment: Mapping[str, str]) -> Path | None:
    """Find a reference file that a header names.

    Parameters
    ----------
    reference : str
        Value of the header, such as `jref$x.fits`.
    environment : Mapping[str, str]
        Variables with the directories of the cache.

    Returns
    -------
    Path | None
        The file; None if the header names none, or there is no cache.

    Raises
    ------
    MissingReferenceError
        If there is a cache without this file; `crds sync` fetches it.
    """
    variable, has_folder, name = reference.strip().partition("$")
    if not has_folder or variable.lower() not in _REFERENCES:
        return None
    folder = Path(environment.get(variable.lower(), ""))
    if variable.lower() not in environment or not folder.is_dir():
        return None
    if name != Path(name).name or not (folder / name).is_file():
        raise MissingReferenceError(
            f"{reference}: no such reference in {folder} ({variable.lower()}): synchronise the cache first"
        )
    return folder / name
