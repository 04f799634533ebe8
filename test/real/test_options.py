"""The proof is made with the options users send (W1, W3): with others the server loads a second time, and the first user
waits for that although everything said warm. And a wake-up that returns early is no proof either.

The server loads anew whenever a request's num_ctx is not the one it is loaded with, as Ollama does."""

import http.server
import json
import threading
import time

from harness import FOREWARM, Bench, main, request, resource, skip_without, wait_for

GENERATE = "/api/generate"
LOAD_S = 0.6


class Picky(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, wake_lies=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.wake_lies = wake_lies
        self.num_ctx = None  # not loaded
        self.loads = []
        self.at_once = self.most_at_once = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def load(self, num_ctx):
        with self.lock:
            if self.num_ctx != num_ctx:
                threading.Event().wait(LOAD_S)
                self.num_ctx = num_ctx
                self.loads.append(num_ctx)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = self.server
        if self.path == "/load" and server.wake_lies:
            threading.Thread(target=server.load, args=(4096,), daemon=True).start()  # answered before it is done
        elif self.path == "/load":
            server.load(4096)
        elif self.path == "/unload":
            server.num_ctx = None
        else:
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
            server.load(json.loads(body).get("options", {}).get("num_ctx", 4096))
            threading.Event().wait(0.02)
            server.at_once -= 1
        answer = b'{"response":"","done":true}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


def ask(num_ctx=None):
    body = {"model": "m", "prompt": "hi", "stream": False}
    return {**body, "options": {"num_ctx": num_ctx}} if num_ctx else body


class Options(Bench):
    def start(self, wake_lies=False, **more):
        server = Picky(wake_lies)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        warmer = {"kind": "http", "load": {"method": "POST", "path": "/load"}, "unload": {"method": "POST", "path": "/unload"}}
        probe = {"path": GENERATE, "body": json.dumps({**ask(), "options": {"num_predict": 1}}), "timeout": "10s"}
        config = self.config([resource("m", server.server_port, warmer=warmer, probe=probe, **more)])
        config["state"] = "memory:"
        return server, self.start_forewarm(config)

    def first_wait_after_a_warm_up(self, **more):
        """Users send num_ctx 8192; the model goes and is warmed again ahead; how long does the next user wait?"""
        server, daemon = self.start(**more)
        for _ in range(3):
            self.assertEqual(daemon.ask("POST", GENERATE, ask(8192)).status, 200)
        daemon.api("POST", "/v1/resources/m/unload")
        wait_for("it is cold", lambda: daemon.state("m") == "cold")
        answer = daemon.api("POST", "/warmup", {"resource": "m"}).json()
        self.assertEqual(answer["ready"], True, answer)
        return server, daemon, daemon.ask("POST", GENERATE, ask(8192)).seconds

    def test_the_wrong_options_cost_the_user_a_load(self):
        _, _, naive_s = self.first_wait_after_a_warm_up(option_keys="none")
        server, _, ours_s = self.first_wait_after_a_warm_up()
        print(f"first request after a warm-up, with num_ctx 8192: naive {naive_s:.2f} s, forewarm {ours_s:.2f} s", flush=True)
        self.assertGreater(naive_s, LOAD_S)
        self.assertLess(ours_s, LOAD_S / 2)
        self.assertEqual(server.num_ctx, 8192)

    def test_clients_that_disagree_are_counted_and_told(self):
        _, daemon = self.start()
        for num_ctx in (8192, 2048, 8192, 8192):
            daemon.ask("POST", GENERATE, ask(num_ctx))
        self.assertIn('forewarm_option_conflicts_total{resource="m"} 2', daemon.api("GET", "/metrics").body.decode())
        self.assertEqual(daemon.output().count("clients send different options"), 1)

    def test_a_wake_that_returns_early_is_no_proof(self):
        """Naive: the load call's answer counts (a probe that is not asked to be at warm speed would too)."""
        naive = Picky(wake_lies=True)
        self.addCleanup(naive.server_close)
        self.addCleanup(naive.shutdown)
        request(naive.server_port, "POST", "/load", {})
        start = time.monotonic()
        request(naive.server_port, "POST", GENERATE, ask())
        naive_s = time.monotonic() - start
        _, daemon = self.start(wake_lies=True)
        self.assertEqual(daemon.api("POST", "/warmup", {"resource": "m"}).json()["ready"], True)
        ours_s = daemon.ask("POST", GENERATE, ask()).seconds
        print(f"first request after a wake-up that returned early: naive {naive_s:.2f} s, forewarm {ours_s:.2f} s", flush=True)
        self.assertGreater(naive_s, LOAD_S / 2)
        self.assertLess(ours_s, LOAD_S / 2)

    def test_every_lazy_instance_gets_a_probe(self):
        server, daemon = self.start(probe_count=4)
        self.assertEqual(daemon.api("POST", "/warmup", {"resource": "m"}).json()["ready"], True)
        self.assertGreaterEqual(server.most_at_once, 4)


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
