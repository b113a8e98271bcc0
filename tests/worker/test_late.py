"""Values that only the job knows: headers of FITS files, and secrets that are seen nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.worker.job.deferred_values import DeferredValueError, Secrets, resolve


def a_fits(path: Path, *headers: list[str], data: bytes = b"") -> Path:
    blocks = b""
    for lines in headers:
        text = "".join(line.ljust(80) for line in [*lines, "END"])
        blocks += text.encode().ljust(-(-len(text) // 2880) * 2880) + data.ljust(-(-len(data) // 2880) * 2880, b"\0")
    path.write_bytes(blocks)
    return path


def test_a_header_value_is_read_from_any_header_of_the_file(tmp_path):
    primary = ["SIMPLE  =                    T", "BITPIX  = 8", "NAXIS   = 1", "NAXIS1  = 5", "FILTER  = 'HSC-I   '"]
    second = [
        "XTENSION= 'IMAGE   '",
        "BITPIX  = 8",
        "NAXIS   = 1",
        "NAXIS1  = 5",
        "EXPTIME =  30.5 / seconds",
        "O       = 'it''s'",
    ]
    a_fits(tmp_path / "a.fits", primary, second, data=b"12345")
    found = resolve("f=$HEAD{a.fits,filter, exptime} $head{a.fits,O}", str(tmp_path), Secrets({}))
    assert found == "f=HSC-I,30.5 it's"


def test_what_a_header_does_not_have_is_said(tmp_path):
    a_fits(tmp_path / "a.fits", ["SIMPLE  = T", "NAXIS   = 0"])
    with pytest.raises(DeferredValueError, match=r"no header of .* has BAND"):
        resolve("$HEAD{a.fits,band}", str(tmp_path), Secrets({}))
    (tmp_path / "b.fits").write_bytes(b"x" * 5000)
    with pytest.raises(DeferredValueError, match="is no FITS file"):
        resolve("$HEAD{b.fits,band}", str(tmp_path), Secrets({}))
    with pytest.raises(DeferredValueError, match="No such file"):
        resolve("$HEAD{c.fits,band}", str(tmp_path), Secrets({}))


@given(st.binary(max_size=9000))
def test_no_file_is_a_header_that_never_ends(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("h") / "x.fits"
    path.write_bytes(b"SIMPLE  = T".ljust(80) + content)
    with pytest.raises(DeferredValueError):
        resolve("$HEAD{x.fits,NOKEY}", str(path.parent), Secrets({}))


def test_a_secret_comes_from_the_environment_or_a_file_of_its_owner(tmp_path):
    kept = tmp_path / "secrets"
    kept.write_text("db = from file\n# note\n")
    kept.chmod(0o600)
    secrets = Secrets({"FW_SECRET_API_KEY": "from environment", "FW_SECRETS": str(kept)})
    assert resolve("$SECRET{api-key} $SECRET{db}", "/", secrets) == "from environment from file"
    assert secrets.redact("x from file y") == "x *** y"


def test_a_secret_file_that_others_may_read_is_refused(tmp_path):
    kept = tmp_path / "secrets"
    kept.write_text("db = s3cr3t\n")
    kept.chmod(0o640)
    with pytest.raises(DeferredValueError, match="chmod 600") as error:
        resolve("$SECRET{db}", "/", Secrets({"FW_SECRETS": str(kept)}))
    assert "s3cr3t" not in str(error.value)


def test_a_secret_that_nobody_keeps_is_said(tmp_path):
    with pytest.raises(DeferredValueError, match="set FW_SECRET_DB"):
        resolve("$SECRET{db}", "/", Secrets({"FW_SECRETS": str(tmp_path / "none")}))


def test_a_doubled_dollar_is_text():
    assert resolve("$$SECRET{db}", "/", Secrets({})) == "$SECRET{db}"


SECRET = "correct horse battery staple"  # noqa: S105 (nobody's)


@pytest.mark.parametrize("ending", ["exit 0", "exit 3"])
def test_a_secret_is_in_no_file_log_or_table_that_a_run_leaves(fw, a_pipeline, fw_home, tmp_path, ending):
    check = f'test "$TOKEN" = "{SECRET[:7]}{SECRET[7:]}" && test "$3" = "--key=$TOKEN" && test -z "$FW_SECRET_TOKEN"'
    pipeline = a_pipeline(
        f'{check} && echo yes > {tmp_path}/seen; echo "$1" > "$2"; echo "I was told $TOKEN"; {ending}',
        top="<job_environment>\ntoken = $SECRET{token}\n</job_environment>", numbers="1,",
    )  # fmt: skip
    text = pipeline.read_text().replace(
        "_2 = ${file.made.fullname}", "_2 = ${file.made.fullname}\n_3 = --key=$SECRET{token}", 1
    )
    pipeline.write_text(text)
    program = (tmp_path / "bin/program").read_text().replace(SECRET, "$(cat " + str(tmp_path / "kept") + ")")
    (tmp_path / "bin/program").write_text(program)
    (tmp_path / "kept").write_text(SECRET)
    said = fw("submit", pipeline, FW_SECRET_TOKEN=SECRET)
    assert said.status == (0 if ending == "exit 0" else 1), said.err
    assert (tmp_path / "seen").exists()
    assert SECRET not in said.out + said.err
    leaks = [path for path in fw_home.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert leaks == []
    assert "I was told ***" in next((fw_home / "archive").rglob("*make.log")).read_text()
    assert "$SECRET{token}" in fw("sql", "select cmdargs from pfw_exec").out
