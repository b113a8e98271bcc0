"""Files are read with their includes and the overrides of --set."""

from collections.abc import Callable
from pathlib import Path

import pytest

import wcl
from wcl import WclError, parse, read

File = Callable[..., str]


def test_an_include_is_read_in_place_and_at_the_top(a_file: File) -> None:
    a_file("one.wcl", "a = one\nb = one\n<m>\nx = 1\n</m>\n")
    main = a_file("main.wcl", "a = main\n<m>\n<<include one.wcl>> # why\ny = 2\n</m>\nb = main\n")
    tree = read(main)
    assert tree == {"a": "one", "b": "main", "m": {"x": "1", "y": "2"}}
    assert [Path(tree.position("a").file).name, tree.position("b").line, tree.section("m").position("y").line] == [
        "one.wcl",
        6,
        4,
    ]


def test_an_include_is_looked_for_beside_its_file_and_then_in_the_current_folder(a_file: File) -> None:
    a_file("sub/near.wcl", "near = sub\n")
    a_file("near.wcl", "near = top\n")
    a_file("far.wcl", "far = top\n")
    main = a_file("sub/main.wcl", "<<include near.wcl>>\n<<include  far.wcl>>\n")
    assert read(main) == {"near": "sub", "far": "top"}


def test_an_include_may_use_values_read_before_and_the_environment(
    a_file: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_file("d/x.wcl", "x = 1\n")
    monkeypatch.setenv("SUB", "d")
    assert read(a_file("main.wcl", "d = d\n<<include ${d}/x.wcl>>\n<<include $SUB/x.wcl>>\n")) == {"d": "d", "x": "1"}


def test_a_circle_of_includes_is_refused_with_its_steps(a_file: File) -> None:
    a_file("b.wcl", "<<include a.wcl>>\n")
    with pytest.raises(WclError, match=r"b.wcl:1: a.wcl includes itself\n.*\n.*a.wcl -> b.wcl -> a.wcl"):
        read(a_file("a.wcl", "<<include b.wcl>>\n"))


def test_a_file_may_be_included_twice(a_file: File) -> None:
    a_file("b.wcl", "x = 1\n")
    assert read(a_file("a.wcl", "<<include b.wcl>>\nx = 2\n<<include b.wcl>>\n")) == {"x": "1"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("<<include none.wcl>>", "there is no file none.wcl to include"),
        ("<<include ${nosuch}/x.wcl>>", "unknown variable 'nosuch'"),
        ("<<include $NOSUCH/x.wcl>>", "a variable of the environment in it is not set"),
        ("<<inclfunc os.getcwd(a)>>", "unknown function 'os.getcwd'"),
    ],
)
def test_an_include_that_cannot_be_is_an_error_with_its_position(a_file: File, line: str, message: str) -> None:
    with pytest.raises(WclError) as caught:
        read(a_file("main.wcl", f"a = 1\n{line}\n"))
    assert caught.value.problems[0].position == ("main.wcl", 2)
    assert message in str(caught.value)


def test_problems_of_all_files_are_reported_at_once(a_file: File) -> None:
    a_file("b.wcl", "lone\n")
    with pytest.raises(WclError) as caught:
        read(a_file("a.wcl", "b =\n<<include b.wcl>>\n<s>\n"))
    assert [(Path(p.position.file).name, p.position.line) for p in caught.value.problems] == [
        ("a.wcl", 1),
        ("b.wcl", 1),
        ("a.wcl", 3),
    ]


def test_a_registered_function_gives_values(a_file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wcl.functions._registered", {})
    wcl.register_function("site.tile", lambda v: {"ra": v["tilename"] + "!", "m": {"y": 1}})
    text = "tilename = DES\n<m>\nx = 0\n</m>\n<<inclfunc site.tile(tilename)>>\n<m>\nz = 2\n</m>\n"
    tree = read(a_file("main.wcl", text))
    assert tree == {"tilename": "DES", "m": {"x": "0", "y": "1", "z": "2"}, "ra": "DES!"}
    assert (tree.position("ra").line, tree.section("m").position("z").line) == (5, 7)


def test_set_overrides_a_value_and_is_its_position(a_file: File) -> None:
    a_file("r.wcl", "from = r\n")
    main = a_file("main.wcl", "band = g\n<<include ${band}.wcl>>\n<module>\n<m>\nx = 1\n</m>\n</module>\n")
    tree = read(main, overrides={"band": "r", "module.m.x": '"8,7"'})
    assert tree == {"band": "r", "from": "r", "module": {"m": {"x": "8,7"}}}
    assert str(tree.position("band")) == "--set"
    assert wcl.split_list(tree.section("module").section("m").text("x")) == ["8,7"]


def test_a_file_that_is_not_there_or_not_text_is_an_error(a_file: File, tmp_path: Path) -> None:
    with pytest.raises(WclError, match=r"cannot read none\.wcl: No such file"):
        read("none.wcl")
    (tmp_path / "bad.wcl").write_bytes(b"a = 1\nb = \xff\n")
    with pytest.raises(WclError, match=r"bad\.wcl:2: byte 0xff is not UTF-8"):
        read(tmp_path / "bad.wcl")


def test_a_mark_of_byte_order_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.wcl").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert read(tmp_path / "a.wcl") == parse("a = 1")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("module", "'module' is a section"),
        ("band.x", "'band' is a plain value"),
        ("a..b", "is not a key"),
        ("", "is not a key"),
    ],
)
def test_what_cannot_be_set_is_an_error(a_file: File, key: str, message: str) -> None:
    with pytest.raises(WclError, match=message):
        read(a_file("main.wcl", "band = g\n<module>\nx = 1\n</module>\n"), overrides={key: "1"})
