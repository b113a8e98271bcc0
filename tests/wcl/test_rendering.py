"""Templates: rendered in a sandbox, with errors on the template's lines."""

from collections.abc import Callable
from pathlib import Path

import pytest

from wcl import WclError, read
from wcl.rendering import is_template

File = Callable[..., str]


def test_a_template_extends_one_from_a_folder_above(a_file: File) -> None:
    a_file("support/base.des", "top = {{ args.user }}\n{% block content %}{% endblock %}\nlast = 1\n")
    text = (
        '{% extends "support/base.des" %}\n{% block content %}\n{% for b in "gr" %}\nv_{{ b }} = {{ b }}\n{% endfor %}'
    )
    tree = read(a_file("hello/t.des", text + "\n{% endblock %}\n"), variables={"user": "jo"})
    assert tree == {"top": "jo", "v_g": "g", "v_r": "r", "last": "1"}
    assert [str(tree.position(key)) for key in tree] == [
        "support/base.des:1",
        "hello/t.des:4",
        "hello/t.des:4",
        "support/base.des:3",
    ]


def test_a_line_that_cannot_be_read_is_shown_in_its_template(a_file: File) -> None:
    with pytest.raises(WclError, match=r"t.des:3: this line cannot be read\n    lone"):
        read(a_file("t.des", "{% if 1 %}\na = {{ 1 }}\nlone\n{% endif %}\n"))


def test_an_included_file_is_rendered_with_the_same_variables(a_file: File) -> None:
    a_file("inc.wcl", "x = {{ args.x }}\n")
    assert read(a_file("t.des", "<<include {{ args.name }}>>\n"), variables={"name": "inc.wcl", "x": 3}) == {"x": "3"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a = {{ nope }}", "'nope' is undefined"),
        ("a = {{ args.nope }}", "has no attribute 'nope'"),
        ("a = {{ 1 / 0 }}", "division by zero"),
        ("{% if %}", "Expected an expression"),
        ('{% include "none.des" %}', "there is no template none.des"),
        ("a = {{ ().__class__ }}", "unsafe"),
        ("{% for i in range(10000000) %}{% endfor %}", "Range too big"),
    ],
)
def test_what_goes_wrong_in_a_template_has_its_line(a_file: File, line: str, message: str) -> None:
    with pytest.raises(WclError, match=r"^t.des:2: ") as caught:
        read(a_file("t.des", f"b = {{{{ 1 }}}}\n{line}\n"))
    assert message in str(caught.value)


def test_a_variable_that_was_not_given_is_false(a_file: File) -> None:
    assert read(a_file("t.des", "{% if not args.labels %}\na = 1\n{% endif %}\n")) == {"a": "1"}


def test_a_template_that_computes_with_its_own_text_is_not_disturbed(a_file: File) -> None:
    text = "{% set x %}a\nb{% endset %}\nn = {{ x|length }}\n"
    assert read(a_file("t.des", text)) == {"n": "3"}


def test_yaml_may_be_a_template_too(a_file: File) -> None:
    text = "{% for b in 'gr' %}\nv_{{ b }}: {{ b }}\n{% endfor %}\n"
    tree = read(a_file("t.yaml", text))
    assert ({**tree}, str(tree.position("v_r"))) == ({"v_g": "g", "v_r": "r"}, "t.yaml:2")
    with pytest.raises(WclError, match=r"t\.yaml:5: not YAML"):
        read(a_file("t.yaml", text + "a: [\n"))


def test_real_templates_name_the_line_of_what_they_lack(desdm: Path) -> None:
    files = [file for file in sorted((desdm / "wcl_corpus").rglob("*")) if file.suffix in (".wcl", ".des")]
    templates = [file for file in files if is_template(file.read_text(encoding="utf-8"))]
    positions = {}
    for file in templates:
        try:
            read(file)
        except WclError as error:
            positions[file.name] = error.problems[0].position
    assert [name for name, position in positions.items() if position.line == 0] == []
    assert positions["multiepoch_submit_template.des"].file.endswith("supportwcl/generic_submit.des")


def test_a_format_is_no_mark_of_a_template(a_file: File) -> None:
    assert read(a_file("m.wcl", "columns = $FMT{%s[0], nwgint.fullname}\n")) == {
        "columns": "$FMT{%s[0], nwgint.fullname}"
    }
    text = "{% if args.x %}\ncolumns = $FMT{%02d,{{ args.x }}.ccd}\n{% endif %}\n"
    assert read(a_file("t.wcl", text), variables={"x": "img"}) == {"columns": "$FMT{%02d,img.ccd}"}


def test_real_files_with_formats_are_read(desdm: Path) -> None:
    for name in ("band-swarp-msk", "band-swarp-wgt", "det-swarp-msk"):
        tree = read(desdm / f"wcl_corpus/pipebox/multiepoch/Y6A1/modulewcl/{name}.wcl")
        assert list(tree.section("module")) == [name]
