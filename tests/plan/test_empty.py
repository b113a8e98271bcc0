"""Objects that come to nothing: an error that names the way out, unless the pipeline allows it."""

from __future__ import annotations

import pytest

from wcl import WclError

#: A scatter over what a query finds, which is nothing here, and a gather.
NOTHING = """
pipeline = test
unitname = T1
blocklist = one
<block>
    <one>
        modulelist = use, sum
    </one>
</block>
<filetype_metadata>
    <used>
    </used>
    <sum>
    </sum>
</filetype_metadata>
<module>
    <use>
        wrapperloop = visit
        loopobj = file.raw
        <exec_1>
            execname = use
            used = file.raw
            was_generated_by = file.used
            <cmdline>
                _1 = ${file.raw.fullname}
                _2 = ${file.used.fullname}
            </cmdline>
        </exec_1>
        <file>
            <raw>
                query_fields = filetype
                filetype = raw
                allow_empty = True
            </raw>
            <used>
                filetype = used
                filename = ${visit}.used
                ops_enddir = used
            </used>
        </file>
    </use>
    <sum>
        <exec_1>
            execname = sum
            used = list.all.used
            was_generated_by = file.sum
            <cmdline>
                _1 = ${list.all.fullname}
                _2 = ${file.sum.fullname}
            </cmdline>
        </exec_1>
        <list>
            <all>
                depends = use.file.used
                allow_empty = True
                filename = all.list
                ops_enddir = lists
            </all>
        </list>
        <file>
            <sum>
                filetype = sum
                filename = sum.txt
                ops_enddir = sum
            </sum>
        </file>
    </sum>
</module>
"""


def test_nothing_makes_no_call_and_an_empty_list(plan):
    (call,) = plan(NOTHING).calls
    assert (call.module, call.inputs, call.lists[0].lines) == ("sum", (), ())


@pytest.mark.parametrize(
    ("source", "message"),
    [("filetype = raw\n", "the query finds no file"), ("depends = use.file.used\n", "nothing was made of that")],
)
def test_nothing_is_refused_where_it_is_not_allowed(plan, source, message):
    text = NOTHING.replace(f"{source}                allow_empty = True", source)
    with pytest.raises(WclError, match=message) as caught:
        plan(text)
    assert "set allow_empty = True" in str(caught.value)
