"""Have the RO-Crate validator look at a crate, without a network: ``check_crate.py CRATE``.

Run by a Python with ``roc-validator`` and ``rocrate<0.14``, whose copy of the RO-Crate 1.1 context stands in for the
web's. Prints what is wrong, and ends with 1 if anything that the Provenance Run Crate profile requires is.
"""

import json
import sys
from pathlib import Path

import rdflib.plugins.shared.jsonld.context as context
import rdflib.plugins.shared.jsonld.util as util
import requests
import requests_cache
import rocrate

CRATE = json.loads((Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_text())["@context"]
#: What https://w3id.org/ro/terms/workflow-run/context adds.
TERMS = ("ParameterConnection", "connection", "sourceParameter", "targetParameter", "md5", "sha1", "sha256", "sha512")
RUN = {term: f"https://w3id.org/ro/terms/workflow-run#{term}" for term in TERMS}


def of_the_web(address):
    """A context that lies here in the place of one on the web."""
    if str(address).startswith("https://w3id.org/ro/crate/1.1"):
        return {"@context": CRATE}
    return {"@context": RUN} if str(address).startswith("https://w3id.org/ro/terms/workflow-run") else None


def read_source(source, *arguments, **options):
    found = of_the_web(source)
    return (found, None) if found else read_from_web(source, *arguments, **options)


def request(session, method, url, **options):
    answer = requests.Response()
    found = of_the_web(url)
    answer.status_code, answer.url = (200 if found else 404), url
    answer._content = json.dumps(found).encode()
    answer.headers["Content-Type"] = "application/ld+json"
    return answer


read_from_web = util.source_to_json
util.source_to_json = context.source_to_json = read_source
for session in (requests.Session, requests_cache.CachedSession):
    setattr(session, "request", request)  # noqa: B010  (an assignment to a method)

from rocrate_validator import models, services  # noqa: E402  (it takes over what is set above)
from rocrate_validator.utils import document_loader  # noqa: E402

document_loader._original_source_to_json = read_source
settings = services.ValidationSettings(
    rocrate_uri=sys.argv[1],
    profile_identifier="provenance-run-crate-0.5",
    requirement_severity=models.Severity.REQUIRED,
)
issues = services.validate(settings).get_issues()
for issue in issues:
    print(issue.severity.name, issue.check.identifier, issue.message)
print(f"{len(issues)} issues")
sys.exit(bool(issues))
