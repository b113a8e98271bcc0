"""Files that jobs fetch from web servers, seen through whole small runs."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

FETCH = """
pipeline = fetch
unitname = U
max_transfers = 1
blocklist = only
<block>
<only>
modulelist = take
divide_jobs_by = number
</only>
</block>
<filetype_metadata>
<taken>
</taken>
</filetype_metadata>
<module>
<take>
wrapperloop = number
number = 1, 2, 3, 4
<exec_1>
execname = cp
used = file.given
was_generated_by = file.taken
<cmdline>
_1 = ${{file.given.fullname}}
_2 = ${{file.taken.fullname}}
</cmdline>
</exec_1>
<file>
<given>
fullname = {server}/${{number}}.txt
</given>
<taken>
filetype = taken
filename = ${{number}}.txt
ops_enddir = taken
</taken>
</file>
</take>
</module>
"""


@pytest.fixture
def server() -> Iterator[tuple[str, dict[str, int]]]:
    """Breaks off once in the middle of each file, and counts what it serves at a time."""
    counts = {"now": 0, "most": 0, "asked": 0}
    broken: set[str] = set()
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with lock:
                counts["now"] += 1
                counts["asked"] += 1
                counts["most"] = max(counts["most"], counts["now"])
            content = self.path.encode() * 1000
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(content) - begin))
            self.send_header("Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT")
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            threading.Event().wait(0.05)
            with lock:
                counts["now"] -= 1
            self.wfile.write(content[begin:] if self.path in broken else content[:100])
            broken.add(self.path)

        def log_message(self, *arguments: object) -> None:
            return None

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_address[1]}", counts
        http_server.shutdown()
        thread.join()


def test_jobs_fetch_one_at_a_time_where_that_is_the_limit_and_go_on_after_a_break(fw, tmp_path, fw_home, server, ask):
    (tmp_path / "fetch.wcl").write_text(FETCH.format(server=server[0]))
    assert fw("submit", "fetch.wcl").status == 0
    taken = fw_home / "archive/SKY/fetch/none/r1/U/p01/taken"
    assert [(taken / f"{n}.txt").read_text() for n in (1, 2, 3, 4)] == [f"/{n}.txt" * 1000 for n in (1, 2, 3, 4)]
    assert (server[1]["most"], server[1]["asked"]) == (1, 8)
    outside = "select count(*), count(distinct sha256) from desfile where path like 'http://%'"
    assert ask(outside) == [(4, 4)]
