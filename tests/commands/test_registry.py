"""``fw registry`` makes, upgrades, checks, copies and describes registries."""

from __future__ import annotations

import sqlite3

from framework.registry.schema.tables import REVISION, metadata


def test_a_registry_is_made_checked_and_copied(fw, a_pipeline, tmp_path, fw_home):
    assert fw("registry", "init").out == f"{fw_home}/registry.sqlite: made, schema {REVISION}\n"
    assert fw("registry", "init").out == f"{fw_home}/registry.sqlite: there already, schema {REVISION}\n"
    assert fw("submit", a_pipeline()).status == 0
    assert [row["trouble"] for row in fw("registry", "check", "--json").json if row["trouble"]] == []
    said = fw("registry", "copy", "--to", f"sqlite:///{tmp_path}/copy.sqlite")
    assert (said.status, "rows copied and compared" in said.out) == (0, True), said.err
    query = ("query", "made", "--paths")
    assert fw(*query, "--registry", f"sqlite:///{tmp_path}/copy.sqlite").out == fw(*query).out != ""
    assert fw("registry", "copy", "--to", f"sqlite:///{tmp_path}/copy.sqlite").status == 3


def test_trouble_ends_with_one_and_an_upgrade_puts_views_and_numbers_right(fw, a_pipeline, fw_home):
    fw("submit", a_pipeline())
    connection = sqlite3.connect(fw_home / "registry.sqlite")
    connection.executescript("drop view made; update id_block set next_id = 1 where name = 'desfile'")
    connection.close()
    said = fw("registry", "check")
    assert (said.status, "made is missing: fw registry upgrade" in said.out) == (1, True)
    assert fw("registry", "upgrade").out.endswith(f"schema {REVISION} -> {REVISION}\n")
    assert fw("registry", "check").status == 0


def test_every_table_is_described(fw):
    text, diagram = fw("registry", "schema").out, fw("registry", "schema", "--mermaid").out
    rows = fw("registry", "schema", "--json").json
    for name, table in metadata.tables.items():
        assert f"{name}: {table.comment}\n" in text
        assert f"    {name} {{\n" in diagram
    assert {row["table"]: len(row["columns"]) for row in rows} == {
        t.name: len(t.columns) for t in metadata.sorted_tables
    }
    assert '        text filename "the base name"' in diagram
    assert "    desfile ||--o{ opm_used : desfile_id" in diagram


def test_every_verb_of_it_has_help_with_an_example(fw):
    for verb in ("init", "upgrade", "check", "copy", "schema"):
        assert "Example: fw registry" in fw("registry", verb, "--help").out
