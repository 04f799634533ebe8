# SPDX-License-Identifier: MIT
"""Answers on their way: streams, back-pressure, clients and upstreams that go away, and what is held."""
import json
import os
import signal
import socket
import threading
import time
import wire
from wire import post, wait_for


class Relay(wire.Case):
    def setUp(self):
        self.stack.warm_up()

    def test_sse_comes_piece_by_piece(self):
        with self.stack.client() as client:
            status, fields, _ = client.send(post(path="/sse")).head()
            self.assertEqual(status, 200)
            self.assertEqual(fields["x-accel-buffering"], "no")
            self.assertEqual(fields["cache-control"], "no-cache")
            arrivals, pieces = [], []
            while True:
                piece = client.chunk()
                if not piece:
                    break
                arrivals.append(time.monotonic())
                pieces.append(piece)
            self.assertEqual(pieces, [b"data: %d\n\n" % i for i in range(5)] + [b"data: [DONE]\n\n"])
            # The upstream leaves 100 ms between them: the first came well before the last.
            self.assertGreater(arrivals[-1] - arrivals[0], 0.3)
            self.assertEqual(client.send(post()).answer().status, 200)

    def test_ndjson(self):
        answer = self.stack.ask(post(path="/ndjson"))
        self.assertEqual(answer.get("x-accel-buffering"), "no")
        self.assertEqual(answer.body, b'{"n":0}\n{"n":1}\n{"n":2}\n')

    def test_end_by_close_becomes_chunks(self):
        with self.stack.client() as client:
            answer = client.send(post(path="/eof")).answer()
            self.assertEqual((answer.get("transfer-encoding"), answer.body, answer.complete),
                             ("chunked", b"until the end", True))
            self.assertEqual(client.send(post()).answer().status, 200)

    def test_end_by_close_for_http_1_0(self):
        answer = self.stack.ask(post(path="/eof", version="1.0"))
        self.assertEqual((answer.get("transfer-encoding"), answer.body), (None, b"until the end"))

    def test_interim_answers_and_dripping_heads(self):
        answer = self.stack.ask(post(path="/drip"))
        self.assertEqual((answer.status, answer.body, answer.get("link")), (200, b"ok", None))

    def test_hop_by_hop_fields_of_answers(self):
        answer = self.stack.ask(post(path="/hop"))
        for name in ("connection", "x-secret", "keep-alive", "proxy-authenticate", "trailer"):
            self.assertIsNone(answer.get(name), name)
        self.assertEqual((answer.get("x-kept"), answer.get("x-forewarm-state")), ("yes", "warm"))

    # --- upstreams that fail ---

    def test_reset_before_the_head(self):
        answer = self.stack.ask(post(path="/reset"))
        self.assertEqual((answer.status, answer.code()), (502, "upstream_failed"))

    def test_reset_in_the_middle_shows(self):
        answer = self.stack.ask(post(path="/reset-middle"))
        self.assertEqual((answer.status, answer.body, answer.complete), (200, b"hello", False))

    def test_short_body_shows(self):
        answer = self.stack.ask(post(path="/short"))
        self.assertEqual((answer.status, answer.body, answer.complete), (200, b"not that much", False))

    def test_malformed_answers(self):
        for name, raw in (("fold", b"HTTP/1.1 200 OK\nContent-Length:\n 5\n\nhello"),
                          ("two lengths", b"HTTP/1.1 200 OK\nContent-Length: 5\nContent-Length: 6\n\nhello"),
                          ("both", b"HTTP/1.1 200 OK\nContent-Length: 5\nTransfer-Encoding: chunked\n\nhello"),
                          ("gzip", b"HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n0\n\n"),
                          ("switch", b"HTTP/1.1 101 Switching Protocols\nUpgrade: x\n\n"),
                          ("not http", b"SSH-2.0-OpenSSH\n\n")):
            with self.subTest(name):
                body = b'{"model":"warm"}'
                # JSON first, so that the model is found; what the upstream sends stands in a header of ours.
                answer = self.stack.ask(post(path="/raw?model=warm", body=b"x\n" + raw,
                                             extra="").replace(b"application/json", b"application/octet-stream"))
                self.assertEqual(answer.status, 502, body)

    def test_bad_chunks_are_cut(self):
        raw = b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\nzz\n"
        with self.stack.client() as client:
            client.send(post(path="/raw?model=warm", body=b"x\n" + raw)
                        .replace(b"application/json", b"application/octet-stream"))
            status, _, _ = client.head()
            self.assertEqual(status, 200)
            client.ended()
            self.assertNotIn(b"0\r\n\r\n", client.data)

    def test_what_follows_an_answer_is_dropped(self):
        raw = b"HTTP/1.1 200 OK\nContent-Length: 2\n\nokHTTP/1.1 200 OK\nContent-Length: 6\n\nforged"
        with self.stack.client() as client:
            client.send(post(path="/raw?model=warm", body=b"x\n" + raw)
                        .replace(b"application/json", b"application/octet-stream"))
            self.assertEqual(client.answer().body, b"ok")
            answer = client.send(post()).answer()
            self.assertNotIn(b"forged", answer.body)

    def test_a_dead_idle_connection_is_replaced(self):
        """The upstream closes after each answer; the next request must not notice."""
        with self.stack.client() as client:
            for _ in range(20):
                self.assertEqual(client.send(post(path="/then-close")).answer().status, 200)

    # --- clients that leave ---

    def test_leaving_in_the_middle_closes_the_upstream(self):
        self.upstream.closed_at.pop("/endless", None)
        client = self.stack.client()
        client.send(post(path="/endless"))
        client.until(b"data: 1")
        client.sock.close()
        left = time.monotonic()
        wait_for(lambda: "/endless" in self.upstream.closed_at, "the upstream connection ends")
        print("%.0f ms after the client" % ((self.upstream.closed_at["/endless"] - left) * 1000))

    def test_leaving_while_the_upstream_is_silent(self):
        self.upstream.closed_at.pop("/silent", None)
        before = len(self.upstream.requests)
        client = self.stack.client()
        client.send(post(path="/silent"))
        wait_for(lambda: len(self.upstream.requests) > before, "the request arrives")
        client.sock.close()
        wait_for(lambda: "/silent" in self.upstream.closed_at, "the upstream connection ends")

    def test_leaving_with_input_unread(self):
        """Behind 64 KiB of pipelined input reading has stopped; that the client left is seen all the same."""
        self.upstream.closed_at.pop("/silent", None)
        before = len(self.upstream.requests)
        client = self.stack.client()
        client.send(post(path="/silent"))
        wait_for(lambda: len(self.upstream.requests) > before, "the request arrives")
        client.send(post(body=b" " * 100000))
        client.sock.close()
        wait_for(lambda: "/silent" in self.upstream.closed_at, "the upstream connection ends")

    # --- back-pressure ---

    def test_stalled_reader_costs_no_memory(self):
        total = 400000000
        self.upstream.sent = 0
        with self.stack.client(receive_buffer=65536) as client:
            before = self.stack.rss_kib()
            client.send(post(path="/big?%d" % total))
            client.until(b"\r\n\r\n")
            last = [-1, time.monotonic()]

            def stalled():
                if self.upstream.sent != last[0]:
                    last[:] = [self.upstream.sent, time.monotonic()]
                return time.monotonic() - last[1] > 0.3
            wait_for(stalled, "the upstream is stopped")
            grown = self.stack.rss_kib() - before
            self.assertLess(self.upstream.sent, total // 4)
            print("+%d KiB for a stalled reader of %d MB" % (grown, total // 1000000))
            if not os.environ.get("FOREWARM_BUILD", "").endswith(("asan", "tsan")):
                self.assertLess(grown, 1024)
            client.sock.settimeout(60)
            got = len(client.data.split(b"\r\n\r\n", 1)[1])
            while got < total:
                n = len(client.sock.recv(1 << 20))
                self.assertGreater(n, 0, "cut after %d" % got)
                got += n
            self.assertEqual(got, total)


class HalfClose(wire.Case):
    options = "abort_on_half_close: false\nio_threads: 1"

    def test_half_closed_client_is_answered(self):
        self.stack.warm_up()
        with self.stack.client() as client:
            client.send(post(path="/sse") + post())
            client.sock.shutdown(socket.SHUT_WR)
            self.assertTrue(client.answer().complete)
            self.assertEqual(client.answer().status, 200)
            self.assertTrue(client.ended())


class HalfCloseAborts(wire.Case):
    def test_half_close_is_taken_for_leaving(self):
        self.stack.warm_up()
        with self.stack.client() as client:
            client.send(post(path="/silent"))
            before = len(self.upstream.requests)
            wait_for(lambda: any(r.target == "/silent" for r in self.upstream.requests) or before < 0, "it arrives")
            client.sock.shutdown(socket.SHUT_WR)
            wait_for(lambda: "/silent" in self.upstream.closed_at, "the upstream connection ends")


class Held(wire.Case):
    fallback = True
    options = "io_threads: 2\nmax_parked: 64MiB\njob_threads: 16"  # a probe that waits keeps a job thread
    resources = [("slow", 0.7, "aliases: [slow-alias]"), ("slow2", 0.7, ""), ("never", 3600, "hold_timeout: 400ms"),
                 ("parked", 3600, "hold_timeout: 60s"),
                 ("far", 3600, "on_cold: fallback"), ("no", 3600, "on_cold: refuse"),
                 ("dead", 0, "upstream: http://127.0.0.1:1")]

    def test_held_until_warm_then_first_in_first_out(self):
        clients = []
        for i in range(20):
            clients.append(self.stack.client())
            clients[-1].send(post("slow-alias", path="/echo?%d" % i))
        answers = [client.answer() for client in clients]
        for client in clients:
            client.sock.close()
        self.assertEqual({a.status for a in answers}, {200})
        self.assertEqual({a.get("x-forewarm-state") for a in answers}, {"cold"})
        self.assertGreater(min(int(a.get("x-forewarm-wait-ms")) for a in answers), 0)
        self.assertEqual({a.get("x-forewarm-resource") for a in answers}, {"slow"})
        self.assertEqual({a.json()["body"] for a in answers}, {'{"model": "slow"}'})
        again = self.stack.ask(post("slow"))
        self.assertEqual((again.get("x-forewarm-state"), again.get("x-forewarm-wait-ms")), ("warm", "0"))

    def test_hold_ends(self):
        begin = time.monotonic()
        answer = self.stack.ask(post("never"))
        self.assertEqual(answer.status, 200 if not self.stack.plane else 503)
        if answer.status == 503:
            self.assertGreaterEqual(int(answer.get("retry-after")), 1)
            self.assertIn(answer.code(), ("model_warming", "timeout", "model_failed"))
        else:
            self.assertEqual(answer.get("x-forewarm-state"), "fallback")
        self.assertGreater(time.monotonic() - begin, 0.35)

    def test_client_that_does_not_want_to_wait(self):
        begin = time.monotonic()
        answer = self.stack.ask(post("parked", extra="X-Forewarm-Hold: no\r\n"))
        self.assertIn(answer.status, (200, 503))
        self.assertLess(time.monotonic() - begin, 10)

    def test_fallback(self):
        answer = self.stack.ask(post("far", path="/v1/x?y=1"))
        self.assertEqual((answer.status, answer.get("x-forewarm-state")), (200, "fallback"))
        self.assertEqual(answer.json()["target"], "/far/v1/x?y=1")
        self.assertEqual(answer.json()["body"], '{"model": "far"}')
        self.assertFalse([r for r in self.upstream.requests if '"far"' in r.body.decode()])

    def test_refused(self):
        answer = self.stack.ask(post("no"))
        self.assertEqual(answer.status, 503)
        self.assertGreaterEqual(int(answer.get("retry-after")), 1)
        self.assertIn("error", answer.json())
        self.assertEqual((answer.get("x-forewarm-resource"), answer.get("x-forewarm-state")), ("no", "cold"))

    def test_leaving_while_held_is_seen(self):
        before = self.upstream.bytes
        client = self.stack.client()
        client.send(post("parked"))
        with self.stack.client() as other:  # the same connection order: the request has been read by then
            other.send(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").answer()
        client.sock.close()
        if self.stack.plane:
            wait_for(lambda: "gone resource=parked" in self.stack.output(), "the brain hears that the client left")
        self.assertEqual(self.upstream.bytes, before)

    def test_upstream_that_refuses_connections(self):
        answer = self.stack.ask(post("dead"))
        self.assertIn(answer.status, (502, 503))
        self.assertIn(answer.code(), ("upstream_unreachable", "model_failed", "model_warming"))
        if self.stack.plane:
            # Believed warm, found lost: said so, asked again as a cold one, and given up after that.
            out = wait_for(lambda: self.stack.output() if "lost resource=dead" in self.stack.output() else None, "lost")
            self.assertEqual(out.count("lost resource=dead"), 1)

    def test_pipelined_behind_a_held_one(self):
        with self.stack.client() as client:
            client.send(post("slow2", path="/echo?1") + post(path="/echo?2"))
            self.assertEqual([client.answer().json()["target"] for _ in range(2)], ["/echo?1", "/echo?2"])


class Comments(wire.Case):
    """A client that asks for a stream and for comments sees signs of life while it is held; others see none."""
    fallback = False
    options = "io_threads: 1\njob_threads: 16"
    resources = [("slow", 1.4, ""), ("slow-json", 1.4, ""), ("slow-quiet", 1.4, ""), ("slow-cut", 1.4, ""),
                 ("by-itself", 1.4, "hold_comments: 300ms"), ("unwanted", 1.4, "hold_comments: 300ms"), ("hopeless", 3600, "hold_timeout: 2s")]
    EXTRA = "X-Forewarm-Comments: yes\r\n"

    def body(self, model):
        return '{"stream":true,"model":"%s"}' % model

    def test_comments_then_the_stream(self):
        with self.stack.client() as client:
            status, fields, _ = client.send(post(body=self.body("slow"), path="/sse", extra=self.EXTRA)).head()
            self.assertEqual((status, fields["content-type"], fields["x-accel-buffering"]),
                             (200, "text/event-stream", "no"))
            self.assertEqual(fields["x-forewarm-resource"], "slow")
            pieces = []
            while True:
                piece = client.chunk()
                if not piece:
                    break
                pieces.append(piece)
            self.assertEqual(piece, b"")  # the terminator came
            self.assertTrue(pieces[0].startswith(b": ") and pieces[0].endswith(b"\n\n"), pieces)
            events = b"".join(p for p in pieces if not p.startswith(b":"))
            self.assertEqual(events, b"".join(b"data: %d\n\n" % i for i in range(5)) + b"data: [DONE]\n\n")
            self.assertEqual(client.send(post()).answer().status, 200)

    def test_an_answer_that_is_no_stream_is_an_error_event(self):
        answer = self.stack.ask(post(body=self.body("slow-json"), extra=self.EXTRA))
        self.assertEqual((answer.status, answer.complete), (200, True))
        last = answer.body.strip().split(b"\n\n")[-1]
        self.assertTrue(last.startswith(b"data: "), answer.body)
        self.assertEqual(json.loads(last[6:])["error"]["code"], "upstream_failed")

    def test_a_hold_that_ends_is_an_error_event(self):
        answer = self.stack.ask(post(body=self.body("hopeless"), extra=self.EXTRA))
        self.assertEqual((answer.status, answer.complete), (200, True))
        last = answer.body.strip().split(b"\n\n")[-1]
        self.assertIn("error", json.loads(last[6:]))

    def test_who_did_not_ask_hears_nothing_early(self):
        begin = time.monotonic()
        answer = self.stack.ask(post(body=self.body("slow-quiet"), path="/sse"))
        self.assertGreater(time.monotonic() - begin, 1.3)
        self.assertNotIn(b": waiting", answer.body)
        self.assertGreater(int(answer.get("x-forewarm-wait-ms")), 1000)

    def test_a_resource_may_say_so_for_its_clients(self):
        """hold_comments: nobody asked, and comments come that often; a client may say no."""
        answer = self.stack.ask(post(body=self.body("by-itself"), path="/sse"))
        comments = [c for c in answer.body.split(b"\n\n") if c.startswith(b": waiting: by-itself")]
        self.assertGreaterEqual(len(comments), 3, answer.body)
        self.assertTrue(answer.body.endswith(b"data: [DONE]\n\n"), answer.body)
        answer = self.stack.ask(post(body=self.body("unwanted"), path="/sse", extra="X-Forewarm-Comments: no\r\n"))
        self.assertNotIn(b": waiting", answer.body)
        self.assertTrue(answer.body.startswith(b"data: "), answer.body)

    def test_comments_are_for_streams_alone(self):
        answer = self.stack.ask(post(body='{"model":"by-itself"}', path="/echo"))
        self.assertNotIn(b": waiting", answer.body)

    def test_breaking_off_still_shows(self):
        answer = self.stack.ask(post(body=self.body("slow-cut"), path="/endless-then-reset", extra=self.EXTRA))
        self.assertEqual((answer.status, answer.complete), (200, False))


class Reload(wire.Case):
    """SIGHUP while requests are on their way: none is lost, and the old names go on for those that began with them."""
    options = "io_threads: 2"

    def test_reload_under_traffic(self):
        if self.stack.plane:
            self.skipTest("the plane alone reads its configuration once")
        self.stack.warm_up()
        path = os.path.join(self.stack.dir.name, "forewarm.yaml")
        with open(path) as f:
            text = f.read()
        failures, stop = [], threading.Event()

        def traffic():
            with self.stack.client() as client:
                while not stop.is_set():
                    answer = client.send(post()).answer()
                    if answer.status != 200:
                        failures.append(answer.body)
        threads = [threading.Thread(target=traffic) for _ in range(4)]
        slow = self.stack.client()
        slow.send(post(path="/endless"))
        slow.until(b"data: 1")
        for thread in threads:
            thread.start()
        for i in range(8):
            with open(path, "w") as f:
                f.write(text.replace("aliases: [alias,", "aliases: [alias, alias-%d," % i))
            self.stack.process.send_signal(signal.SIGHUP)
            wait_for(lambda: self.stack.ask(post("alias-%d" % i)).status == 200, "the new name is known")
        stop.set()
        for thread in threads:
            thread.join()
        slow.sock.close()
        self.assertEqual(failures, [])
        self.assertEqual(self.stack.ask(post("alias-3")).status, 404)


if __name__ == "__main__":
    wire.main()
