"""Where calibration programs find their reference files: the variables of each mode, and names such as jref$x.fits."""

from collections.abc import Mapping
from pathlib import Path

from pipelines.calcloud.program.errors import MissingReferenceError

#: Mode to variables. A variable that is set already stays as it is, but for the mode itself.
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
#: The names by which the programs of each instrument look for their references.
_REFERENCES = ("iref", "jref", "oref", "lref")


def variables(mode: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What is set for this mode."""
    found = {"CRDS_MODE": mode, "CRDS_OBSERVATORY": "hst"}
    for name, value in MODES[mode].items():
        found[name] = environment.get(name, value)
    for name in _REFERENCES:
        found[name] = environment.get(name, f"{found['CRDS_PATH']}/references/hst/{name}/")
    return found


def reference(named: str, environment: Mapping[str, str]) -> Path | None:
    """The file that a header names as `jref$x.fits`; none where it names none, or no cache is there to look in.

    MissingReferenceError where the cache is there and the file is not: it has to be synchronised first (`crds sync`).
    """
    variable, has_folder, name = named.strip().partition("$")
    if not has_folder or variable.lower() not in _REFERENCES:
        return None
    folder = Path(environment.get(variable.lower(), ""))
    if variable.lower() not in environment or not folder.is_dir():
        return None
    if name != Path(name).name or not (folder / name).is_file():
        raise MissingReferenceError(
            f"{named}: no such reference in {folder} ({variable.lower()}): synchronise the cache first"
        )
    return folder / name
