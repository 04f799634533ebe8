# SPDX-License-Identifier: MIT
"""Every request that must be rejected is, with the status that says why, and no byte of it reaches an upstream."""
import json
import wire
from wire import post

BODY = b'{"model":"warm","pad":"12345"}'
GOOD = "Host: x\r\nContent-Type: application/json\r\n"


def head(line="POST /echo HTTP/1.1", fields=GOOD, framing="Content-Length: %d\r\n" % len(BODY)):
    return (line + "\r\n" + fields + framing + "\r\n").encode("latin-1")


def chunks(*raw):
    return head(framing="Transfer-Encoding: chunked\r\n") + b"".join(raw)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


N = len(BODY)
LAST = b"0\r\n\r\n"
TE = "Transfer-Encoding: %s\r\n"
CL = "Content-Length: %s\r\n"

# name, bytes, status; the tests' names are the rows of the table.
ROWS = [
    # CL and TE together
    ("cl_then_te", head(framing=CL % N + TE % "chunked") + chunk(BODY) + LAST, 400),
    ("te_then_cl", head(framing=TE % "chunked" + CL % N) + chunk(BODY) + LAST, 400),
    ("te_identity_and_cl", head(framing=TE % "identity" + CL % N) + BODY, 400),
    # Content-Length
    ("two_cl_equal", head(framing=CL % N + CL % N) + BODY, 400),
    ("two_cl_different", head(framing=CL % N + CL % 5) + BODY, 400),
    ("cl_list", head(framing=CL % ("%d, %d" % (N, N))) + BODY, 400),
    ("cl_empty", head(framing="Content-Length:\r\n") + BODY, 400),
    ("cl_blank", head(framing="Content-Length:  \r\n") + BODY, 400),
    ("cl_plus", head(framing=CL % ("+%d" % N)) + BODY, 400),
    ("cl_minus", head(framing=CL % "-1") + BODY, 400),
    ("cl_hex", head(framing=CL % "0x1c") + BODY, 400),
    ("cl_inner_space", head(framing=CL % "2 8") + BODY, 400),
    ("cl_2_64_plus_28", head(framing=CL % (2 ** 64 + 28)) + BODY, 400),
    ("cl_2_63", head(framing=CL % 2 ** 63) + BODY, 400),
    # Transfer-Encoding
    ("te_xchunked", head(framing=TE % "xchunked") + chunk(BODY) + LAST, 501),
    ("te_gzip", head(framing=TE % "gzip") + chunk(BODY) + LAST, 501),
    ("te_chunked_gzip", head(framing=TE % "chunked, gzip") + chunk(BODY) + LAST, 501),
    ("te_chunked_parameter", head(framing=TE % "chunked;x=1") + chunk(BODY) + LAST, 501),
    ("te_chunked_twice_in_list", head(framing=TE % "chunked, chunked") + chunk(BODY) + LAST, 501),
    ("te_chunked_twice", head(framing=TE % "chunked" + TE % "chunked") + chunk(BODY) + LAST, 501),
    ("te_gzip_chunked", head(framing=TE % "gzip, chunked") + chunk(BODY) + LAST, 501),
    ("te_on_http_1_0", head("POST /echo HTTP/1.0", framing=TE % "chunked") + chunk(BODY) + LAST, 400),
    ("te_vertical_tab", head(framing="Transfer-Encoding: \x0bchunked\r\n") + chunk(BODY) + LAST, 400),
    # blanks before the colon
    ("space_before_colon", head(framing="Content-Length : %d\r\n" % N) + BODY, 400),
    ("tab_before_colon", head(framing="Content-Length\t: %d\r\n" % N) + BODY, 400),
    ("space_before_colon_te", head(framing="Transfer-Encoding : chunked\r\n") + chunk(BODY) + LAST, 400),
    # obs-fold
    ("fold_any", head(fields=GOOD + "X-A: 1\r\n 2\r\n") + BODY, 400),
    ("fold_tab", head(fields=GOOD + "X-A: 1\r\n\t2\r\n") + BODY, 400),
    ("fold_cl", head(framing="Content-Length:\r\n %d\r\n" % N) + BODY, 400),
    ("fold_te", head(framing="Transfer-Encoding:\r\n chunked\r\n") + chunk(BODY) + LAST, 400),
    ("fold_first", head(fields=" " + GOOD) + BODY, 400),
    # bare LF and CR
    ("lf_in_fields", head(fields="Host: x\nX-B: 1\r\n") + BODY, 400),
    ("lf_last_line", head(framing="Content-Length: %d\r\n" % N)[:-2] + b"\n" + BODY, 400),
    ("lf_after_request_line", b"POST /echo HTTP/1.1\n" + GOOD.encode() + b"Content-Length: 0\r\n\r\n", 400),
    ("lf_before_request_line", b"\n" + head() + BODY, 400),
    ("two_crlf_before_request_line", b"\r\n\r\n" + head() + BODY, 400),
    ("cr_in_value", head(fields=GOOD + "X-A: a\rb\r\n") + BODY, 400),
    ("cr_before_value", head(fields=GOOD + "X-A:\ra\r\n") + BODY, 400),
    ("cr_hides_te", head(fields=GOOD + "X: \rTransfer-Encoding: chunked\r\n") + BODY, 400),
    ("cr_only_lines", b"POST /echo HTTP/1.1\rHost: x\r\r\n\r\n", 400),
    # bytes that may not stand there
    ("nul_in_value", head(fields=GOOD + "X-A: a\0b\r\n") + BODY, 400),
    ("control_in_value", head(fields=GOOD + "X-A: a\x01b\r\n") + BODY, 400),
    ("del_in_value", head(fields=GOOD + "X-A: a\x7fb\r\n") + BODY, 400),
    ("nul_in_name", head(fields=GOOD + "X\0A: 1\r\n") + BODY, 400),
    ("del_in_name", head(fields=GOOD + "X\x7fA: 1\r\n") + BODY, 400),
    ("high_byte_in_name", head(fields=GOOD + "X\xe9: 1\r\n") + BODY, 400),
    ("no_colon", head(fields=GOOD + "Nothing here\r\n") + BODY, 400),
    ("empty_name", head(fields=GOOD + ": 1\r\n") + BODY, 400),
    # the request line
    ("two_spaces_first", head("POST  /echo HTTP/1.1") + BODY, 400),
    ("two_spaces_second", head("POST /echo  HTTP/1.1") + BODY, 400),
    ("tab_in_request_line", head("POST\t/echo HTTP/1.1") + BODY, 400),
    ("space_at_end", head("POST /echo HTTP/1.1 ") + BODY, 400),
    ("target_with_space", head("POST /ec ho HTTP/1.1") + BODY, 400),
    ("target_with_control", head("POST /ec\x01ho HTTP/1.1") + BODY, 400),
    ("target_with_high_byte", head("POST /ec\xe9ho HTTP/1.1") + BODY, 400),
    ("target_with_del", head("POST /ec\x7fho HTTP/1.1") + BODY, 400),
    ("no_target", head("POST HTTP/1.1") + BODY, 400),
    ("relative_target", head("POST echo HTTP/1.1") + BODY, 400),
    # Host
    ("two_hosts", head(fields=GOOD + "Host: y\r\n") + BODY, 400),
    ("no_host", head(fields="Content-Type: application/json\r\n") + BODY, 400),
    ("two_hosts_on_1_0", head("POST /echo HTTP/1.0", fields=GOOD + "Host: y\r\n") + BODY, 400),
    # versions
    ("http_0_9", head("GET /echo HTTP/0.9", framing=""), 505),
    ("http_2_0", head("POST /echo HTTP/2.0") + BODY, 505),
    ("ice_1_0", head("GET /echo ICE/1.0", framing=""), 505),
    ("rtsp_1_0", head("GET /echo RTSP/1.0", framing=""), 505),
    ("http_1_2", head("POST /echo HTTP/1.2") + BODY, 505),
    ("no_version", b"GET /echo\r\n\r\n", 400),
    ("lower_case_version", head("POST /echo http/1.1") + BODY, 505),
    # chunks
    ("chunk_size_empty", chunks(b"\r\n" + BODY + b"\r\n", LAST), 400),
    ("chunk_size_plus", chunks(b"+1\r\nx\r\n", LAST), 400),
    ("chunk_size_0x", chunks(b"0x1\r\nx\r\n", LAST), 400),
    ("chunk_size_space", chunks(b"1 \r\nx\r\n", LAST), 400),
    ("chunk_size_16_digits", chunks(b"0000000000000001\r\nx\r\n", LAST), 400),
    ("chunk_size_huge", chunks(b"ffffffffffffffff1\r\nx\r\n", LAST), 400),
    ("chunk_bare_lf", chunks(b"1\nx\r\n", LAST), 400),
    ("chunk_data_without_crlf", chunks(b"1\r\nxy\r\n", LAST), 400),
    ("chunk_data_lf", chunks(b"1\r\nx\n", LAST), 400),
    ("chunk_negative", chunks(b"-1\r\nx\r\n", LAST), 400),
    ("chunk_extension_long", chunks(b"1;a=" + b"b" * 300 + b"\r\nx\r\n", LAST), 400),
    ("trailer_long", chunks(chunk(BODY), b"0\r\n", b"X-T: " + b"t" * 9000 + b"\r\n\r\n"), 400),
    ("trailer_fold", chunks(chunk(BODY), b"0\r\nX-T: 1\r\n 2\r\n\r\n"), 400),
    # what is not offered
    ("connect", b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 501),
    ("upgrade_websocket", head("GET /echo HTTP/1.1", framing="Upgrade: websocket\r\nConnection: Upgrade\r\n"), 501),
    ("upgrade_h2c", head("GET /echo HTTP/1.1", framing="Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"), 501),
    ("http_2_preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501),
    ("unknown_method", head("BREW /echo HTTP/1.1") + BODY, 501),
    ("lower_case_method", head("post /echo HTTP/1.1") + BODY, 501),
    ("trace", head("TRACE /echo HTTP/1.1", framing=""), 501),
    # sizes
    ("head_200_kb", head(fields=GOOD + "X-Long: " + "y" * 200000 + "\r\n") + BODY, 431),
    ("head_many_fields", head(fields=GOOD + "".join("X-%d: 1\r\n" % i for i in range(120))) + BODY, 431),
    ("body_over_cap", head(framing=CL % 40000000) + b" " * 40000000, 413),
    ("chunked_over_cap", chunks(*[chunk(b" " * (1 << 20))] * 17, LAST), 413),
    ("content_encoding", head(fields=GOOD + "Content-Encoding: gzip\r\n") + BODY, 415),
    # not HTTP at all
    ("tls_hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ("garbage", b"\0\0\0\0\r\n\r\n", 400),
    # JSON that cannot be read
    ("json_broken", post(body='{"model":"warm"'), 400),
    ("json_twice", post(body='{"model":"warm","model":"warm"}'), 400),
    ("json_twice_escaped", post(body='{"model":"warm","\\u006dodel":"warm"}'), 400),
    ("json_not_a_string", post(body='{"model":7}'), 400),
    ("json_empty", post(body='{"model":""}'), 400),
    ("json_nul", post(body='{"model":"warm\\u0000"}'), 400),
    ("json_long", post(body='{"model":"%s"}' % ("w" * 600)), 400),
    ("json_lone_surrogate", post(body='{"model":"warm","x":"\\ud800"}'), 400),
    ("json_bad_utf8", post(body=b'{"model":"warm","x":"\xff"}'), 400),
    ("json_deep", post(body='{"model":"warm","x":' + "[" * 70 + "]" * 70 + "}"), 400),
    ("json_array", post(body='["model","warm"]'), 400),
    ("json_behind", post(body='{"model":"warm"} x'), 400),
    ("no_model", post(body='{"x":1}'), 400),
    ("unknown_model", post("nobody"), 404),
]


class Rejected(wire.Case):
    def reject(self, data, status, understood):
        before = self.upstream.bytes
        with self.stack.client() as client:
            try:
                client.send(data)
            except ConnectionError:
                pass  # it was answered before everything was sent
            answer = client.answer()
            self.assertEqual(answer.status, status, answer.body)
            error = answer.json()["error"]
            self.assertTrue(error["message"] and error["type"] and error["code"], error)
            if not understood:
                self.assertEqual(answer.get("connection"), "close")
                self.assertTrue(client.ended())
        self.assertEqual(self.upstream.bytes, before, "bytes reached the upstream")


def add_row(name, data, status):
    # Whole HTTP requests that ask for what cannot be: the connection goes on behind them.
    understood = name.startswith("json_") or name in ("no_model", "unknown_model", "content_encoding")
    setattr(Rejected, "test_" + name, lambda self: self.reject(data, status, understood))


for row in ROWS:
    add_row(*row)


class RejectedByteByByte(wire.Case):
    """The same in pieces: where the reads end must not matter."""

    def test_rows(self):
        for name, data, status in ROWS:
            if len(data) > 2000:
                continue
            with self.subTest(name), self.stack.client() as client:
                try:
                    for i in range(0, len(data), 7):
                        client.send(data[i:i + 7])
                except ConnectionError:
                    pass
                self.assertEqual(client.answer().status, status)
        self.assertEqual(self.upstream.bytes, 0)


class Accepted(wire.Case):
    """What must pass, so that the rejections above are not for nothing."""

    def served(self, data, body=BODY):
        self.stack.warm_up()
        answer = self.stack.ask(data)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.json()["body"].encode("latin-1"), body)
        return dict((n.lower(), v) for n, v in answer.json()["fields"])

    def test_plain(self):
        fields = self.served(head() + BODY)
        self.assertEqual(fields["content-length"], str(N))

    def test_one_crlf_before(self):
        self.served(b"\r\n" + head() + BODY)

    def test_chunked_leaves_with_our_length(self):
        fields = self.served(chunks(chunk(BODY[:7]), chunk(BODY[7:]), LAST))
        self.assertEqual(fields["content-length"], str(N))
        self.assertNotIn("transfer-encoding", fields)

    def test_chunk_extension_is_dropped(self):
        self.served(chunks(b"%x;name=value\r\n%s\r\n" % (N, BODY), LAST))

    def test_trailers_are_dropped(self):
        fields = self.served(chunks(chunk(BODY), b"0\r\nX-Trailer: 1\r\nContent-Length: 99\r\n\r\n"))
        self.assertNotIn("x-trailer", fields)
        self.assertEqual(fields["content-length"], str(N))

    def test_te_in_any_case(self):
        self.served(head(framing="TRANSFER-ENCODING: ChunKed\r\n") + chunk(BODY) + LAST)

    def test_chunked_byte_by_byte(self):
        self.stack.warm_up()
        with self.stack.client() as client:
            for byte in chunks(chunk(BODY[:9]), chunk(BODY[9:]), LAST):
                client.send(bytes([byte]))
            self.assertEqual(client.answer().json()["body"].encode(), BODY)

    def test_http_1_0_without_host(self):
        self.served(head("POST /echo HTTP/1.0", fields="Content-Type: application/json\r\n") + BODY)

    def test_absolute_target(self):
        self.stack.warm_up()
        answer = self.stack.ask(head("POST http://x/echo?a=b HTTP/1.1") + BODY)
        self.assertEqual(answer.json()["target"], "/echo?a=b")

    def test_high_bytes_in_a_value(self):
        self.served(head(fields=GOOD + "X-Name: caf\xe9\r\n") + BODY)

    def test_escaped_key_is_model(self):
        body = b'{"\\u006dodel":"war\\u006d"}'
        answer = self.stack.ask(post(body=body))
        self.assertEqual(answer.status, 200)

    def test_hop_by_hop_fields_stay(self):
        fields = self.served(head(fields=GOOD + "Connection: x-secret, te, content-length, host\r\nX-Secret: 1\r\n"
                                  "TE: trailers\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: no\r\nTrailer: x\r\n"
                                  "X-Kept: yes\r\n") + BODY)
        for name in ("connection", "x-secret", "te", "keep-alive", "proxy-authorization", "trailer"):
            self.assertNotIn(name, fields)
        self.assertEqual(fields["x-kept"], "yes")
        self.assertEqual(fields["host"], "127.0.0.1:%d" % self.upstream.port)

    def test_expect_is_not_forwarded(self):
        self.stack.warm_up()
        with self.stack.client() as client:
            client.send(head(fields=GOOD + "Expect: 100-continue\r\n"))
            self.assertEqual(client.head()[0], 100)
            answer = client.send(BODY).answer()
            self.assertNotIn("expect", [n.lower() for n, _ in answer.json()["fields"]])

    def test_expect_with_a_body_too_large(self):
        with self.stack.client() as client:
            client.send(head(fields=GOOD + "Expect: 100-continue\r\n", framing=CL % 40000000))
            self.assertEqual(client.answer().status, 413)


if __name__ == "__main__":
    wire.main()
