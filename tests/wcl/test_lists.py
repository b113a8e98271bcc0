"""Lists and ranges."""

import pytest

from wcl import Quoted, Scope, WclError, expand_all, split_list
from wcl.lists import list_values


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("1:3,7", ["1", "2", "3", "7"]),
        ('"8,7", "8,8"', ["8,7", "8,8"]),
        ('("8,7",x)', ["8,7", "x"]),
        ('a "b,c" d', ['a "b', 'c" d']),
        (r'"a\"b",c', ['a"b', "c"]),
        ('"1:3",1:3', ["1:3", "1", "2", "3"]),
        ('"open,b', ['"open', "b"]),
    ],
)
def test_elements_in_quotes_are_values_as_they_stand(value: str, elements: list[str]) -> None:
    assert split_list(value) == elements


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        ("1:62,", [str(n) for n in range(1, 63)]),
        ("a,,b", ["a", "", "b"]),
        ("${a},$FUNC{f,1,2},$$x", ["${a}", "$FUNC{f,1,2}", "$$x"]),
        ("(${a},${b})", ["${a}", "${b}"]),
        ('"${a}, $$",${b}', ["${a}, $$", "${b}"]),
        ("${a_${b,c}},d", ["${a_${b,c}}", "d"]),
    ],
)
def test_commas_inside_braces_do_not_divide(value: str, elements: list[str]) -> None:
    assert list_values(value) == elements


def test_a_quoted_element_is_filled_in_as_it_stands() -> None:
    assert expand_all("${x}", Scope({"x": '"${a}$$",${b}', "b": "1"})) == ["${a}$$", "1"]
    assert isinstance(split_list('"8,7",x')[0], Quoted)


@pytest.mark.parametrize("value", ["1:99999999999", r'"\d",x'])
def test_what_no_list_can_mean_is_an_error(value: str) -> None:
    with pytest.raises(WclError):
        split_list(value)
