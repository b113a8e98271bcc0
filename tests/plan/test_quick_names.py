"""Names, directories and metadata that are filled in by formats are those that expanding each of them gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from framework.pipeline.definition import NamingDefinition
from framework.pipeline.file_rules import FileRules
from framework.pipeline.text_template import ModuleScope
from framework.plan.file_names import FileNaming
from wcl import Quoted, Scope, Section, WclError

LOOP = ("band", "ccd")
PIPELINE = Section.of(
    {
        "run": "r1p01",
        "tiles": "a, b",
        "nested": "${run}_${band}",
        "directory_pattern": {
            "run": {"ops": "data/${run}/$opt{ops_enddir}", "runtime": "$opt{ops_enddir}"},
            "loop": {"ops": "data/${band}/${ccd:3}", "runtime": "${ccd}/$opt{ops_enddir}"},
        },
        "filetype_metadata": {
            "loop": {},
            "keys": {"metadata": "band, run", "optional_metadata": "ccd, missing, nested"},
        },
    }
)
PIECES = st.sampled_from(
    ["${band}", "${ccd}", "${ccd:3}", "${run}", "${nested}", "$opt{missing}", "$$", "_", "x.fits", "/", "${tiles}",
     "${gone}"]
)  # fmt: skip
TEXTS = st.lists(PIECES, min_size=1, max_size=4).map("".join)
VALUES = st.one_of(
    st.sampled_from(["g", "7", "007", "a,b", "$x", "${run}", "", "é", "'q'", "(1, 2)"]), st.text(max_size=4)
).flatmap(lambda text: st.sampled_from([text, Quoted(text)]))


def files_or_refusal(naming: FileNaming, values: dict[str, str]) -> object:
    try:
        return naming.make(values)
    except WclError:
        return "refused"


@given(
    filename=TEXTS,
    directory=TEXTS,
    dirpat=st.sampled_from(["run", "loop"]),
    filetype=st.sampled_from(["loop", "keys"]),
    calls=st.lists(st.fixed_dictionaries(dict.fromkeys(LOOP, VALUES)), min_size=1, max_size=4),
)
def test_quick_and_careful_names_are_equal(filename, directory, dirpat, filetype, calls):
    section = Section.of({"filename": filename, "ops_enddir": directory, "dirpat": dirpat, "filetype": filetype})
    definition = NamingDefinition(label="file.x", section=section, is_output=True)
    rules, scope = FileRules(PIPELINE, "/submit"), Scope(PIPELINE, root=PIPELINE)
    quick = FileNaming(definition, rules, ModuleScope(scope, LOOP))
    careful = FileNaming(definition, rules, ModuleScope(scope, None))
    for values in calls:
        assert files_or_refusal(quick, values) == files_or_refusal(careful, values)
