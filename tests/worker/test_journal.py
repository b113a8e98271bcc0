"""The journal: whole lines, or nothing."""

from __future__ import annotations

import json
import os
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.worker.journal.journal import Journal, read_facts

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inside: st.lists(inside), max_leaves=5
)


@given(st.lists(st.dictionaries(st.text(min_size=1).filter(lambda key: key not in ("e", "t")), VALUES)))
def test_what_is_written_is_read_again(tmp_path_factory, facts):
    journal = Journal(str(tmp_path_factory.mktemp("journal")), "one", run="r", attempt=1)
    for fact in facts:
        journal.write({"e": "fact", **fact})
    journal.close()
    first, *rest = read_facts(journal.path)
    assert (first["e"], first["run"], first["journal"]) == ("open", "r", "one")
    assert [{key: value for key, value in fact.items() if key not in ("e", "t")} for fact in rest] == facts


def test_a_torn_last_line_is_passed_over(tmp_path):
    journal = Journal(str(tmp_path), "one", run="r", attempt=1)
    journal.write({"e": "whole"})
    journal.close()
    with open(journal.path, "ab") as file:
        file.write(b'{"e":"torn","t":1')
    assert [fact["e"] for fact in read_facts(journal.path)] == ["open", "whole"]


def test_a_journal_is_never_written_by_a_second_process(tmp_path):
    Journal(str(tmp_path), "one", run="r", attempt=1).close()
    with pytest.raises(FileExistsError):
        Journal(str(tmp_path), "one", run="r", attempt=1)


def test_a_line_that_the_disk_does_not_take_leaves_nothing(tmp_path):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            import signal

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            journal = Journal(str(tmp_path), "one", run="r", attempt=1)
            resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
            journal.write({"e": "small"})
            try:
                journal.write({"e": "large", "text": "x" * 1000})
            except OSError:
                status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    text = (tmp_path / "one.jsonl").read_text()
    assert [json.loads(line)["e"] for line in text.splitlines()] == ["open", "small"]
