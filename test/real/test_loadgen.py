"""The load generator: it sends what the trace says, when the trace says it, and reports what came back."""

import csv
import http.server
import json
import os
import signal
import subprocess
import threading
import time

from harness import BUILD, Bench, free_port, main, skip_without, wait_for

LOADGEN = os.path.join(BUILD, "examples", "loadgen", "loadgen")


class Upstream(http.server.ThreadingHTTPServer):
    """Remembers what it got; answers as the resource's name says."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got = []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.got.append((time.monotonic(), self.path, self.headers["x-session-id"], body))
        body.setdefault("model", "none")
        if body["model"] == "hangs":
            threading.Event().wait(60)
        if body["model"] == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
            self.close_connection = True
            return
        status = 503 if body["model"] == "fails" else 200
        self.send_response(status)
        if body["model"] == "cold":
            self.send_header("X-Forewarm-State", "cold")
            self.send_header("X-Forewarm-Wait-Ms", "1500")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


class Loadgen(Bench):
    def setUp(self):
        super().setUp()
        self.upstream = Upstream()
        self.base = f"http://127.0.0.1:{self.upstream.server_port}"

    def tearDown(self):
        self.upstream.shutdown()
        self.upstream.server_close()
        super().tearDown()

    def trace(self, rows, name="t.csv"):
        with open(self.path(name), "w") as out:
            out.write("time_s,resource,session\n" + "".join(f"{t},{r},{s}\n" for t, r, s in rows))
        return self.path(name)

    def run_it(self, *more):
        result = subprocess.run([LOADGEN, "--base", self.base, *more], capture_output=True, text=True, timeout=60)
        return result.returncode, result.stdout, result.stderr

    def test_counts_what_became_of_each_request(self):
        path = self.trace([(0, "warm", "a"), (0.1, "cold", "a"), (0.1, "fails", "b"), (0.2, "cut", "c"), (0.3, "vectors", "a")])
        status, out, err = self.run_it("--json", "--embeddings", "vectors", "--csv", self.path("o.csv"), "--max-tokens", "3", path)
        self.assertEqual(status, 0, err)
        report = json.loads(out)
        self.assertEqual([report[k] for k in ("requests", "answered", "failed", "cold")], [5, 3, 2, 1])
        self.assertAlmostEqual(report["held_s"], 1.5)
        self.assertAlmostEqual(report["wait_s"]["max"], 1.5)
        with open(self.path("o.csv")) as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([r["status"] for r in rows], ["200", "200", "503", "200", "200"])
        self.assertEqual(rows[2]["error"], "status 503")
        self.assertIn("partial", rows[3]["error"], "an answer that was cut is not an answer")
        got = {body["model"]: (path, session, body) for _, path, session, body in self.upstream.got}
        self.assertEqual(got["vectors"][:2], ("/v1/embeddings", "a"))
        self.assertEqual(got["warm"][0], "/v1/chat/completions")
        self.assertEqual(got["fails"][1], "b")
        self.assertEqual(got["warm"][2]["max_tokens"], 3)

    def test_keeps_the_trace_s_time_whatever_the_answers_take(self):
        rows = [(0, "hangs", "x")] + [(0.2 * i, "warm", "s") for i in range(10)]
        path = self.trace(rows)
        status, out, err = self.run_it("--json", "--timeout", "3", "--speed", "2", path, self.trace([(0.9, "late", "s")], "u.csv"))
        self.assertEqual(status, 0, err)
        self.assertEqual(json.loads(out)["failed"], 1)
        times = [t for t, _, _, body in self.upstream.got if body["model"] == "warm"]
        self.assertEqual(len(times), 10)
        # Sent at 0, 0.1, ... 0.9 s: never early, and not behind the request that hangs for three seconds.
        self.assertGreater(times[-1] - times[0], 0.85)
        self.assertLess(times[-1] - times[0], 2.5)
        self.assertEqual([b["model"] for _, _, _, b in self.upstream.got].count("late"), 1)

    def test_sends_hints_at_their_moments(self):
        path = self.trace([(1.0, "warm", "a"), (1.2, "warm", "a")])
        with open(self.path("h.csv"), "w") as out:
            out.write("time,resource,probability,eta_s\n0.5,warm,0.9,0.5\n0.6,warm,0.25,2\n")
        status, out, err = self.run_it("--json", "--hints", self.path("h.csv"), "--control", self.base, path)
        self.assertEqual(status, 0, err)
        self.assertEqual(json.loads(out)["requests"], 2, "hints are no requests")
        hints = [(t, body) for t, path, _, body in self.upstream.got if path == "/v1/hints"]
        first = min(t for t, path, _, _ in self.upstream.got if path != "/v1/hints")
        self.assertEqual([b["resource"] for _, b in hints], ["warm", "warm"])
        self.assertEqual([(b["probability"], b["eta_s"]) for _, b in hints], [(0.9, 0.5), (0.25, 2)])
        self.assertGreater(first - hints[0][0], 0.4)

    def test_reports_when_it_is_stopped(self):
        path = self.trace([(0, "warm", "a"), (1000, "warm", "a")])
        process = subprocess.Popen([LOADGEN, "--base", self.base, "--quiet", "--json", path], stdout=subprocess.PIPE, text=True)
        wait_for("the first request", lambda: self.upstream.got)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(json.loads(out)["requests"], 1, "requests that were never sent are not counted")

    def test_names_what_it_cannot_read(self):
        with open(self.path("bad.csv"), "w") as out:
            out.write("time,resource\n1,a\nsoon,b\n")
        status, _, err = self.run_it(self.path("bad.csv"))
        self.assertEqual(status, 2)
        self.assertIn("bad.csv:3", err)
        for more, words in [(["--speed", "0", "x"], 'found "0"'), (["--max-tokens", "x", "x"], 'found "x"'), ([], "usage")]:
            status, _, err = self.run_it(*more)
            self.assertEqual(status, 2)
            self.assertIn(words, err)
        status, out, _ = self.run_it("--json", "--base", f"http://127.0.0.1:{free_port()}", self.trace([(0, "a", "s")]))
        self.assertEqual((status, json.loads(out)["failed"]), (0, 1))


if __name__ == "__main__":
    skip_without(LOADGEN)
    main()
