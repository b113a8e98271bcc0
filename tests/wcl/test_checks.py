"""Checks find all errors and warnings of a file at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from framework.pipeline.keys import DESDM_KEYS
from wcl.keys.checks import check_file
from wcl.keys.declarations import parse_declarations

File = Callable[..., str]


def found(path: str | Path, **options: object) -> list[tuple[int, str, str]]:
    return [(p.position.line, p.severity, p.message) for p in check_file(path, **{"known_keys": DESDM_KEYS, **options})]  # type: ignore[arg-type]


def test_no_real_file_is_refused_for_a_key(desdm: Path, corpus: dict[str, str]) -> None:
    problems = [p for name in corpus for p in check_file(desdm / "wcl_corpus" / name, DESDM_KEYS)]
    assert [str(problem) for problem in problems if problem.severity == "error"] == []


def test_a_nearly_known_key_is_an_error_and_another_one_a_warning(a_file: File) -> None:
    main = a_file("main.wcl", "dryrun = True\nmagzero = 30\n<module>\n<m>\nwraperloop = ccd\n</m>\n</module>\n")
    assert found(main) == [
        (1, "error", "unknown key 'dryrun'"),
        (2, "warning", "unknown key 'magzero'"),
        (5, "error", "unknown key 'wraperloop'"),
    ]
    assert "^^^^^^ did you mean 'dry_run'?" in str(check_file(main, DESDM_KEYS)[0])


def test_under_strict_every_unknown_key_is_an_error(a_file: File) -> None:
    assert found(a_file("main.wcl", "magzero = 30\n"), strict=True) == [(1, "error", "unknown key 'magzero'")]


def test_a_key_that_something_refers_to_is_known(a_file: File) -> None:
    text = "dryrun = 1\nfilters = g\n<module>\n<m>\nmodnamepat = ${DryRun}\nwrapperloop = filters\n</m>\n</module>\n"
    assert found(a_file("main.wcl", text)) == []


def test_what_a_site_declares_is_known(a_file: File) -> None:
    site = {**DESDM_KEYS, **parse_declarations("magzero | top | integer | zero point")}
    assert found(a_file("main.wcl", "magzero = x\n"), known_keys=site) == [
        (1, "error", "'magzero' must be a whole number, not 'x'")
    ]


def test_bad_booleans_and_mode_words_are_errors_with_what_would_be_right(a_file: File) -> None:
    main = a_file("main.wcl", "use_qcf = Treu\nwhen_to_email = nevr\nmaster_savefiles = rand_20\nreqnum = ${x}\n")
    reports = [str(problem) for problem in check_file(main, DESDM_KEYS)]
    assert reports == [
        "main.wcl:1: 'Treu' is neither true nor false\n    use_qcf = Treu\n              ^^^^ did you mean 'true'?",
        "main.wcl:2: 'when_to_email' cannot be 'nevr'\n    when_to_email = nevr\n"
        "                    ^^^^ did you mean 'never'?",
    ]


def test_errors_of_reading_and_of_keys_come_together_in_order(a_file: File) -> None:
    text = "lone\nuse_qcf = on\n<s>\nx = ${open\n</s>\n<s\nlabel = a\n"
    assert found(a_file("main.wcl", text)) == [
        (1, "error", "this line cannot be read"),
        (2, "error", "'on' is neither true nor false"),
        (4, "warning", "a variable is never closed"),
        (6, "error", "this line is neither a section nor an include"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("<label>\nx = 1\n</label>\nlabel = 2\n", 4, "'label' replaces the section of that name"),
        ("# why \\\nlabel = 1\n", 1, "this comment continues on the next line"),
        ("<s> k = v </s>\n", 1, "this line is read as a key"),
        ('label = "${unitname}"\n', 1, "a variable in double quotes is text"),
    ],
)
def test_what_is_legal_but_unusual_is_a_warning(a_file: File, text: str, line: int, message: str) -> None:
    assert (line, "warning", message) in found(a_file("main.wcl", text))


def test_a_key_that_a_made_name_can_reach_is_known(a_file: File) -> None:
    assert found(a_file("main.wcl", "labels_g = 1\nlabl = 2\nrun = ${labels_${band}}${la${x}l}\n")) == []
