#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TLS: on both listeners, to upstreams, and end to end from an edge to its core; slow and broken handshakes; certificates
with something wrong."""
import http.client
import json
import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import warnings

from certificates import Authority
from harness import FOREWARM, Daemon, call, free_port, main, wait_for
from test_access import CHAT, SECRET, Recorder, bearer, core_daemon, reload, write

DIR = tempfile.TemporaryDirectory(prefix="forewarm-certificates-")
AUTHORITY = Authority(DIR.name)
GOOD = AUTHORITY.sign("good")


def client(ca=AUTHORITY.file, versions=None, alpn=None):
    context = ssl.create_default_context(cafile=ca)
    if versions:
        context.minimum_version = context.maximum_version = versions
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def secure_call(port, method, path, body=None, headers=None, context=None):
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context or client())
    try:
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        connection.request(method, path, data, headers or {})
        response = connection.getresponse()
        return response.status, response.read(), {k.lower(): v for k, v in response.getheaders()}
    finally:
        connection.close()


class SecureDaemon(Daemon):
    """Both listeners under TLS."""

    def __init__(self, certificate=GOOD, **options):
        files = {"certificate": certificate[0], "key": certificate[1]}
        super().__init__(tls=files, control={"tls": dict(files)}, **options)

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.log()}")
        try:
            return secure_call(self.control, "GET", "/readyz")[0] == 200
        except OSError:
            return False

    def is_open(self):
        return self.process.poll() is None


def both_listeners_speak_tls():
    with SecureDaemon() as d:
        d.exec_resource("a")
        d.start()
        status, body, headers = secure_call(d.port, "POST", CHAT, {"model": "a", "messages": []})
        assert status == 200 and headers["x-forewarm-resource"] == "a", (status, body)
        assert secure_call(d.control, "GET", "/v1/resources/a")[0] == 200
        # 8 MiB up in one piece, and answers one after another on one connection.
        connection = http.client.HTTPSConnection("127.0.0.1", d.port, timeout=60, context=client())
        for size in (10, 8 << 20, 100_000, 16384, 16385):
            connection.request("POST", CHAT, json.dumps({"model": "a", "pad": "x" * size}))
            response = connection.getresponse()
            assert response.status == 200 and response.read()
        connection.close()
        # Oversized: told so, also under TLS.
        status, body, _ = secure_call(d.port, "POST", CHAT, b"x", {"Content-Length": str(1 << 30)})
        assert status == 413 and b"body_too_large" in body, (status, body)
        # The commands, with the authority named and without.
        api = [FOREWARM, "status", "--api", f"https://127.0.0.1:{d.control}"]
        run = subprocess.run([*api, "--ca-file", AUTHORITY.file], capture_output=True, text=True)
        assert run.returncode == 0 and "a " in run.stdout, run
        run = subprocess.run(api, capture_output=True, text=True)
        assert run.returncode == 3 and "certificate" in run.stderr, run
        # Pages of ours are recognised by their https origin.
        host = f"127.0.0.1:{d.control}"
        assert secure_call(d.control, "POST", "/start-warmup", {"resource": "a"}, {"Origin": f"https://{host}"})[0] in (200, 202)


def versions_and_protocols():
    with SecureDaemon() as d:
        d.exec_resource("a")
        d.start()

        def agree(**more):
            with socket.create_connection(("127.0.0.1", d.port)) as raw:
                with client(**more).wrap_socket(raw, server_hostname="localhost") as secure:
                    return secure.version(), secure.selected_alpn_protocol()

        assert agree() == ("TLSv1.3", None)
        assert agree(versions=ssl.TLSVersion.TLSv1_2, alpn=["h2", "http/1.1"]) == ("TLSv1.2", "http/1.1")
        for wrong in ({"alpn": ["h2"]}, {"ca": Authority(DIR.name, "stranger").file}):
            try:
                agree(**wrong)
                raise AssertionError(f"{wrong} was agreed on")
            except ssl.SSLError:
                pass
        warnings.simplefilter("ignore", DeprecationWarning)
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        try:
            with socket.create_connection(("127.0.0.1", d.port)) as raw, old.wrap_socket(raw):
                raise AssertionError("TLS 1.1 was agreed on")
        except ssl.SSLError:
            pass
        with socket.create_connection(("127.0.0.1", d.port)) as plain:  # HTTP where TLS is spoken
            plain.sendall(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
            try:
                assert b"HTTP/1.1 200" not in plain.recv(4096)
            except ConnectionResetError:
                pass
        assert 'forewarm_refused_total{reason="tls"} ' in secure_call(d.control, "GET", "/metrics")[1].decode()


def slow_handshakes_end_and_hold_nobody_up():
    """Slowloris inside TLS: nothing at all, a hello byte by byte, a head byte by byte."""
    with SecureDaemon(head_timeout="1s", idle_timeout="60s") as d:
        d.exec_resource("a")
        d.start()
        hello = ssl.MemoryBIO()
        machine = client().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost")
        try:
            machine.do_handshake()
        except ssl.SSLWantReadError:
            pass
        hello = hello.read()
        began = time.monotonic()
        silent = [socket.create_connection(("127.0.0.1", d.port)) for _ in range(50)]
        dripping = [socket.create_connection(("127.0.0.1", d.port)) for _ in range(50)]
        heads = [client().wrap_socket(socket.create_connection(("127.0.0.1", d.port)), server_hostname="localhost")
                 for _ in range(10)]
        at = 0
        stop = threading.Event()

        def drip():
            nonlocal at
            while not stop.wait(0.05):
                for connection in dripping:
                    try:
                        connection.sendall(hello[at:at + 1])
                    except OSError:
                        pass
                for connection in heads:
                    try:
                        connection.sendall(b"G" if at == 0 else b"x")
                    except (OSError, ssl.SSLError):
                        pass
                at += 1

        thread = threading.Thread(target=drip)
        thread.start()
        assert secure_call(d.port, "GET", "/health")[0] == 200

        def ended(connection):
            connection.settimeout(20)
            try:
                return connection.recv(4096)
            except (ConnectionResetError, ssl.SSLError):
                return b""

        assert all(ended(c) == b"" for c in silent + dripping)
        took = time.monotonic() - began
        assert 0.9 < took < 15, f"handshakes were cut after {took:.1f} s, head_timeout is 1 s"
        assert all(b"408" in ended(c) for c in heads)
        stop.set()
        thread.join()
        for connection in silent + dripping + heads:
            connection.close()
        wait_for("all to be gone", lambda: 'forewarm_connections{plane="data"}' not in
                 secure_call(d.control, "GET", "/metrics")[1].decode())


def a_new_certificate_is_taken_up_by_a_reload():
    with tempfile.TemporaryDirectory() as directory:
        other = Authority(directory, "other")
        first, second = AUTHORITY.sign("first"), other.sign("second")
        with SecureDaemon(first) as d:
            d.exec_resource("a")
            d.start()
            kept = http.client.HTTPSConnection("127.0.0.1", d.port, timeout=60, context=client())
            kept.request("GET", "/health")
            assert kept.getresponse().read()
            d.options["tls"] = {"certificate": second[0], "key": second[1]}
            reload(d)
            wait_for("the new certificate", lambda: tries(d.port, other.file))
            assert not tries(d.port, AUTHORITY.file)
            kept.request("GET", "/health")  # connections that are open go on
            assert kept.getresponse().status == 200
            # A key that is another certificate's changes nothing, and is named.
            d.options["tls"] = {"certificate": second[0], "key": first[1]}
            reload(d, "the configuration was not reloaded")
            assert "tls.key: " in d.log() and first[1] in d.log()
            assert tries(d.port, other.file)


def tries(port, ca):
    try:
        return secure_call(port, "GET", "/health", context=client(ca))[0] == 200
    except OSError:
        return False


def speak_plainly():
    """A server that answers whatever comes as HTTP servers without TLS do."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener


def upstreams_over_https_are_checked():
    """Each certificate problem is named; nothing of the request reaches such an upstream."""
    with tempfile.TemporaryDirectory() as directory:
        stranger = Authority(directory, "stranger")
        own = (stranger.file, stranger.key)
        cases = [("right", GOOD, None), ("expired", AUTHORITY.sign("expired", days="-1"), "has expired"),
                 ("elsewhere", AUTHORITY.sign("elsewhere", alt="DNS:other.example,IP:10.0.0.1"), "for another host than 127.0.0.1"),
                 ("unknown", stranger.sign("unknown"), "from an authority that is not trusted"),
                 ("selfmade", own, "self-signed and not among the trusted authorities")]
        servers = {name: Recorder(certificate=certificate) for name, certificate, _ in cases}
        plain = speak_plainly()
        with Daemon(ca_file=AUTHORITY.file) as d:
            for name, server in servers.items():
                d.resources.append({"id": name, "upstream": f"https://127.0.0.1:{server.port}", "warmer": {"kind": "none"}})
            d.resources.append({"id": "named", "upstream": f"https://localhost:{servers['right'].port}/base",
                                "warmer": {"kind": "none"}})
            d.resources.append({"id": "trusted", "upstream": f"https://127.0.0.1:{servers['unknown'].port}",
                                "ca_file": stranger.file, "warmer": {"kind": "none"}})
            d.resources.append({"id": "plain", "upstream": f"https://127.0.0.1:{plain.getsockname()[1]}", "warmer": {"kind": "none"}})
            d.start()
            for name, _, expected in cases:
                answer = d.chat(name)
                if expected is None:
                    assert answer.status == 200, answer
                    continue
                assert answer.status == 502 and answer.json["error"]["code"] == "certificate_refused", (name, answer)
                assert expected in answer.json["error"]["message"], (name, answer)
                assert not servers[name].seen, "a request went to a server that is not who it says"
            assert d.chat("named").status == 200
            assert servers["right"].seen[-1]["request"] == f"POST /base{CHAT} HTTP/1.1"
            assert servers["right"].names[-1] == "localhost" and servers["right"].alpn[-1] == "http/1.1"
            assert d.chat("trusted").status == 200
            answer = d.chat("plain")
            assert answer.status == 502 and "the TLS handshake failed" in answer.json["error"]["message"], answer
            # One connection serves many; a large body goes up whole.
            before = len(servers["right"].alpn)
            for _ in range(5):
                assert d.chat("right").status == 200
            assert len(servers["right"].alpn) <= before + 1, "the connection is not kept"
            body = json.dumps({"model": "right", "pad": "x" * (4 << 20)}).encode()
            assert call(d.port, "POST", CHAT, body).status == 200
            assert servers["right"].seen[-1]["body"] == body
        for server in [*servers.values(), plain]:
            server.close()


def a_cut_is_no_end_under_tls():
    """An answer that ends with its connection is whole only when TLS says so; plain closing could be an attacker's."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*GOOD)
    polite = threading.Event()

    def serve():
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            connection = context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=True)
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
            try:
                if polite.is_set():
                    connection.unwrap()
                else:
                    connection.shutdown(socket.SHUT_WR)  # FIN without close_notify
            except (OSError, ssl.SSLError):
                pass
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    with Daemon(ca_file=AUTHORITY.file) as d:
        d.resources.append({"id": "a", "upstream": f"https://127.0.0.1:{listener.getsockname()[1]}", "warmer": {"kind": "none"}})
        d.start()
        try:
            answer = d.chat("a")
            raise AssertionError(f"the cut was not shown: {answer}")
        except (http.client.IncompleteRead, ConnectionError):
            pass
        polite.set()
        answer = d.chat("a")
        assert answer.status == 200 and answer.body == b"all of it", answer
    listener.close()


def an_edge_and_its_core_over_tls():
    """Two forewarms: the edge's model is cold, the core serves meanwhile, signed and under TLS; then the edge itself."""
    with core_daemon(tls={"certificate": GOOD[0], "key": GOOD[1]}) as core, Daemon() as edge:
        core.exec_resource("a")
        core.start()
        write(edge, "secret", SECRET)
        edge.options["fallback"] = {"url": f"https://127.0.0.1:{core.port}", "edge_id": "edge-01",
                                    "shared_secret_file": "secret", "ca_file": AUTHORITY.file}
        edge.exec_resource("a", "--load 1.5", on_cold="fallback")
        edge.start()
        for _ in range(3):
            answer = edge.chat("a")
            assert answer.status == 200 and answer.headers["x-forewarm-state"] == "fallback", (answer, answer.headers)
        assert len(core.events("inference", "a")) >= 3
        edge.wait_state("a", "warm")
        assert edge.chat("a").headers["x-forewarm-state"] == "warm"
        edge.options["fallback"]["ca_file"] = Authority(edge.dir, "stranger").file
        reload(edge)
        assert edge.post("/v1/resources/a/unload").status in (200, 202)
        edge.wait_state("a", "cold")
        answer = edge.chat("a")
        assert answer.status == 502 and "not trusted" in answer.json["error"]["message"], answer


def reloads_under_load_lose_nothing():
    """Four threads, https in and out, signed, with tokens and limits, while certificates and tokens are read anew."""
    with SecureDaemon(io_threads=4, ca_file=AUTHORITY.file, tokens_file="tokens", client_connections=100,
                      client_requests=1e6, client_burst=1000) as d:
        server = Recorder(certificate=GOOD)
        write(d, "tokens", "app-token-444 use\nops-token-333 admin\n")
        d.resources.append({"id": "a", "upstream": f"https://127.0.0.1:{server.port}", "warmer": {"kind": "none"}})
        d.start()
        answers, stop = [], threading.Event()

        def ask():
            while not stop.is_set():
                connection = http.client.HTTPSConnection("127.0.0.1", d.port, timeout=60, context=client())
                for _ in range(5):
                    connection.request("POST", CHAT, json.dumps({"model": "a"}), bearer("app-token-444"))
                    response = connection.getresponse()
                    answers.append((response.status, response.read()))
                connection.close()

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for _ in range(8):
            count = len(answers)
            reload(d)
            assert secure_call(d.control, "GET", "/metrics", headers=bearer("ops-token-333"))[0] == 200
            wait_for("requests to go on", lambda: len(answers) > count + 10)
        stop.set()
        for thread in threads:
            thread.join()
        assert all(status == 200 for status, _ in answers), [a for a in answers if a[0] != 200][:3]
        server.close()


def files_that_cannot_be_used_are_named():
    with tempfile.TemporaryDirectory() as directory:
        nothing = os.path.join(directory, "nothing.pem")
        with open(nothing, "w") as f:
            f.write("no certificate\n")
        for options, words in (({"tls": {"certificate": "/nowhere.pem", "key": GOOD[1]}}, ["tls.certificate", "/nowhere.pem"]),
                               ({"tls": {"certificate": nothing, "key": GOOD[1]}}, ["tls.certificate", "expected a PEM file"]),
                               ({"tls": {"certificate": GOOD[0]}}, ["tls.key: missing"]),
                               ({"fallback": {"url": "https://h", "ca_file": nothing}}, ["fallback.ca_file", "PEM"]),
                               ({"fallback": {"url": "https://h", "shared_secret": "x"}}, ["shared_secret_file"]),
                               ({"core": {"skew": "5m"}}, ["core.edges: missing"])):
            with Daemon(**options) as d:
                d.exec_resource("a")
                d.start(wait=False)
                assert d.process.wait(30) in (2, 3), options
                d.process = None
                for word in words:
                    assert word in d.log(), (word, d.log())


if __name__ == "__main__":
    main([both_listeners_speak_tls, versions_and_protocols, slow_handshakes_end_and_hold_nobody_up,
          a_new_certificate_is_taken_up_by_a_reload, upstreams_over_https_are_checked, a_cut_is_no_end_under_tls,
          an_edge_and_its_core_over_tls, reloads_under_load_lose_nothing, files_that_cannot_be_used_are_named])
