#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who may do what: tokens and scopes, signed requests from edge to core (P8), limits of clients, TLS on both listeners
and to upstreams. And that no secret is shown anywhere."""
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

from certificates import Authority
from harness import FOREWARM, SOURCE, Daemon, call, free_port, main, wait_for

CHAT = "/v1/chat/completions"
SECRET = "th3-shared-s3cret-of-edge-and-core"


def write(d, name, text):
    path = os.path.join(d.dir, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def reload(d, expect="configuration reloaded"):
    count = d.log().count(expect)
    d.write_config()
    d.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: d.log().count(expect) > count)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


# ---- tokens ----

TOKENS = """# the pages' and the people's
page-token-1  warm
dash-token-2  observe
ops-token-333 admin
app-token-444 use
both-token-55 use,observe
"""


def tokens_have_scopes():
    with Daemon(tokens_file="tokens") as d:
        write(d, "tokens", TOKENS)
        d.exec_resource("a")
        d.start()
        reads, warms, rules = "/v1/resources", "/start-warmup", "/v1/resources/a/pin"
        table = [("page-token-1", 403, 200, 403), ("dash-token-2", 200, 403, 403), ("ops-token-333", 200, 200, 200),
                 ("app-token-444", 401, 401, 401), ("both-token-55", 200, 403, 403), ("wrong-token-6", 401, 401, 401)]
        for token, *expected in table:
            answers = [d.get(reads, headers=bearer(token)), d.post(warms, {"resource": "a"}, headers=bearer(token)),
                       d.post(rules, headers=bearer(token))]
            assert [a.status if a.status != 202 else 200 for a in answers] == expected, (token, answers)
        answer = d.get(reads)
        assert answer.status == 401 and answer.headers["www-authenticate"] == 'Bearer realm="forewarm"', answer.headers
        answer = d.get(reads, headers=bearer("wrong-token-6"))
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        answer = d.post(rules, headers=bearer("dash-token-2"))
        assert 'error="insufficient_scope", scope="admin"' in answer.headers["www-authenticate"], answer.headers
        assert "scope admin" in answer.json["error"]["message"], answer
        # Whoever may ask for a warm-up may see how it goes.
        assert d.get("/warmup-status?resource=a", headers=bearer("page-token-1")).status == 200
        assert d.get("/healthz").status == 200 and d.get("/readyz").status == 200


def scopes_are_as_the_api_says():
    """docs/reference/openapi.json lists for every call which scopes may make it."""
    with open(os.path.join(SOURCE, "docs", "reference", "openapi.json")) as f:
        api = json.load(f)
    scopes = ("observe", "warm", "admin", "use")
    with Daemon(tokens_file="tokens") as d:
        write(d, "tokens", "".join(f"token-of-{scope} {scope}\n" for scope in scopes))
        d.exec_resource("a")
        d.start()
        for path, operations in api["paths"].items():
            for method, operation in operations.items():
                allowed = {scope for way in operation["security"] for scope in way["token"]} or set(scopes)
                for scope in scopes:
                    if path in ("/v1/warmups/events", "/v1/live") and scope in allowed:
                        continue  # never ends
                    answer = call(d.control, method.upper(), path.replace("{id}", "none"), headers=bearer(f"token-of-{scope}"))
                    assert (answer.status not in (401, 403)) == (scope in allowed), (method, path, scope, answer)


def the_data_plane_takes_tokens_and_does_not_pass_them_on():
    with Daemon(tokens_file="tokens") as d:
        write(d, "tokens", TOKENS)
        d.exec_resource("a")
        d.start()
        assert call(d.port, "GET", "/health").status == 200
        for headers, status in (({}, 401), (bearer("wrong-token-6"), 401), (bearer("dash-token-2"), 403),
                                (bearer("app-token-444"), 200), ({"x-forewarm-token": "app-token-444"}, 200),
                                ({"x-forewarm-token": "wrong-token", **bearer("app-token-444")}, 401)):
            answer = d.chat("a", headers=headers)
            assert answer.status == status, (headers, answer)
            assert (status == 200) == ("www-authenticate" not in answer.headers), answer.headers
        assert call(d.port, "GET", "/v1/models").status == 401
        assert d.chat("a", headers={}).json["error"]["type"] == "authentication_error"
        # A token that is taken away is worth nothing after a reload, a new one is.
        write(d, "tokens", TOKENS.replace("app-token-444", "new-token-777"))
        reload(d)
        assert d.chat("a", headers=bearer("app-token-444")).status == 401
        assert d.chat("a", headers=bearer("new-token-777")).status == 200
        # A file that is wrong changes nothing.
        write(d, "tokens", "new-token-777 use everything\n")
        reload(d, "the configuration was not reloaded")
        assert "tokens:1: scopes: word 2 is none of" in d.log()
        assert d.chat("a", headers=bearer("new-token-777")).status == 200


class Recorder:
    """An upstream that keeps what it is sent; with TLS if a certificate is given."""

    def __init__(self, answer=b'{"id":"core"}', certificate=None, delay=0.0):
        self.seen, self.answer, self.delay = [], answer, delay
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
            self.context.set_alpn_protocols(["http/1.1"])
            self.context.sni_callback = lambda connection, name, context: self.names.append(name)
        self.names, self.alpn = [], []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
                self.alpn.append(connection.selected_alpn_protocol())
            stream = connection.makefile("rb")
            while line := stream.readline():
                head = {"request": line.decode().strip()}
                while (field := stream.readline().strip()):
                    name, _, value = field.decode().partition(":")
                    head[name.lower()] = value.strip()
                head["body"] = stream.read(int(head.get("content-length", 0)))
                self.seen.append(head)
                time.sleep(self.delay)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                                   % (len(self.answer), self.answer))
        except (OSError, ssl.SSLError):
            pass

    def close(self):
        self.listener.close()


def authorization_is_ours_or_the_upstreams():
    core = Recorder()
    with Daemon(tokens_file="tokens") as d:
        write(d, "tokens", TOKENS)
        d.resources.append({"id": "a", "upstream": f"http://127.0.0.1:{core.port}", "warmer": {"kind": "none"}})
        d.start()
        assert d.chat("a", headers=bearer("app-token-444")).status == 200
        assert "authorization" not in core.seen[-1], core.seen[-1]
        assert d.chat("a", headers={"x-forewarm-token": "app-token-444", **bearer("upstreams-own-key")}).status == 200
        assert core.seen[-1]["authorization"] == "Bearer upstreams-own-key"
        assert "x-forewarm-token" not in core.seen[-1]
    core.close()


def pages_of_allowed_origins_may_bring_tokens():
    origin = {"Origin": "https://chat.example"}
    with Daemon(tokens_file="tokens", allowed_origins="https://chat.example") as d:
        write(d, "tokens", TOKENS)
        d.exec_resource("a")
        d.start()
        answer = call(d.control, "OPTIONS", "/start-warmup",
                      headers={**origin, "Access-Control-Request-Method": "POST",
                               "Access-Control-Request-Headers": "authorization"})
        assert answer.status == 204 and "authorization" in answer.headers["access-control-allow-headers"], answer.headers
        assert answer.headers["access-control-allow-origin"] == "https://chat.example"
        assert call(d.control, "OPTIONS", "/start-warmup", headers={"Origin": "https://evil.example"}).status == 403
        # The page can read why it was refused.
        for headers, status in (({}, 401), (bearer("wrong-token-6"), 401), (bearer("dash-token-2"), 403),
                                (bearer("page-token-1"), 202)):
            answer = d.post("/start-warmup", {"resource": "a"}, headers={**origin, **headers})
            assert answer.status == status or (status == 202 and answer.status == 200), answer
            assert answer.headers.get("access-control-allow-origin") == "https://chat.example", answer.headers
        answer = d.post("/start-warmup", {"resource": "a"}, headers={"Origin": "https://evil.example", **bearer("page-token-1")})
        assert answer.status == 403 and "access-control-allow-origin" not in answer.headers


# ---- edge and core ----

def sign(method, target, body=b"", edge="edge-01", secret=SECRET, at=None, nonce=None, **changes):
    at = str(int((time.time() if at is None else at) * 1000))
    nonce = nonce or os.urandom(16).hex()
    digest = hashlib.sha256(body).hexdigest()
    text = "\n".join(["forewarm-1", method, target, edge, at, nonce, digest])
    return {"x-forewarm-edge": edge, "x-forewarm-time": at, "x-forewarm-nonce": nonce, "x-forewarm-content-sha256": digest,
            "x-forewarm-signature": hmac.new(secret.encode(), text.encode(), "sha256").hexdigest(), **changes}


def core_daemon(**options):
    d = Daemon(core={"edges": [{"id": "edge-01", "secret_file": "secret"}], "skew": "1m"}, **options)
    write(d, "secret", SECRET + "\n")
    return d


def the_core_serves_only_what_is_signed():
    body = json.dumps({"model": "a", "messages": []}).encode()
    with core_daemon() as d:
        d.exec_resource("a")
        d.start()

        def send(headers, data=body):
            answer = call(d.port, "POST", CHAT, data, headers)
            return answer.status, answer.headers.get("x-forewarm-refused"), answer

        good = sign("POST", CHAT, body)
        assert send(good)[:2] == (200, None)
        nonce = os.urandom(16).hex()
        for headers, reason in (
                (good, "replayed_nonce"), ({}, "missing_signature"),
                (sign("POST", CHAT, body, at=time.time() - 61), "expired"),
                (sign("POST", CHAT, body, at=time.time() + 120), "not_yet_valid"),
                (sign("POST", CHAT, body, at=time.time() - 50), "too_old"),  # before this core began
                (sign("POST", CHAT, body, edge="edge-02"), "unknown_edge"),
                (sign("POST", CHAT, body, secret="another-secret"), "wrong_signature"),
                (sign("PUT", CHAT, body), "wrong_signature"), (sign("POST", CHAT + "?x", body), "wrong_signature"),
                (sign("POST", CHAT, b"other"), "body_changed"),
                (sign("POST", CHAT, body, **{"x-forewarm-nonce": nonce}), "wrong_signature"),
                (sign("POST", CHAT, body, **{"x-forewarm-nonce": "xyz"}), "malformed_signature")):
            status, found, answer = send(headers)
            assert (status, found) == (401, reason), (reason, found, answer)
            assert answer.json["error"]["code"] == "signature_refused" and reason in answer.json["error"]["message"]
            assert "www-authenticate" in answer.headers
        metrics = d.get("/metrics").body.decode()
        assert 'forewarm_refused_total{reason="signature"} 12' in metrics, metrics
        # What was seen stays seen through a reload.
        reload(d)
        assert send(good)[1] == "replayed_nonce"
        assert call(d.port, "GET", "/health").status == 200


def an_edge_signs_what_goes_to_its_core():
    """P8: core_endpoint, edge_id and shared_secret, from the file and from the environment."""
    for place in ("file", "environment", "names"):
        with core_daemon() as core, Daemon() as edge:
            core.exec_resource("a")
            core.start()
            address = f"http://127.0.0.1:{core.port}"
            if place == "file":
                write(edge, "secret", SECRET)
                edge.options["fallback"] = {"url": address, "edge_id": "edge-01", "shared_secret_file": "secret"}
            elif place == "names":
                write(edge, "secret", SECRET)
                edge.options.update(core_endpoint=address, edge_id="edge-01", shared_secret_file="secret")
            else:
                edge.env = {"EDGE_CORE_ENDPOINT": address, "EDGE_ID": "edge-01", "EDGE_SHARED_SECRET": SECRET}
            edge.exec_resource("a", "--load 1", on_cold="fallback")
            edge.start()
            began = time.monotonic()
            answer = edge.chat("a")
            assert answer.status == 200 and answer.headers["x-forewarm-state"] == "fallback", (answer, answer.headers)
            assert time.monotonic() - began < PATIENCE_S
            assert core.chat("a").status == 401, "the core serves strangers"
            for _ in range(3):  # on the connection that is kept
                assert edge.chat("a", headers={"x-forewarm-signature": "f" * 64}).status == 200
            edge.wait_state("a", "warm")
            assert edge.chat("a").headers["x-forewarm-state"] == "warm"
            child = edge.events("start", "a")[0]["pid"]
            with open(f"/proc/{child}/environ", "rb") as f:
                assert SECRET.encode() not in f.read(), "a model server was given the secret"


PATIENCE_S = 30


def a_refused_signature_is_told_as_what_it_is():
    with core_daemon() as core, Daemon() as edge:
        core.exec_resource("a")
        core.start()
        write(edge, "secret", "an-older-secret")
        edge.options["fallback"] = {"url": f"http://127.0.0.1:{core.port}", "edge_id": "edge-01",
                                    "shared_secret_file": "secret"}
        edge.exec_resource("a", "--load 30", on_cold="fallback")
        edge.start()
        answer = edge.chat("a")
        assert answer.status == 502 and "the core refused our signature: wrong_signature" in answer.json["error"]["message"]
        assert 'msg="the core refused a signature"' in edge.log() and 'msg="a signed request was refused"' in core.log()
        write(edge, "secret", SECRET)
        reload(edge)
        assert edge.chat("a").status == 200


# ---- whichever is sooner ----

def go_cold(d, id):
    assert d.post(f"/v1/resources/{id}/unload").status in (200, 202)
    d.wait_state(id, "cold")


def a_cold_model_is_answered_by_what_is_sooner():
    """on_cold: soonest, with a load of about a second: a quick fallback is asked, a slow one only until that is known, and
    one that is gone costs nobody his answer."""
    quick, slow = Recorder(delay=0.05), Recorder(delay=4.0)
    with Daemon(load_time="30s") as d:
        d.options["fallback"] = {"url": f"http://127.0.0.1:{quick.port}"}
        d.exec_resource("a", "--load 1", on_cold="soonest")
        d.start()
        for _ in range(3):
            answer = d.chat("a")
            assert answer.status == 200 and answer.headers["x-forewarm-state"] == "fallback", answer.headers
        d.wait_state("a", "warm")
        assert d.chat("a").headers["x-forewarm-state"] == "warm"
        why = d.get("/v1/resources/a/why").json
        assert "the fallback answers at most" in json.dumps(why), why
        go_cold(d, "a")
        assert d.chat("a").headers["x-forewarm-state"] == "fallback"
        d.wait_state("a", "warm")
        go_cold(d, "a")
        d.options["fallback"] = {"url": f"http://127.0.0.1:{slow.port}"}
        reload(d)
        answer = d.chat("a")  # nothing says yet that it is slow
        assert answer.headers["x-forewarm-state"] == "fallback"
        d.wait_state("a", "warm")
        waits = []
        for _ in range(4):  # the mean follows: 1/4 of the difference at a time
            go_cold(d, "a")
            began = time.monotonic()
            state = d.chat("a").headers["x-forewarm-state"]
            waits.append((state, round(time.monotonic() - began, 1)))
            d.wait_state("a", "warm")
        assert waits[-1][0] == "cold" and waits[-1][1] < 4, waits
        # Gone: held instead, and counted once.
        slow.close()
        quick.close()
        d.options["fallback"] = {"url": f"http://127.0.0.1:{free_port()}"}
        d.exec_resource("b", "--load 1", on_cold="soonest")
        reload(d)
        answer = d.chat("b")
        assert answer.status == 200 and answer.headers["x-forewarm-state"] == "cold", (answer, answer.headers)
        assert d.resource("b")["accounts"]["requests"] == 1, d.resource("b")


# ---- limits of clients ----

def a_client_has_its_share():
    with Daemon(client_requests=1, client_burst=4) as d:
        d.exec_resource("a")
        d.start()
        answers = [call(d.port, "GET", "/v1/models") for _ in range(12)]
        served = [a for a in answers if a.status == 200]
        refused = [a for a in answers if a.status == 429]
        assert len(served) + len(refused) == 12 and refused, answers
        assert refused[0].headers["retry-after"] == "1" and refused[0].json["error"]["code"] == "too_many_requests"
        assert refused[0].json["error"]["type"] == "rate_limit_error"
        wait_for("the client to be served again", lambda: call(d.port, "GET", "/v1/models").status == 200)


def a_client_has_so_many_connections():
    with Daemon(client_connections=5) as d:
        d.exec_resource("a")
        d.start()
        open_ones = []
        for _ in range(5):
            connection = socket.create_connection(("127.0.0.1", d.port))
            connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 200", "one of the first five was refused"
            open_ones.append(connection)
        answer = call(d.port, "GET", "/health")
        assert answer.status == 429 and answer.headers["retry-after"] == "1", answer
        open_ones.pop().close()
        wait_for("a place to be free", lambda: call(d.port, "GET", "/health").status == 200)
        for connection in open_ones:
            connection.close()
        wait_for("every place to be free", lambda: call(d.control, "GET", "/healthz").status == 200)
        metrics = d.get("/metrics").body.decode()
        assert 'forewarm_refused_total{reason="client_connections"}' in metrics


# ---- secrets ----

def nothing_secret_is_shown():
    """Right and wrong tokens, secrets of both kinds, a key, users' own keys: everything is sent and asked for, at debug
    level, and then looked for in every output there is."""
    private = {"admin": "adm1n-s3cret-token", "use": "us3-s3cret-token", "wrong": "wr0ng-s3cret-token", "shared": SECRET,
               "stale": "an0ther-shared-s3cret", "user": "us3rs-own-key-of-the-upstream", "half": "us3-s3cret-toke"}
    shown = []
    with core_daemon(log_level="debug") as core, Daemon(log_level="debug", tokens_file="tokens", state="sqlite:state.db",
                                                        journal="journal", fallback={}) as d:
        authority = Authority(d.dir)
        certificate, key = authority.sign("edge")
        core.exec_resource("a")
        core.start()
        write(d, "tokens", f"{private['admin']} admin\n{private['use']} use\n")
        write(d, "stale", private["stale"])
        write(d, "secret", SECRET)
        d.options["fallback"] = {"url": f"http://127.0.0.1:{core.port}", "edge_id": "edge-01", "shared_secret_file": "stale"}
        d.exec_resource("a", "--load 1", on_cold="fallback")
        d.exec_resource("bad", "--crash 0.1", on_cold="fallback")
        d.start()
        admin = bearer(private["admin"])
        for model in ("a", "bad", "none"):
            for headers in (bearer(private["use"]), bearer(private["wrong"]), bearer(private["half"]),
                            {"x-forewarm-token": private["use"], **bearer(private["user"])}):
                answer = d.chat(model, headers=headers)
                shown.append(repr(answer.headers) + repr(answer.body))
        d.options["fallback"]["shared_secret_file"] = "secret"
        reload(d)
        for path in ("/v1/resources", "/v1/resources/a", "/v1/resources/a/why", "/v1/resources/bad/why", "/metrics", "/",
                     "/v1/predictions", "/nowhere"):
            for headers in (admin, bearer(private["wrong"])):
                answer = d.get(path, headers=headers)
                shown.append(repr(answer.headers) + repr(answer.body))
        assert d.chat("a", headers=bearer(private["use"])).status == 200
        for text in (f"{private['use']} us3\n", private["use"], f"x {private['use']}"):  # files that are wrong
            write(d, "tokens", text + "\n")
            reload(d, "the configuration was not reloaded")
        write(d, "tokens", f"{private['admin']} admin\n{private['use']} use\n")
        api = ["--api", f"http://127.0.0.1:{d.control}", "--token-file", write(d, "admin", private["admin"])]
        wrong = ["--api", f"http://127.0.0.1:{d.control}", "--token-file", write(d, "wrong", private["wrong"])]
        for command in (["status", *api], ["why", "a", *api], ["status", "--json", *api], ["status", *wrong],
                        ["check", "-c", d.config], ["options"], ["errors"]):
            run = subprocess.run([FOREWARM, *command], capture_output=True, text=True, cwd=d.dir,
                                 env={**os.environ, "EDGE_SHARED_SECRET": SECRET})
            shown.append(run.stdout + run.stderr)
        with open(f"/proc/{d.process.pid}/cmdline", "rb") as f:
            shown.append(repr(f.read()))
        d.stop()
        core.stop()
        with open(key) as f:
            private["key"] = f.read().splitlines()[1]
        for name in ("journal", "state.db", "state.db-wal"):
            if os.path.exists(os.path.join(d.dir, name)):
                with open(os.path.join(d.dir, name), "rb") as f:
                    shown.append(f.read().decode("latin1"))
        shown += [d.log(), core.log()]
        assert "signature" in d.log() and len(shown) > 20
        for name, word in private.items():
            for text in shown:
                at = text.find(word)
                assert at < 0, f"the {name} secret is shown: {text[max(0, at - 200):at + 60]!r}"


if __name__ == "__main__":
    main([tokens_have_scopes, scopes_are_as_the_api_says, the_data_plane_takes_tokens_and_does_not_pass_them_on, authorization_is_ours_or_the_upstreams,
          pages_of_allowed_origins_may_bring_tokens, the_core_serves_only_what_is_signed, an_edge_signs_what_goes_to_its_core,
          a_refused_signature_is_told_as_what_it_is, a_cold_model_is_answered_by_what_is_sooner, a_client_has_its_share, a_client_has_so_many_connections, nothing_secret_is_shown])
