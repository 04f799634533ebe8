#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The two ready prefetchers (specification F5) on a real web server and a real database: the right bytes, each page
fetched once, the next ones before they are asked for. Nothing sleeps: the reader asks on when the server has been asked."""
import http.server
import os
import re
import sqlite3
import subprocess
import tempfile
import threading
import time

BUILD = os.environ["FOREWARM_BUILD"]
DEADLINE_S = 60
PAGES = 60


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = []
    changed = threading.Condition()

    def do_GET(self):
        name = self.path[1:]
        found = re.fullmatch(r"page_(\d+)", name)
        body = page(int(found.group(1))) if found and int(found.group(1)) <= PAGES else b"no"
        if name == "broken":
            self.send_response(500)
        else:
            self.send_response(200 if body != b"no" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        with Site.changed:
            Site.asked.append(name)
            Site.changed.notify_all()

    def log_message(self, *_):
        pass


def page(number):
    return (f"This is page {number}. " * (10 + number)).encode()


def start(command):
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ask(reader, line):
    reader.stdin.write(line + "\n")
    reader.stdin.flush()
    return reader.stdout.readline().strip()


def until_asked(name):
    with Site.changed:
        assert Site.changed.wait_for(lambda: name in Site.asked, DEADLINE_S), f"{name} was never fetched: {Site.asked}"


def check_pages():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    reader = start([f"{BUILD}/examples/pages/pages", f"http://127.0.0.1:{server.server_port}"])
    said = []
    for number in range(1, 41):
        said.append(ask(reader, f"page_{number}"))
        assert f" {len(page(number))} bytes" in said[-1], said[-1]
        if number > 10:  # by then the sequence is believed, and the next page comes by itself
            until_asked(f"page_{number + 1}")
    assert ask(reader, "page_999").startswith("page_999 absent"), said
    assert "error 500" in ask(reader, "broken")
    assert ask(reader, "page_5").startswith("page_5 hit"), "50 pages are held"
    reader.stdin.close()
    summary = reader.stderr.read()
    assert reader.wait(DEADLINE_S) == 0, summary
    ahead = [line for line in said if "(ahead)" in line]
    assert len(ahead) >= 30, "\n".join(said)
    fetched = [name for name in Site.asked if name.startswith("page_")]
    assert len(fetched) == len(set(fetched)), "a page was fetched twice"
    server.shutdown()
    print(f"pages: {len(ahead)} of 40 were fetched ahead; {summary.strip()}")


def check_records(folder):
    path, taught = f"{folder}/records.db", f"{folder}/sessions.txt"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE record(id INTEGER PRIMARY KEY, body TEXT)")
    database.executemany("INSERT INTO record VALUES(?, ?)", [(i, f"body of {i}") for i in range(1, 2001)])
    database.commit()
    database.close()
    # User u walks u*100+1, +8, +3, +6: no names to go by, nothing but what was done before.
    walk = {user: [user * 100 + step for step in (1, 8, 3, 6, 22, 7)] for user in range(1, 9)}
    with open(taught, "w", encoding="utf-8") as file:
        for user, ids in walk.items():
            for _ in range(3):
                file.write(f"{user} {' '.join(map(str, ids))}\n")
    reader = start([f"{BUILD}/examples/records/records", path, taught])
    hits = 0
    for session, (user, ids) in enumerate(walk.items(), 1):
        for number in ids:
            said = ask(reader, f"{user} {session} {number}")
            assert said.endswith(f"body of {number}"), said
            hits += " hit " in said
    assert ask(reader, "1 99 5000") == "5000 absent"
    reader.stdin.close()
    summary = reader.stderr.read()
    assert reader.wait(DEADLINE_S) == 0, summary
    ahead = int(re.search(r"(\d+) read ahead", summary).group(1))
    assert ahead >= 20, summary
    print(f"records: {hits} of 48 were there; {summary.strip()}")


def main():
    began = time.monotonic()
    check_pages()
    with tempfile.TemporaryDirectory() as folder:
        check_records(folder)
    print(f"{time.monotonic() - began:.1f} s")


if __name__ == "__main__":
    main()
