"""Variables, lists and the products of lists."""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wcl
from wcl import Scope, SourcePosition, WclError, expand, expand_all, expand_with_values, parse, variable_names
from wcl.deferred import deferred_calls

BASE = parse(
    "unitname = D12\nreqnum = 15\nattnum = 3\nband = g\nbands = g,r,i\nrms_g = 0.5\nccds = 1:62,\n"
    "run = ${unitname}_r${reqnum}p${attnum:2}\nbad = x${nosuch}\nloop_a = ${loop_b}\nloop_b = ${loop_a}\n"
    "many = (1:100)\nmixed = ${band}, ${run}, $FUNC{join,a,b}\n",
    "base.wcl",
)
ROOT = Scope(root=BASE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${run}.fits", "D12_r15p03.fits"),
        ("${rms_${band}}", "0.5"),
        ("${attnum:02}${attnum:4}", "030003"),
        ("$OPT{band}$opt{nosuch}", "g"),
        ("$$ $${band} $$$${band}", "$ ${band} $${band}"),
        ("$(band) $band $HOME $RNMLST{a}", "$(band) $band $HOME $RNMLST{a}"),
        ("$HEAD{${unitname}.fits,FWHM}", "$HEAD{D12.fits,FWHM}"),
        ("$SECRET{db} $FMT{%02d,img.ccd}", "$SECRET{db} $FMT{%02d,img.ccd}"),
        ("${band", "${band"),
        ("${} ${band ${band}", "${} ${band g"),
        ("--ccds ${bands}", "--ccds g,r,i"),
        ("${BAND}", "g"),
    ],
)
def test_a_text_is_filled_in(text: str, value: str) -> None:
    assert expand(text, ROOT) == value


def test_an_unknown_variable_is_shown_with_a_caret_and_the_nearest_name() -> None:
    with pytest.raises(WclError) as caught:
        expand("D${reqnm:8}_${band}", ROOT, SourcePosition("p.wcl", 41))
    assert str(caught.value) == (
        "p.wcl:41: unknown variable 'reqnm'\n    D${reqnm:8}_${band}\n     ^^^^^^^^^^ did you mean 'reqnum'?"
    )


def test_all_faults_of_a_text_are_reported_at_once() -> None:
    with pytest.raises(WclError) as caught:
        expand("${bnd} ${band:2} ${bad} ${band:x} $FUNC{nobody,1}", ROOT)
    assert [problem.message for problem in caught.value.problems] == [
        "unknown variable 'bnd'",
        "'g' is not an integer: it cannot be written with 2 digits",
        "unknown variable 'nosuch', needed by ${bad}",
        "bad width in ${band:...}",
        "unknown function 'nobody'",
    ]


def test_a_variable_that_needs_itself_is_an_error_with_the_circle() -> None:
    with pytest.raises(WclError, match="loop_a -> loop_b -> loop_a"):
        expand("${loop_a}", ROOT)


def test_only_registered_functions_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wcl.functions._registered", {})
    wcl.register_function("site.add", lambda a, b: int(a) + int(b))
    assert expand("$FUNC{site.add,${reqnum},${attnum}}", ROOT) == "18"
    with pytest.raises(WclError, match=r"unknown function 'os\.getcwd'"):
        expand("$FUNC{os.getcwd}", ROOT)


def test_a_function_of_a_deferred_value_is_deferred_too() -> None:
    assert expand("$FUNC{f,$HEAD{${band}.fits,K}}", ROOT) == "$FUNC{f,$HEAD{g.fits,K}}"


def test_a_product_is_exact_and_in_natural_order() -> None:
    tree = parse("ccd = 1:62,\nband = g,r,i,z,Y\ndither = (1:3)\n")
    names = expand_all("c${ccd}_${band}_${dither}", Scope(root=tree))
    assert names == [f"c{c}_{b}_{d}" for c, b, d in product(range(1, 63), "griz" + "Y", range(1, 4))]


def test_a_list_that_stands_twice_is_not_crossed_with_itself() -> None:
    assert expand_all("${bands}/${bands}_${rms_${band}}", ROOT) == ["g/g_0.5", "r/r_0.5", "i/i_0.5"]


def test_elements_of_a_list_may_be_variables_and_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wcl.functions._registered", {"join": lambda *words: "+".join(words)})
    assert expand_all("x_${mixed}", ROOT) == ["x_g", "x_D12_r15p03", "x_a+b"]


def test_the_quick_way_and_the_general_way_agree() -> None:
    text = "${ccds:2}_${bands}_${reqnum:4}"
    assert expand_all(text, ROOT) == [filled.text for filled in expand_with_values(text, ROOT)]


PIECES = st.lists(st.sampled_from(["x", "012", "${a}", "${b:3}", "$opt{c}", "$$", '"', " ", "(", ",", "1:3", "-"]))
VALUES = st.builds(lambda pieces, kind: kind("".join(pieces)), PIECES, st.sampled_from([str, wcl.Quoted]))


@given(st.dictionaries(st.sampled_from("abc"), VALUES), PIECES)
def test_the_quick_way_and_the_general_way_agree_on_any_values(values: dict[str, str], pieces: list[str]) -> None:
    def outcome(fill: Callable[[], list[str]]) -> list[tuple[type, str]] | str:
        try:
            return [(type(text), text) for text in fill()]
        except WclError as error:
            return str(error)

    text, scope = "".join(pieces), Scope(values)
    assert outcome(lambda: expand_all(text, scope)) == outcome(
        lambda: [each.text for each in expand_with_values(text, scope)]
    )


def test_a_hundred_thousand_names_are_made() -> None:
    tree = parse("a = 1:100,\nb = (1:100)\nc = 1,2,3,4,5,6,7,8,9,10\n")
    names = expand_all("${a:3}_${b}_${c}.fits", Scope(root=tree))
    assert len(set(names)) == 100_000


@pytest.mark.parametrize("text", ["${many}${ccds}", "${many}/${many}/${ccds}"])
def test_a_product_beyond_the_bound_is_an_error(text: str) -> None:
    with pytest.raises(WclError, match="more than 1,000 combinations"):
        expand_all(text, ROOT, most=1000)


def test_an_empty_range_is_an_error() -> None:
    with pytest.raises(WclError, match="'r' has no values"):
        expand_all("${r}", Scope({"r": "(10:5)"}))


def test_names_in_a_text_are_found_without_filling_it() -> None:
    text = "${Band:2}${rms_${ccd}}$HEAD{${file.raw.fullname},K}$opt{x}$${no}"
    assert variable_names(text) == {"band", "ccd", "file.raw.fullname", "x"}
    assert variable_names(wcl.Quoted(text)) == frozenset()


def test_variables_that_double_each_other_are_stopped() -> None:
    doubling = {f"v{n}": f"${{v{n - 1}}}${{v{n - 1}}}" for n in range(1, 60)}
    for first in ("x", wcl.Quoted("")):
        with pytest.raises(WclError, match="leads to too many values"):
            expand("${v59}", Scope({"v0": first, **doubling}))


def test_an_unknown_path_is_compared_with_the_names_in_its_section() -> None:
    tree = parse("<file>\n<raw>\nfullname = a\n</raw>\n</file>\n")
    with pytest.raises(WclError, match=r"did you mean 'file\.raw\.fullname'"):
        expand("${file.raw.fulname}", Scope(root=tree))


def test_a_backslash_before_a_digit_is_text() -> None:
    assert expand("${bs}x", Scope({"bs": r"a\1"})) == r"a\1x"


def test_two_deferred_calls_in_one_text_are_two() -> None:
    columns = expand("$FMT{%s[0], a.fullname}, $FMT{%s[1], a.fullname}", ROOT)
    assert deferred_calls(columns) == [("fmt", ["%s[0]", "a.fullname"]), ("fmt", ["%s[1]", "a.fullname"])]
