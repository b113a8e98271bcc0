"""Raw files from MAST: astroquery queries a server on loopback with the protocol of MAST's portal."""

import json
import os
import subprocess
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

pytest.importorskip("astroquery")
ROOT = Path(__file__).parents[3]
COLUMNS = ("obs_id", "obs_collection", "obsid", "target_name")
PRODUCTS = ("obs_id", "obs_collection", "obsID", "productFilename", "productSubGroupDescription", "dataURI", "size")


class Portal(BaseHTTPRequestHandler):
    """The three requests of the portal: columns, queries and files."""

    #: Content by name; what has an empty content is listed and cannot be had.
    files: dict[str, bytes]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path.endswith("columnsconfig"):
            return self.answer({name: {"type": "string", "text": name} for name in COLUMNS})
        query = json.loads(urllib.parse.unquote(body.removeprefix("request=")))
        if query["service"] == "Mast.Caom.Filtered":
            datasets = next(item["values"] for item in query["params"]["filters"] if item["paramName"] == "obs_id")
            known = {name.partition("_")[0] for name in self.files} & set(datasets)
            return self.table(COLUMNS, [[name, "HST", name, "star"] for name in sorted(known)])
        rows = [
            [name[:9], "HST", name[:9], name, name[10:-5].upper(), f"mast:HST/product/{name}", len(content) or 9]
            for name, content in self.files.items()
            if name[:9] in query["params"]["obsid"].split(",")
        ]
        return self.table(PRODUCTS, rows)

    def do_GET(self):
        name = urllib.parse.unquote(self.path).rpartition("/")[2]
        if not self.files.get(name):
            return self.send_error(404)
        return self.answer(self.files[name])

    def do_HEAD(self):
        self.do_GET()

    def table(self, names, rows):
        fields = [{"name": name, "type": "int" if name == "size" else "string"} for name in names]
        data = [dict(zip(names, row, strict=True)) for row in rows]
        paging = {"page": 1, "pageSize": 5000, "pagesFiltered": 1, "rows": len(rows), "rowsFiltered": len(rows)}
        self.answer({"status": "COMPLETE", "msg": "", "fields": fields, "data": data, "paging": paging})

    def answer(self, what):
        content = what if isinstance(what, bytes) else json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def process(tmp_path):
    """`process none none` of a dataset, with these files in the archive, and a stand-in for the calibration."""

    def run(ipst, files, *, archive=True, library=True):
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "calacs.e").write_text('#!/bin/sh\necho "stand-in for calacs.e"; ls\n')
        (tmp_path / "bin" / "calacs.e").chmod(0o755)
        portal = type("Filled", (Portal,), {"files": files})
        with ThreadingHTTPServer(("127.0.0.1", 0), portal) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            (tmp_path / "config" / "astropy").mkdir(parents=True)
            port = server.server_port if archive else 1
            settings = f"[mast]\nserver = http://127.0.0.1:{port}\n"
            (tmp_path / "config" / "astropy" / "astroquery.cfg").write_text(settings)
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
            if not library:
                (tmp_path / "astroquery.py").write_text("raise ImportError('not installed')")
                environment["PYTHONPATH"] = f"{tmp_path}:{ROOT}"
            environment["XDG_CONFIG_HOME"] = str(tmp_path / "config")
            command = [sys.executable, "-m", "pipelines.calcloud.process", "none", "none", ipst, "--outputs", "out"]
            ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            server.shutdown()
        return ended

    return run


def test_a_dataset_without_bucket_and_inputs_comes_from_the_archive(process, tmp_path):
    files = {"jcal01a1q_raw.fits": b"raw" * 99, "jcal01a1q_spt.fits": b"spt", "jother01q_raw.fits": b"other"}
    ended = process("jcal01a1q", files)
    assert ended.returncode == 0, ended.stderr
    log = (tmp_path / "out" / "jcal01a1q_process.txt").read_text()
    assert ("jcal01a1q_raw.fits" in log, "_spt" in log, "jother" in log) == (True, False, False)
    assert (tmp_path / "work" / "jcal01a1q" / "jcal01a1q_raw.fits").read_bytes() == b"raw" * 99


@pytest.mark.parametrize(
    ("files", "archive", "words"),
    [
        ({}, True, "MAST has no raw file of this dataset"),
        ({"jcal01a1q_raw.fits": b""}, True, "jcal01a1q_raw.fits: MAST did not send it"),
        ({}, False, "MAST cannot be queried"),
    ],
)
def test_files_missing_from_the_archive_end_with_the_status_of_retrieval(process, files, archive, words):
    ended = process("jcal01a1q", files, archive=archive)
    assert (ended.returncode, words in ended.stderr, "Traceback" in ended.stderr) == (22, True, False), ended.stderr


def test_without_astroquery_the_error_names_what_to_install(process):
    ended = process("jcal01a1q", {}, library=False)
    assert (ended.returncode, "pip install 'skyfw[mast]'" in ended.stderr) == (22, True), ended.stderr
