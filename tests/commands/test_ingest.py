"""Files from outside: told apart, catalogued, kept, and found again; and runs tagged."""

from __future__ import annotations

from pathlib import Path

import pytest

TYPES = """
project = TST
<filetype_metadata>
    <raw>
        searchable = visit, band
        filename = RAW-${visit:5}-${ccd:2}.fits
        ops = ${project}/raw/${visit}
        <hdus>
            <primary>
                <r>
                    <h>
                        filter = band
                    </h>
                    <f>
                        visit = visit
                        ccd = ccd
                    </f>
                </r>
                <o>
                    <h>
                        exptime = exptime
                    </h>
                </o>
            </primary>
            <sci>
                <o>
                    <h>
                        gain = gain
                    </h>
                </o>
            </sci>
        </hdus>
    </raw>
    <note>
        filename = ${name}.txt
        ops = ${project}/notes
        <hdus>
        </hdus>
    </note>
</filetype_metadata>
"""


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Two raw files, a note, and a file of no kind."""
    (tmp_path / "types.wcl").write_text(TYPES)
    place = tmp_path / "night"
    place.mkdir()
    for ccd, more in ((1, "EXPTIME = 30.5"), (2, "")):
        lines = ["SIMPLE  = T", "BITPIX  = 8", "NAXIS   = 0", "FILTER  = 'g '", more, "END"]
        second = ["XTENSION= 'IMAGE   '", "BITPIX  = 8", "NAXIS   = 0", "EXTNAME = 'SCI'", f"GAIN    = {ccd}.5", "END"]
        blocks = ("".join(line.ljust(80) for line in part).encode().ljust(2880) for part in (lines, second))
        (place / f"RAW-00042-{ccd:02}.fits").write_bytes(b"".join(blocks))
    (place / "readme.txt").write_text("clouds\n")
    (place / "strange.bin").write_bytes(b"?")
    return place


def test_files_are_told_apart_and_catalogued_with_their_metadata(fw, night, fw_home):
    said = fw("ingest", "--types", "types.wcl", night)
    assert said.status == 1
    assert "strange.bin: it fits no filetype" in said.err
    assert said.out == "note  1\nraw  2\n"
    rows = fw("query", "raw", "band=g", "exptime=30.5", "--json").json
    assert [(row["path"], row["metadata"]) for row in rows] == [
        ("TST/raw/42/RAW-00042-01.fits", {"band": "g", "visit": 42, "ccd": 1, "exptime": 30.5, "gain": 1.5})
    ]
    assert (fw_home / "archive/TST/raw/42/RAW-00042-01.fits").stat().st_mode & 0o222 == 0


def test_a_filetype_is_a_view_and_a_group_is_another(fw, night):
    fw("ingest", "--types", "types.wcl", night)
    question = "select filename, visit, ccd, exptime, gain from raw where visit = 42 and band = 'g' order by ccd"
    assert fw("sql", question, "--csv").out.splitlines()[1:] == [
        "RAW-00042-01.fits,42,1,30.5,1.5",
        "RAW-00042-02.fits,42,2,,2.5",
    ]
    assert (
        fw("sql", "select filetype, count(*) from visit where visit = 42", "--csv").out == "filetype,count(*)\nraw,2\n"
    )


def test_a_filetype_or_key_that_could_be_sql_is_refused_with_its_place(fw, night, tmp_path):
    for old, new, words in (
        ("<raw>", '<ra"w>', None),
        ("searchable = visit", "searchable = vi'sit --", "'vi'sit --' cannot be a metadata key"),
        ("<note>", "<task>", "'task' is a table of the registry"),
    ):
        text = TYPES.replace(old, new).replace(old.replace("<", "</"), new.replace("<", "</"))
        (tmp_path / "types.wcl").write_text(text)
        said = fw("ingest", "--types", "types.wcl", night)
        assert (said.status, words is None or words in said.err) == (2, True), said.err


def test_what_is_known_already_stays_as_it_is(fw, night):
    (night / "strange.bin").unlink()
    assert fw("ingest", "--types", "types.wcl", night).status == 0
    said = fw("ingest", "--types", "types.wcl", night)
    assert said.status == 0
    assert "0 new, 3 known already, 0 refused" in said.err


def test_another_file_of_the_same_name_is_refused_and_nothing_is_lost(fw, night, fw_home):
    fw("ingest", "--types", "types.wcl", night)
    (night / "readme.txt").write_text("clear\n")
    said = fw("ingest", "--types", "types.wcl", night)
    assert said.status == 1
    assert "readme.txt: it would replace TST/notes/readme.txt, which has another content" in said.err
    assert "0 new, 2 known already, 2 refused" in said.err
    assert (fw_home / "archive/TST/notes/readme.txt").read_text() == "clouds\n"


def test_a_file_without_what_its_kind_requires_is_refused_with_the_reason(fw, night):
    for path in night.glob("*.txt"):
        path.unlink()
    raw = night / "RAW-00042-01.fits"
    raw.write_bytes(raw.read_bytes().replace(b"FILTER", b"FOLTER"))
    (night / "RAW-00042-02.fits").write_bytes(b"not a fits file".ljust(3000))
    said = fw("ingest", "--types", "types.wcl", night)
    assert "no value for 'filter' of a raw" in said.err
    assert "is no FITS file" in said.err
    assert "0 new, 0 known already, 3 refused" in said.err


def test_a_later_run_finds_what_was_ingested(fw, night, tmp_path):
    fw("ingest", "--types", "types.wcl", night)
    (tmp_path / "use.wcl").write_text(
        """
pipeline = use
unitname = N42
blocklist = one
<block>
<one>
modulelist = copy
</one>
</block>
<filetype_metadata>
<copy>
</copy>
</filetype_metadata>
<module>
<copy>
wrapperloop = ccd
loopobj = file.raw
<exec_1>
execname = cp
used = file.raw
was_generated_by = file.copy
<cmdline>
_1 = ${file.raw.fullname}
_2 = ${file.copy.fullname}
</cmdline>
</exec_1>
<file>
<raw>
query_fields = filetype, visit
filetype = raw
visit = 42
divide_by = ccd
</raw>
<copy>
filetype = copy
filename = ${ccd}.fits
ops_enddir = copy
</copy>
</file>
</copy>
</module>
"""
    )
    assert fw("submit", "use.wcl").status == 0
    assert [row["metadata"] for row in fw("query", "copy", "--json").json] == [{"ccd": "1"}, {"ccd": "2"}]


def test_runs_are_tagged_and_found_by_their_tag(fw, a_pipeline):
    fw("submit", a_pipeline())
    assert fw("tag", "DR1", "U_r1p01").status == 0
    assert fw("tag", "DR1", "U_r1p01").status == 0
    assert fw("tag").out == "DR1  U_r1p01\n"
    assert fw("tag", "DR1", "U_r1p01", "--remove").status == 0
    assert fw("tag", "--json").json == []
    assert fw("tag", "DR1", "nobody").status == 2


def test_a_killed_ingest_goes_on_where_it_was(fw_here, environment, tmp_path, fw_home, ask):
    import signal
    import subprocess
    import sys
    import time

    (tmp_path / "types.wcl").write_text(TYPES)
    (tmp_path / "notes").mkdir()
    many = 1200
    for number in range(many):
        (tmp_path / f"notes/n{number}.txt").write_text(f"{number}\n" * 2000)
    call = [sys.executable, "-m", "framework.cli", "ingest", "--types", "types.wcl", "notes"]
    running = subprocess.Popen(call, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL)
    place = fw_home / "archive/TST/notes"
    deadline = time.monotonic() + 60
    while (not place.is_dir() or len(list(place.iterdir())) < 520) and time.monotonic() < deadline:
        time.sleep(0.002)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert ask("select count(*) from desfile") < [(many,)]
    said = fw_here("ingest", "--types", "types.wcl", "notes")
    assert said.status == 0
    assert ask("select count(*), count(distinct sha256), sum(filesize) from desfile") == [
        (many, many, sum(path.stat().st_size for path in (tmp_path / "notes").iterdir()))
    ]
    assert not [each for each in fw_here("fsck", "--contents", "--json").json["findings"] if each["kind"] != "orphan"]


def test_a_name_that_would_move_the_cursor_is_shown_in_letters(fw, night):
    odd = night / "\x1b[2Jtwo\nlines.bin"
    odd.write_bytes(b"?")
    said = fw("ingest", "--types", "types.wcl", night)
    assert "\\x1b[2Jtwo\\nlines.bin: it fits no filetype" in said.err
    for verb in (("whence", odd), ("lineage", odd.name), ("get", odd.name), ("check", odd)):
        said = fw(*verb)
        assert said.status in (1, 2)
        assert "\x1b" not in said.err + said.out
