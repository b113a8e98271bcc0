"""Known words within two edits are suggested."""

import pytest

from wcl.spelling import count_edits, suggest


@pytest.mark.parametrize(
    ("a", "b", "count"), [("dryrun", "dry_run", 1), ("wrapeprloop", "wrapperloop", 1), ("", "ab", 2), ("abc", "cab", 2)]
)
def test_edits_are_counted_with_swaps_as_one(a: str, b: str, count: int) -> None:
    assert count_edits(a, b) == count


def test_the_closest_word_is_suggested_and_a_far_one_never() -> None:
    assert [suggest(word, ["expnum", "band", "noop"]) for word in ("expnm", "bnad", "xx", "noo", "filter")] == [
        "expnum",
        "band",
        None,
        "noop",
        None,
    ]
