# SPDX-License-Identifier: MIT
"""Requests and answers on a connection: pipelining, keep-alive, HTTP/1.0, HEAD, deadlines, limits, our own pages."""
import json
import os
import resource
import socket
import time
import unittest
import wire
from wire import post, wait_for


class Exchange(wire.Case):
    def setUp(self):
        self.stack.warm_up()

    def test_three_pipelined_in_order(self):
        with self.stack.client() as client:
            client.send(b"".join(post(path="/echo?%d" % i) for i in range(3)))
            targets = [client.answer().json()["target"] for _ in range(3)]
        self.assertEqual(targets, ["/echo?0", "/echo?1", "/echo?2"])

    def test_pipelined_errors_keep_their_place(self):
        with self.stack.client() as client:
            client.send(post() + post("nobody") + b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + post())
            self.assertEqual([client.answer().status for _ in range(4)], [200, 404, 200, 200])

    def test_many_pipelined(self):
        """More than is kept while one is answered: reading stops and goes on."""
        count = 3000
        with self.stack.client() as client:
            data = b"".join(post(path="/echo?%d" % i, extra="X-Pad: %s\r\n" % ("p" * 100)) for i in range(count))
            client.sock.settimeout(60)
            import threading
            sender = threading.Thread(target=client.send, args=(data,))
            sender.start()
            for i in range(count):
                self.assertEqual(client.answer().json()["target"], "/echo?%d" % i)
            sender.join()

    def test_close_is_obeyed(self):
        with self.stack.client() as client:
            answer = client.send(post(extra="Connection: close\r\n")).answer()
            self.assertEqual((answer.status, answer.get("connection")), (200, "close"))
            self.assertTrue(client.ended())

    def test_http_1_0_closes(self):
        with self.stack.client() as client:
            answer = client.send(post(version="1.0")).answer()
            self.assertEqual((answer.status, answer.get("connection")), (200, "close"))
            self.assertTrue(client.ended())

    def test_http_1_0_keep_alive(self):
        with self.stack.client() as client:
            for _ in range(2):
                answer = client.send(post(version="1.0", extra="Connection: keep-alive\r\n")).answer()
                self.assertEqual((answer.status, answer.get("connection")), (200, "keep-alive"))

    def test_http_1_0_and_sse_is_raw_and_closes(self):
        with self.stack.client() as client:
            answer = client.send(post(path="/sse", version="1.0")).answer()
            self.assertNotIn("transfer-encoding", answer.fields)
            self.assertEqual(answer.get("connection"), "close")
            self.assertEqual(answer.body, b"".join(b"data: %d\n\n" % i for i in range(5)) + b"data: [DONE]\n\n")

    def test_head(self):
        """The length of a body that does not come must not eat the next answer."""
        with self.stack.client() as client:
            answer = client.send(b"HEAD /x?model=warm HTTP/1.1\r\nHost: x\r\n\r\n").answer("HEAD")
            self.assertEqual((answer.status, answer.get("content-length")), (200, "1234"))
            self.assertEqual(client.send(post()).answer().status, 200)

    def test_204_and_304(self):
        with self.stack.client() as client:
            answer = client.send(post(path="/204")).answer()
            self.assertEqual((answer.status, answer.get("content-length")), (204, None))
            self.assertEqual(client.send(post(path="/304")).answer().status, 304)
            self.assertEqual(client.send(post()).answer().status, 200)

    def test_own_pages_are_never_use(self):
        before = self.upstream.bytes
        models = self.stack.ask(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n").json()
        self.assertEqual([m["id"] for m in models["data"]], ["warm", "org/model:q4"])
        self.assertEqual(models["object"], "list")
        one = self.stack.ask(b"GET /v1/models/org%2Fmodel:q4 HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual((one.status, one.json()["id"]), (200, "org/model:q4"))
        self.assertEqual(self.stack.ask(b"GET /v1/models/nobody HTTP/1.1\r\nHost: x\r\n\r\n").status, 404)
        for path in ("/health", "/healthz"):
            self.assertEqual(self.stack.ask(("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path).encode()).status, 200)
        self.assertEqual(self.upstream.bytes, before)

    def test_headers_say_what_happened(self):
        answer = self.stack.ask(post())
        self.assertEqual(answer.get("x-forewarm-resource"), "warm")
        self.assertEqual(answer.get("x-forewarm-state"), "warm")
        self.assertEqual(answer.get("x-forewarm-wait-ms"), "0")

    def test_40_mb_get_a_readable_413(self):
        with self.stack.client() as client:
            client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\n\r\n")
            client.send(b" " * 40000000)  # a client that reads only when everything is sent
            answer = client.answer()
            self.assertEqual((answer.status, answer.code()), (413, "body_too_large"))

    def test_large_body_passes_whole(self):
        body = json.dumps({"model": "alias", "pad": "x" * 12000000}).encode()
        answer = self.stack.ask(post(body=body))
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json()["body"].encode(), body.replace(b'"alias"', b'"warm"'))


class Names(wire.Case):
    """Where the model's name stands, and what becomes of an alias."""

    def setUp(self):
        self.stack.warm_up()

    def echo(self, data):
        answer = self.stack.ask(data)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()

    def test_alias_is_spliced(self):
        body = b'{ "messages":[{"model":"alias"}], "model" : "al\\u0069as" , "x":"\\ud83d\\ude00"}'
        self.assertEqual(self.echo(post(body=body))["body"].encode(),
                         b'{ "messages":[{"model":"alias"}], "model" : "warm" , "x":"\\ud83d\\ude00"}')

    def test_query(self):
        out = self.echo(b"GET /props?a=1&model=other%2Fname&b=2 HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(out["target"], "/props?a=1&model=warm&b=2")

    def test_path_with_the_longest_id_is_forwarded_as_it_is(self):
        for path in ("/upstream/org/model:q4/health?x=1", "/v2/models/org%2Fmodel%3Aq4/infer", "/v2/models/warm",
                     "/predictions/alias/x"):
            self.assertEqual(self.echo(("GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path).encode())["target"], path)
        self.assertEqual(self.stack.ask(b"GET /upstream/org/model:q5/x HTTP/1.1\r\nHost: x\r\n\r\n").status, 404)

    def form(self, body, content_type):
        return ("POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
                % (content_type, len(body))).encode() + body

    def test_multipart_behind_the_file(self):
        body = (b"preamble\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\r\n"
                b"\0\r\n-- B name=\"model\"\xff\r\n--B \r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nalias"
                b"\r\n--B--\r\n")
        out = self.echo(self.form(body, "multipart/form-data; boundary=B"))
        self.assertEqual(out["body"].encode("latin-1"), body.replace(b"\r\n\r\nalias", b"\r\n\r\nwarm"))

    def test_multipart_that_readers_may_read_differently(self):
        """A line that begins like a delimiter and goes on: data to some readers, an error to others."""
        body = b"--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwarm\r\n--Bx\r\n--B--\r\n"
        self.assertEqual(self.stack.ask(self.form(body, "multipart/form-data; boundary=B")).status, 400)

    def test_multipart_twice(self):
        part = b"--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwarm\r\n"
        answer = self.stack.ask(self.form(part + part + b"--B--\r\n", 'multipart/form-data; boundary="B"'))
        self.assertEqual(answer.status, 400)

    def test_urlencoded(self):
        out = self.echo(self.form(b"a=b&model=other%2fname&c=d", "application/x-www-form-urlencoded"))
        self.assertEqual(out["body"], "a=b&model=warm&c=d")

    def test_json_that_curl_calls_a_form(self):
        self.echo(self.form(b' {"model":"warm"}', "application/x-www-form-urlencoded"))


class ResourceFrom(wire.Case):
    """P2: resource ids from requests by quality level, slm_{quality}; and a default."""
    options = "resource_from: 'slm_{quality}'\ndefault_resource: warm\nio_threads: 1"
    resources = [("slm_fast", 0, ""), ("slm_balanced", 0, "")]

    def resource(self, data):
        answer = self.stack.ask(data)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.get("x-forewarm-resource")

    def test_from_a_json_member(self):
        self.assertEqual(self.resource(post(body='{"quality":"fast"}')), "slm_fast")

    def test_from_a_header(self):
        self.assertEqual(self.resource(post(body="{}", extra="Quality: balanced\r\n")), "slm_balanced")
        self.assertEqual(self.resource(post(body="{}", extra="X-Forewarm-Quality: fast\r\n")), "slm_fast")

    def test_a_model_comes_first(self):
        self.assertEqual(self.resource(post(body='{"quality":"fast","model":"alias"}')), "warm")

    def test_the_default_comes_last(self):
        self.assertEqual(self.resource(post(body="{}")), "warm")

    def test_an_unknown_quality(self):
        self.assertEqual(self.stack.ask(post(body='{"quality":"none"}')).status, 404)


# Accepts connections (the kernel does) and never reads.
DEAF = socket.create_server(("127.0.0.1", 0))


class Deadlines(wire.Case):
    resources = [("deaf", 0, "upstream: http://127.0.0.1:%d" % DEAF.getsockname()[1])]
    options = "head_timeout: 500ms\nbody_grace: 500ms\nidle_timeout: 1s\nfirst_byte_timeout: 700ms\nio_threads: 1\n" \
              "chunk_timeout: 700ms\nwrite_timeout: 1s"

    def setUp(self):
        self.stack.warm_up()

    def test_slow_head_is_cut(self):
        """Bytes that drip do not move the deadline."""
        with self.stack.client() as client:
            begin = time.monotonic()
            client.sock.settimeout(0.05)
            client.send("POST /echo HTTP/1.1\r\n")
            while True:
                try:
                    client.send("X")
                    if not client.more() or b"\r\n\r\n" in client.data:
                        break
                except TimeoutError:
                    self.assertLess(time.monotonic() - begin, wire.DEADLINE_S)
            client.sock.settimeout(wire.DEADLINE_S)
            self.assertEqual(client.answer().status, 408)
            self.assertGreater(time.monotonic() - begin, 0.45)

    def test_slow_body_is_cut(self):
        with self.stack.client() as client:
            client.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n12345")
            self.assertEqual(client.answer().status, 408)

    def test_idle_connection_is_closed(self):
        with self.stack.client() as client:
            self.assertEqual(client.send(post()).answer().status, 200)
            self.assertTrue(client.ended())

    def test_silent_upstream(self):
        answer = self.stack.ask(post(path="/silent"))
        self.assertEqual((answer.status, answer.code()), (504, "upstream_timeout"))
        wait_for(lambda: "/silent" in self.upstream.closed_at, "the upstream connection ends")

    def test_upstream_that_does_not_take_the_request(self):
        answer = self.stack.ask(post(body=json.dumps({"model": "deaf", "pad": "x" * 10000000})))
        self.assertEqual((answer.status, answer.code()), (504, "upstream_timeout"))

    def test_gap_between_chunks(self):
        answer = self.stack.ask(post(path="/endless"))
        self.assertEqual((answer.status, answer.body, answer.complete), (200, b"data: 1\n\n", False))

    def test_reader_that_stops_is_cut(self):
        with self.stack.client(receive_buffer=4096) as client:
            client.send(post(path="/big?400000000"))
            client.until(b"\r\n\r\n")
            # The write deadline ends it: the upstream sees its connection go long before everything was sent.
            wait_for(lambda: self.upstream.sent > 0 and not self.upstream_open(), "the stalled client is given up")
            self.assertLess(self.upstream.sent, 400000000)

    def upstream_open(self):
        """Is a connection to the upstream open on which bytes wait to be taken?"""
        port = "%04X" % self.upstream.port
        with open("/proc/net/tcp") as f:
            rows = [line.split() for line in f]
        return any(row[1].endswith(":" + port) and row[3] == "01" and not row[4].startswith("00000000")
                   for row in rows)


class Limits(wire.Case):
    options = "max_connections: 4\nmax_parked: 4MiB\nio_threads: 1"
    resources = [("never", 3600, "hold_timeout: 60s")]

    def test_connections(self):
        clients = wait_for(self.four_served, "four connections are open")  # earlier ones may still be closing
        try:
            with self.stack.client() as client:
                answer = client.answer()
                self.assertEqual((answer.status, answer.get("retry-after")), (503, "1"))
        finally:
            for client in clients:
                client.sock.close()
        wait_for(lambda: self.served(), "a place is free again")

    def four_served(self):
        clients = [self.stack.client() for _ in range(4)]
        try:
            if all(c.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").answer().status == 200 for c in clients):
                return clients
        except (AssertionError, OSError):
            pass  # refused and closed while it was asking: a place is not free yet
        for client in clients:
            client.sock.close()
        return None

    def served(self):
        try:
            return self.stack.ask(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status == 200
        except (AssertionError, OSError):
            return False

    def test_parked_bytes(self):
        """At the cap bodies are refused, not kept."""
        body = json.dumps({"model": "never", "pad": "x" * 1500000})
        wait_for(self.served, "places are free")
        clients = [self.stack.client() for _ in range(3)]
        try:
            for client in clients:
                client.send(post(body=body))
            refused = wait_for(lambda: self.first_answer(clients), "one of them is refused")
            self.assertEqual((refused.status, refused.code(), refused.get("retry-after")), (503, "overloaded", "1"))
        finally:
            for client in clients:
                client.sock.close()
        wait_for(self.served, "places are free")
        wait_for(lambda: self.stack.ask(post(body=body.replace("never", "warm"))).status == 200, "the bytes are free again")

    def first_answer(self, clients):
        for client in clients:
            client.sock.settimeout(0.02)
            try:
                if client.until(b"\r\n\r\n"):
                    client.sock.settimeout(wire.DEADLINE_S)
                    return client.answer()
            except TimeoutError:
                pass
            client.sock.settimeout(wire.DEADLINE_S)
        return None


class Idle(wire.Case):
    options = "max_connections: 20000\nio_threads: 2"

    def test_10000_idle_connections(self):
        """They stay, and cost little memory each."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(10000, (hard - 200) // 1)
        if count < 10000:
            self.skipTest("only %d files may be open" % hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        resource.prlimit(self.stack.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        self.stack.warm_up()
        before = self.stack.rss_kib()
        sockets = []
        try:
            for i in range(count):
                sockets.append(socket.create_connection(("127.0.0.1", self.stack.port)))
            used = {}
            for i in (0, count // 2, count - 1):
                sockets[i].settimeout(wire.DEADLINE_S)
                sockets[i].sendall(post())
                used[i] = sockets[i].recv(65536)
                self.assertTrue(used[i].startswith(b"HTTP/1.1 200"), used[i][:50])
            each = (self.stack.rss_kib() - before) * 1024 / count
            print("%.0f bytes of memory an idle connection" % each)
            if not os.environ.get("FOREWARM_BUILD", "").endswith(("asan", "tsan")):
                self.assertLess(each, 2048)
        finally:
            for sock in sockets:
                sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


if __name__ == "__main__":
    wire.main()
