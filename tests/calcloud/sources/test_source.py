"""Invalid sources are refused with file, line and column."""

import gzip
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from pipelines.calcloud.program.errors import InputError
from pipelines.calcloud.sources.source import read_source


def read(path):
    return read_source(str(path), sample_rows=10, sample_seed=1)


def test_a_table_is_read_with_the_line_of_each_row(a_job, a_table):
    source = read(a_table(a_job(), a_job(ipst="jbt302010")))
    assert [(line.number, line.fields[0]) for line in source.lines] == [(2, "jbt301010"), (3, "jbt302010")]


def test_a_compressed_table_reads_like_a_plain_one(a_job, a_table, tmp_path):
    plain = a_table(a_job())
    packed = tmp_path / "jobs.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert (read(packed).header, read(packed).lines) == (read(plain).header, read(plain).lines)


@pytest.fixture
def address(tmp_path):
    """The address of a web server for the files of the test's folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_table_at_an_address_reads_like_a_file(a_job, a_table, address):
    path = a_table(a_job())
    assert read(f"{address}/jobs.csv").sha256 == read(path).sha256


def test_an_address_without_a_table_is_named(address):
    with pytest.raises(InputError, match=r"/jobs\.csv: cannot be fetched \(HTTP Error 404"):
        read(f"{address}/jobs.csv")


def test_a_missing_column_is_named_with_file_and_line(a_job, a_table):
    job = a_job()
    del job["memory"]
    path = a_table(job)
    with pytest.raises(InputError) as error:
        read(path)
    assert str(error.value).startswith(f"{path}:1: missing column memory (the header has: ipst, n_files,")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", ":1: the file is empty"),
        (b"\n \n", ":1: the file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00", ":1: is not CSV text (byte 0x89)"),
        (b"ipst,n\0\n", ":1: is not CSV text (a zero byte)"),
        (b"\x1f\x8b\x08\x00broken", ": the compressed file is damaged"),
        (
            b"<html><body>Not found</body></html>\n",
            ":1: is not a CSV table of jobs: its first line names none of the columns",
        ),
        (b'ipst,n_files\n"open', ":2: is not CSV (unexpected end of data)"),
    ],
)
def test_a_file_without_a_table_is_refused(content, complaint, tmp_path):
    path = tmp_path / "source"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read(path)
    assert f"{path}{complaint}" in str(error.value)


def test_a_table_without_rows_is_refused(a_job, tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text(",".join(a_job()) + "\n")
    with pytest.raises(InputError, match=":2: no row follows the header"):
        read(path)


def test_a_column_that_stands_twice_is_refused(a_job, tmp_path):
    path = tmp_path / "jobs.csv"
    path.write_text(",".join([*a_job(), "memory"]) + "\n1\n")
    with pytest.raises(InputError, match="column memory is given more than once"):
        read(path)


@pytest.mark.parametrize("name", ["nowhere.csv", "http://127.0.0.1:9/jobs.csv"])
def test_a_source_that_cannot_be_had_is_named(name):
    with pytest.raises(InputError, match=name):
        read(name)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_table_with_semicolons_or_tabs_and_capitals_is_read(separator, a_job, a_table):
    path = a_table(a_job())
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header.upper(), *rows]).replace(",", separator))
    source = read(path)
    assert (source.header[0], source.lines[0].fields[0]) == ("ipst", "jbt301010")
    assert len(source.lines[0].fields) == len(source.header)
