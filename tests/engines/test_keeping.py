"""In which form files are kept: compressed, with further header cards; seen through whole small runs."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from pathlib import Path

import pytest

MADE = "SKY/small/none/r1/U/p01/made"


@pytest.fixture
def archive(fw_home: Path) -> Path:
    return fw_home / "archive"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_compressed_file_is_recorded_as_it_is_and_as_it_is_kept(fw, a_pipeline, archive, ask):
    assert fw("submit", a_pipeline(file="compress_files = True")).status == 0
    kept = archive / MADE / "1.txt.gz"
    assert gzip.decompress(kept.read_bytes()) == b"1\n"
    assert not (archive / MADE / "1.txt").exists()
    rows = ask(
        "select d.filename, d.filesize, d.sha256, f.filename || f.compression, f.filesize, f.sha256 "
        "from desfile d join file_archive_info f on f.desfile_id = d.id where d.filename = '1.txt'"
    )
    packed = kept.read_bytes()
    assert rows == [("1.txt", 2, sha256(b"1\n"), "1.txt.gz", len(packed), sha256(packed))]
    # The calls that read them, in other jobs, found them as they were made.
    assert (archive / MADE / "together.txt").read_text() == "1\n2\n3\n"


def test_commands_know_compressed_files(fw, fw_here, a_pipeline, archive, tmp_path):
    fw("submit", a_pipeline(file="compress_files = True"))
    assert fw_here("get", "1.txt").status == 0
    assert (tmp_path / "1.txt").read_text() == "1\n"
    assert fw_here("fsck", "--contents").out.endswith("all as it should be\n")
    gathered = fw_here("sql", "select wrapnum from pfw_wrapper where modname = 'gather'", "--json").json[0]["wrapnum"]
    for number in (1, gathered):
        said = fw_here("rerun", "U_r1p01", number)
        assert (said.status, "differs" in said.out) == (0, False)


def test_a_spoilt_compressed_file_is_not_used_and_one_that_is_gone_is_made_again(fw, a_pipeline, archive):
    path = a_pipeline(file="compress_files = True", top="max_retries = 0")
    assert fw("submit", path).status == 0
    kept, together = archive / MADE / "1.txt.gz", archive / MADE / "together.txt"
    before = kept.read_bytes()
    together.unlink()
    kept.chmod(0o644)
    kept.write_bytes(gzip.compress(b"9\n")[: len(before)].ljust(len(before), b"?"))
    said = fw("restart", "U_r1p01")
    assert (said.status, "is not what was recorded" in said.err) == (1, True)
    kept.unlink()
    assert fw("restart", "U_r1p01").status == 0
    assert (kept.read_bytes(), together.read_text()) == (before, "1\n2\n3\n")


def test_calls_of_one_job_pass_on_the_file_itself(fw, a_pipeline, archive):
    path = a_pipeline(file="compress_files = True")
    path.write_text(path.read_text().replace("divide_jobs_by = number", ""))
    assert fw("submit", path).status == 0
    assert (archive / MADE / "together.txt").read_text() == "1\n2\n3\n"
    assert sorted(each.name for each in (archive / MADE).iterdir()) == [
        "1.txt.gz",
        "2.txt.gz",
        "3.txt.gz",
        "together.txt",
    ]


def test_compression_can_be_switched_off_and_an_unknown_one_is_refused(fw, a_pipeline, archive):
    path = a_pipeline(file="compress_files = True")
    said = fw("plan", path, "--set", "compression_exec=bzip2")
    assert (said.status, "unknown compression program 'bzip2'" in said.err) == (2, True)
    assert fw("submit", path, "--set", "master_compression=never").status == 0
    assert (archive / MADE / "1.txt").read_text() == "1\n"


A_FITS = """
import sys
from astropy.io import fits
import numpy as np
rng = np.random.default_rng(int(sys.argv[1]))
image = fits.ImageHDU(rng.normal(size=(40, 50)).astype("float32"), name="SCI")
image.header["GAIN"] = (1.5, "old")
fits.HDUList([fits.PrimaryHDU(), image]).writeto(sys.argv[2], checksum=True)
"""

CARDS = """
compress_files = {compress}
<hdrupd_pfw>
    reqnum = ${{reqnum}}/request/int
    unitname = ${{unitname}}/processing unit/str
    half = 0.5
    word = 'it''s'
</hdrupd_pfw>
<hdrupd_sci>
    gain = 2.25/new/float
    good = True/checked/bool
    number = ${{number}}
</hdrupd_sci>
"""


@pytest.fixture
def a_fits_pipeline(a_pipeline, tmp_path):
    def write(*, compress: bool, cards: str = CARDS) -> Path:
        import sys

        (tmp_path / "make.py").write_text(A_FITS)
        lines = f'exec {sys.executable} {tmp_path}/make.py "$1" "$2"'
        path = a_pipeline(lines, numbers="1, 2", file=cards.format(compress=compress))
        text = path.read_text().replace("${number}.txt", "${number}.fits")
        path.write_text(text.replace("<made>\n    </made>", "<made>\nmetadata = number\n    </made>"))
        return path

    return write


def test_headers_are_given_cards_before_a_file_is_stored(fw, a_fits_pipeline, archive):
    from astropy.io import fits

    said = fw("submit", a_fits_pipeline(compress=False))
    assert said.status == 0
    with fits.open(archive / MADE / "1.fits", checksum=True) as hdus:
        hdus.verify("exception")
        first, second = hdus[0].header, hdus["SCI"].header
        assert [first[key] for key in ("REQNUM", "UNITNAME", "HALF")] == [1, "U", 0.5]
        assert (first.comments["UNITNAME"], second.comments["GAIN"]) == ("processing unit", "new")
        assert (second["GAIN"], second["GOOD"], second["NUMBER"]) == (2.25, True, 1)
        assert hdus["SCI"].data.shape == (40, 50)
        assert "CHECKSUM" not in first


def test_what_cannot_be_on_a_card_is_refused_before_anything_runs(fw_here, a_fits_pipeline):
    for line, said in (
        ("a_long_keyword = 1", "is not a keyword of a FITS header"),
        ("x = ten/some/int", "'ten' is not int"),
        ("x = " + 70 * "y", "too long for a card"),
    ):
        path = a_fits_pipeline(compress=False, cards=f"<hdrupd_pfw>\n{line}\n</hdrupd_pfw>")
        found = fw_here("plan", path)
        assert (found.status, said in found.err) == (2, True)


def test_a_file_that_is_no_fits_fails_its_call_with_the_reason(fw, a_pipeline):
    said = fw("submit", a_pipeline(numbers="1", file="<hdrupd_pfw>\nx = 1\n</hdrupd_pfw>"))
    assert (said.status, "its headers cannot be updated" in said.err, "is no FITS file" in said.err) == (1, True, True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("fpack") is None, reason="fpack is not installed (apt-get install libcfitsio-bin)")
def test_fpack_keeps_every_bit(fw, fw_here, a_fits_pipeline, archive, tmp_path, ask):
    import numpy as np
    from astropy.io import fits

    assert fw("submit", a_fits_pipeline(compress=True), "--set", "compression_exec=fpack").status == 0
    rng = np.random.default_rng(2)
    with fits.open(archive / MADE / "2.fits.fz") as hdus:
        assert (hdus["SCI"].data == rng.normal(size=(40, 50)).astype("float32")).all()
    assert ask("select count(*) from file_archive_info where compression = '.fz'") == [(2,)]
    assert fw_here("fsck", "--contents").status == 0
    assert fw_here("get", "2.fits").status == 0
    assert (tmp_path / "2.fits.fz").read_bytes() == (archive / MADE / "2.fits.fz").read_bytes()


def test_an_optional_file_may_be_missing_and_is_left_out_of_lists(fw, a_pipeline, archive, ask):
    lines = '[ "$1" = 2 ] || echo "$1" > "$2"'
    assert fw("submit", a_pipeline(lines, file="optional = True")).status == 0
    assert (archive / MADE / "together.txt").read_text() == "1\n3\n"
    assert ask("select filename from desfile where filetype = 'made' order by 1") == [("1.txt",), ("3.txt",)]


def test_what_is_not_saved_is_recorded_and_kept_nowhere(fw, a_pipeline, archive, ask):
    path = a_pipeline(file="savefiles = False\ncompress_files = True")
    path.write_text(path.read_text().replace("divide_jobs_by = number", ""))
    assert fw("submit", path).status == 0
    assert [each.name for each in (archive / MADE).iterdir()] == ["together.txt"]
    assert ask("select sha256 from desfile where filename = '1.txt'") == [(sha256(b"1\n"),)]
    kept = "select count(*) from file_archive_info f join desfile d on d.id = f.desfile_id where filetype = 'made'"
    assert ask(kept) == [(0,)]
