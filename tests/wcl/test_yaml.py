"""YAML gives the same trees as WCL, and is written back."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wcl.conftest import read_yaml
from wcl import Quoted, Section, WclError, expand_all, parse, read, write
from wcl.scope import Scope
from wcl.yaml.writer import write_yaml

TEXT = st.text() | st.text(st.sampled_from("\"'\\#$,:{}[]()<>=|-&*!%@`~ \t\n\u2028\x85ab1"), max_size=12)
KEYS = st.from_regex(r"[a-z_@%&*!?|>'-][a-z0-9_.=\[\]{},:>-]{0,8}", fullmatch=True)
NAMES = KEYS.filter(lambda name: ">" not in name)
TREES = st.recursive(
    st.dictionaries(KEYS, TEXT | TEXT.map(Quoted), max_size=4),
    lambda inside: st.dictionaries(NAMES, TEXT | TEXT.map(Quoted) | inside, max_size=4),
    max_leaves=12,
).map(Section.of)


def kinds(section: Section) -> dict[str, object]:
    """Return a tree with the kind of each value."""
    return {
        key: kinds(value) if isinstance(value, Section) else (str(value), isinstance(value, Quoted))
        for key, value in section.items()
    }


@pytest.mark.parametrize("name", ["a b", "a#b", "", "</a", "<a", "a\nb"])
def test_a_name_that_no_file_can_hold_is_not_written(name: str) -> None:
    values: tuple[str, dict[str, str]] = ("x", {})
    for value in values:
        with pytest.raises(WclError, match="cannot be written"):
            write(Section.of({name: value}))


@given(TREES)
def test_what_is_written_reads_back(tree: Section) -> None:
    assert parse(write(tree)) == tree
    assert list(parse(write(tree))) == list(tree)


@given(TREES)
def test_wcl_to_yaml_to_wcl_gives_the_same_tree(tree: Section) -> None:
    first = parse(write(tree))
    again = read_yaml(write_yaml(first))
    assert kinds(again) == kinds(first)
    assert write(again) == write(first)


def test_real_files_come_through_yaml(corpus: dict[str, str]) -> None:
    small = {name: text for name, text in corpus.items() if len(text) < 50_000}
    trees = {name: parse(text) for name, text in small.items() if "<<include" not in text}
    assert [name for name, tree in trees.items() if kinds(read_yaml(write_yaml(tree))) != kinds(tree)] == []


def test_yaml_says_what_wcl_says() -> None:
    text = """
patch: "8,7"
single: '8,8'
bands: [g, r]
patches:
  - "8,7"
  - "8,8"
flag: True
ccd: 01
nothing: null
long: |
  one
  two
module: &m
  coadd: {cmdline: {OUT: x}}
other:
  <<: *m
  more: 1
"""
    tree = read_yaml(text)
    assert write(tree) == (
        'patch = "8,7"\nsingle = "8,8"\nbands = g,r\npatches = "8,7","8,8"\nflag = True\nccd = 01\nnothing = null\n'
        "long = one two\n<module>\n    <coadd>\n        <cmdline>\n            OUT = x\n        </cmdline>\n"
        "    </coadd>\n</module>\n<other>\n    <coadd>\n        <cmdline>\n            OUT = x\n        </cmdline>\n"
        "    </coadd>\n    more = 1\n</other>\n"
    )
    assert expand_all("${patches}", Scope(root=tree)) == ["8,7", "8,8"]


def test_values_from_yaml_know_their_lines_and_includes_work(a_file: Callable[..., str]) -> None:
    a_file("inc.wcl", "b = wcl\nc = 1\n")
    tree = read(a_file("main.yaml", "a: 1\nb: 0\n<<include: inc.wcl\nmodule:\n  m:\n    x: 2\n"))
    assert tree == {"a": "1", "b": "wcl", "c": "1", "module": {"m": {"x": "2"}}}
    assert tree.section("module").section("m").position("x") == ("main.yaml", 6)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: [1,\n", 3),
        ("a: 1\nb:\n", 2),
        ("a: 1\n? [x]\n: 2\n", 2),
        ("- a\n", 1),
        ("a: 1\na:\n  b: 1\n", 2),
        ("a: &x\n  b: *x\n", 2),
        ("a: !!python/object:os.system x\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: [[1]]\n", 1),
        ("a: \x00\n", 1),
        ("a: " + "[" * 5000, 1),
    ],
)
def test_what_is_no_configuration_is_an_error_with_its_line(text: str, line: int) -> None:
    with pytest.raises(WclError) as caught:
        read_yaml(text, "f.yaml")
    assert caught.value.problems[0].position == ("f.yaml", line)


def test_aliases_inside_aliases_do_not_explode() -> None:
    levels = "".join(f"a{n}: &a{n}\n  x: *a{n - 1}\n  y: *a{n - 1}\n" for n in range(1, 40))
    with pytest.raises(WclError, match="aliases inside aliases"):
        read_yaml("a0: &a0\n  x: 1\n" + levels)
