#!/usr/bin/env python3
"""A series from a Prometheus server (D15), against a double that does what real ones do on bad days: limits, gaps, NaN, several series, silence,
nonsense. test/real/test_prometheus.py asks a real one."""

import http.server
import json
import math
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
import certificates  # noqa: E402

FOREWARM = os.environ["FOREWARM"]
UNTIL = "2026-03-01T00:00:00Z"
UNTIL_S = 1772323200


def demand(at):
    return 100 + 50 * math.sin(at * 2 * math.pi / 86400)


def matrix(*series, **more):
    result = [{"metric": labels, "values": values} for labels, values in series]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}, **more}


class Double(http.server.ThreadingHTTPServer):
    """Answers range queries from `value(at)`: None where it has nothing."""

    daemon_threads = True

    def __init__(self, **how):
        super().__init__(("127.0.0.1", 0), Handler)
        self.value, self.labels, self.answer, self.status, self.token = demand, {}, None, 200, None
        self.__dict__.update(how)
        self.asked = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        server = self.server
        server.asked.append((self.path, form, self.headers.get("Authorization")))
        if server.token and self.headers.get("Authorization") != f"Bearer {server.token}":
            return self.say(401, b"Unauthorized")
        if server.answer is not None:
            answer = server.answer(form) if callable(server.answer) else server.answer
            return self.say(server.status, answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        start, end, step = (float(form[name]) for name in ("start", "end", "step"))
        count = int(round((end - start) / step)) + 1
        if count > 11000:
            return self.say(400, json.dumps({"status": "error", "errorType": "bad_data", "error": "exceeded maximum resolution of 11,000 points"}).encode())
        points = [(start + i * step, server.value(start + i * step)) for i in range(count)]
        self.say(200, json.dumps(matrix((server.labels, [[at, v if isinstance(v, str) else repr(v)] for at, v in points if v is not None]))).encode())

    def say(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


def run(command, *more, **options):
    return subprocess.run([FOREWARM, command, *more], capture_output=True, text=True, timeout=300, **options)


def ask(server, *more, command="detect", query="sum(rate(requests_total[5m]))", **options):
    url = server if isinstance(server, str) else server.url
    return run(command, "--prometheus", url, "--query", query, "--until", UNTIL, *more, **options)


class Prometheus(unittest.TestCase):
    def setUp(self):
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def double(self, **how):
        self.servers.append(Double(**how))
        return self.servers[-1]

    def refused(self, ran, status, *words):
        self.assertEqual(ran.returncode, status, ran.stderr)
        for word in words:
            self.assertIn(word, ran.stderr)
        self.assertEqual(ran.stdout, "")

    # ---- what is asked and what comes of it ----

    def test_the_series_is_the_one_of_the_server(self):
        server = self.double()
        ran = ask(server, "--json")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        series = json.loads(ran.stdout)["series"]
        self.assertEqual((series["rows"], series["every_s"], series["gap_slots"], series["to"]), (672, 3600, 0, UNTIL))
        path, form, token = server.asked[0]
        self.assertEqual((path, token, form["query"]), ("/api/v1/query_range", None, "sum(rate(requests_total[5m]))"))
        self.assertEqual(float(form["end"]), UNTIL_S)

    def test_forecast_is_that_of_the_same_series_from_a_file(self):
        server = self.double()
        ran = ask(server, "-q", "--horizon", "1d", "--model", "seasonal-naive", "--range", "14d", command="forecast")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as csv:
            csv.write("time,value\n" + "".join(f"{UNTIL_S - 3600 * i},{demand(UNTIL_S - 3600 * i)!r}\n" for i in range(335, -1, -1)))
            csv.flush()
            same = run("forecast", csv.name, "-q", "--horizon", "1d", "--model", "seasonal-naive")
        self.assertEqual(ran.stdout, same.stdout)
        self.assertEqual(len(ran.stdout.splitlines()), 25)

    def test_long_ranges_are_asked_for_in_pieces_under_the_servers_limit(self):
        server = self.double()
        ran = ask(server, "--json", "--range", "20d", "--every", "1m", "--method", "zscore")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(json.loads(ran.stdout)["series"]["rows"], 28800)
        asked = [(float(form["start"]), float(form["end"])) for _, form, _ in server.asked]
        self.assertEqual([int((end - start) / 60) + 1 for start, end in asked], [11000, 11000, 6800])
        self.assertEqual([after[0] - before[1] for before, after in zip(asked, asked[1:])], [60, 60])

    def test_nan_and_gaps_stay_holes(self):
        def value(at):
            hour = int(UNTIL_S - at) // 3600
            return "NaN" if hour in (50, 51) else "+Inf" if hour == 60 else None if 70 <= hour < 75 else demand(at)

        ran = ask(self.double(value=value), "--json")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        series = json.loads(ran.stdout)["series"]
        self.assertEqual((series["rows"], series["missing"], series["infinite"], series["gap_slots"], series["gaps"]), (667, 2, 1, 5, 1))

    def test_a_series_that_ended_is_said_to_be_old(self):
        ran = ask(self.double(value=lambda at: demand(at) if at <= UNTIL_S - 86400 else None))
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("the newest value is 1 d older than the range's end", ran.stderr)

    def test_a_warning_of_the_server_is_passed_on(self):
        values = [[UNTIL_S - 3600 * i, str(demand(UNTIL_S - 3600 * i))] for i in range(671, -1, -1)]
        ran = ask(self.double(answer=matrix(({}, values), warnings=["partial answer: store-2 is away"])))
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("partial answer: store-2 is away", ran.stderr)

    def test_a_bearer_token_comes_from_a_file_and_shows_nowhere(self):
        server = self.double(token="a-long-secret")
        self.refused(ask(server), 2, "answered 401", "token")
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("a-long-secret\n")
            file.flush()
            ran = ask(server, "--prometheus-token-file", file.name, "--json")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertNotIn("a-long-secret", ran.stderr + ran.stdout)
        self.refused(ask(server, "--prometheus-token-file", "/nowhere/token"), 3, "/nowhere/token")

    def test_tls_checks_the_servers_certificate(self):
        with tempfile.TemporaryDirectory() as folder:
            authority = certificates.Authority(folder)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*authority.sign("prometheus"))
            server = self.double()
            server.socket = context.wrap_socket(server.socket, server_side=True)
            url = server.url.replace("http://", "https://")
            self.refused(ask(url), 3, "certificate")
            ran = ask(url, "--prometheus-ca-file", authority.file, "--json")
            self.assertEqual(ran.returncode, 0, ran.stderr)

    # ---- bad days ----

    def test_several_series_are_named(self):
        labels = [{"__name__": "requests_total", "job": "api", "instance": f"10.0.0.{i}:80"} for i in range(7)]
        server = self.double(answer=matrix(*[(one, [[UNTIL_S, "1"]]) for one in labels]))
        self.refused(ask(server), 2, "7 series", 'requests_total{job="api",instance="10.0.0.0:80"}', "10.0.0.4", ", ...", "sum(...)")

    def test_series_that_follow_one_another_are_several(self):
        def answer(form):
            start = float(form["start"])
            return matrix(({"pod": "new" if start > UNTIL_S - 10 * 86400 else "old"}, [[start, "1"]]))

        self.refused(ask(self.double(answer=answer), "--range", "20d", "--every", "1m"), 2, 'pod="old"', 'pod="new"', "sum(...)")

    def test_nothing_at_all(self):
        self.refused(ask(self.double(answer=matrix())), 2, "the query gives nothing", "does the metric exist")
        self.refused(ask(self.double(value=lambda at: "NaN")), 2, "the query gives no number")

    def test_a_query_that_is_refused(self):
        answer = {"status": "error", "errorType": "bad_data", "error": 'invalid parameter "query": 1:5: parse error'}
        self.refused(ask(self.double(answer=answer, status=400)), 2, "the query is refused", "parse error")

    def test_nobody_is_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
            self.refused(ask(url), 3, url, "Failed to connect", "Check that it runs")

    def test_slow(self):
        server = self.double(answer=lambda form: time.sleep(20) or matrix())
        start = time.monotonic()
        self.refused(ask(server, "--prometheus-timeout", "300ms"), 3, "no answer within 300 ms")
        self.assertLess(time.monotonic() - start, 15)

    def test_nonsense(self):
        point = [UNTIL_S, "1"]
        for answer in [
            b"<html>It works!</html>", b"", b"[]", b"null", b'{"status":"success"}', b'{"status":"success","data":{"resultType":"vector","result":[]}}',
            b'{"status":"success","data":{"resultType":"matrix","result":[1]}}', b'{"status":"success","data":{"resultType":"matrix","result":{}}}',
            matrix(({}, 7)), matrix(({}, [7])), matrix(({}, [[UNTIL_S]])), matrix(({}, [[UNTIL_S, "many"]])), matrix(({}, [[UNTIL_S, ""]])),
            matrix(({}, [[UNTIL_S, 1]])), matrix(({}, [["x", "1"]])), matrix(({}, [[UNTIL_S + 3600, "1"]])), matrix(({}, [[UNTIL_S - 17, "1"]])),
            matrix(({}, [[-1e300, "1"]])), matrix(({}, [point, point])), matrix(({}, [point, [UNTIL_S - 3600, "1"]])), b"\xff\xfe\x00" * 100,
        ]:
            with self.subTest(answer=answer):
                self.refused(ask(self.double(answer=answer)), 3, "expected the answer to a range query")

    def test_statuses(self):
        self.refused(ask(self.double(answer=b"busy", status=503)), 3, "answered 503")
        self.refused(ask(self.double(answer=b"no", status=404)), 3, "answered 404", "without /api")
        self.refused(ask(self.double(answer=b"moved", status=302)), 3, "answered 302")

    def test_a_histogram_is_no_number(self):
        answer = matrix()
        answer["data"]["result"] = [{"metric": {"__name__": "latency"}, "histograms": [[UNTIL_S, {"count": "1"}]]}]
        self.refused(ask(self.double(answer=answer)), 2, "histogram", "latency")

    # ---- the command line ----

    def test_usage(self):
        self.refused(run("detect"), 2, "found no SERIES", "--prometheus URL")
        self.refused(run("detect", "x.csv", "--prometheus", "http://127.0.0.1:1", "--query", "x"), 2, "beside the file")
        self.refused(run("forecast", "x.csv", "--query", "x"), 2, "--query: found without --prometheus")
        self.refused(run("forecast", "--prometheus", "http://127.0.0.1:1"), 2, "--query: missing")
        self.refused(run("detect", "--prometheus", "ftp://x", "--query", "x"), 2, "found \"ftp://x\"")
        self.refused(ask("http://127.0.0.1:1", query=" "), 2, "the query is empty")
        self.refused(ask("http://127.0.0.1:1", "--range", "1m", "--every", "1h"), 2, "the range: found 1m")
        self.refused(ask("http://127.0.0.1:1", "--range", "3650d", "--every", "1s"), 2, "take a longer step")
        self.refused(ask("http://127.0.0.1:1", "--value", "y"), 2, "--value: found beside --prometheus")
        self.refused(run("detect", "--prometheus", "http://127.0.0.1:1", "--query", "x", "--until", "soon"), 2, "--until: found \"soon\"")


if __name__ == "__main__":
    unittest.main(verbosity=2)
