"""A health page is not warmth: forewarm says warm only after a real inference (W1, W3, P9)."""

import http.server
import json
import threading
import time

from harness import FOREWARM, MODELSERVER, Bench, answers, chat, free_port, main, modelserver_command, request, resource, skip_without, wait_for

CHAT = "/v1/chat/completions"


class Liar(http.server.ThreadingHTTPServer):
    """Says /health at once. What it answers to inferences is set by the test."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), LiarHandler)
        self.answer = (200, b'{"choices":[]}')
        self.delays_s = []  # of the inferences to come; none left: at once
        self.inferences = 0
        self.health_checks = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class LiarHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.server.health_checks += 1
        self.reply(200, b'{"status":"ok"}')

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == CHAT:
            self.server.inferences += 1
            if self.server.delays_s:
                threading.Event().wait(self.server.delays_s.pop(0))
            self.reply(*self.server.answer)
        else:
            self.reply(200, b"{}")


class LyingHealth(Bench):
    def start_liar(self, **more):
        liar = Liar()
        self.addCleanup(liar.server_close)
        self.addCleanup(liar.shutdown)
        warmer = {"kind": "http", "load": {"method": "POST", "path": "/load"}, "unload": {"method": "POST", "path": "/unload"}, "start_timeout": "3s"}
        probe = {"path": CHAT, "body": json.dumps(chat("m")), "timeout": "5s"}
        daemon = self.start_forewarm(self.config([resource("m", liar.server_port, warmer=warmer, probe=probe, **more)]))
        return liar, daemon

    def test_warm_is_never_said_before_the_weights_are_packed(self):
        port = free_port()
        daemon = self.start_forewarm(self.config([resource("m", port, modelserver_command("m", port, size="512MiB"))]))
        self.assertIn(daemon.api("POST", "/start-warmup", {"resource": "m"}).status, (200, 202))
        healthy_but_not_warm = 0
        while True:
            # In this order: what forewarm says, then whether it was true by then.
            said = daemon.state("m")
            healthy = answers(port, "/health")
            packed = healthy and request(port, "GET", "/state").json()["packed"]
            if said == "warm":
                self.assertTrue(packed, "forewarm said warm while the server was not")
                break
            self.assertNotEqual(said, "failed", daemon.output())
            healthy_but_not_warm += healthy and not packed
            time.sleep(0.002)
        self.assertGreater(healthy_but_not_warm, 3, "the trap was not set: health never lied")
        answer = daemon.ask("POST", CHAT, chat("m"))
        self.assertEqual((answer.status, answer.headers["x-forewarm-state"]), (200, "warm"))
        state = request(port, "GET", "/state").json()
        self.assertLess(answer.seconds, max(1.0, (state["load_s"] + state["pack_s"]) / 2), "the first request paid for the load")

    def test_one_slow_probe_is_not_enough(self):
        """The first inference after a load is expected to be slow; a resource is warm when the next one is quick."""
        liar, daemon = self.start_liar()
        liar.delays_s = [0.8]
        start = time.monotonic()
        answer = daemon.api("POST", "/warmup", {"resource": "m"}).json()
        self.assertEqual((answer["status"], answer["ready"]), ("warmed", True), answer)
        self.assertGreaterEqual(time.monotonic() - start, 0.8)
        self.assertGreaterEqual(liar.inferences, 2, "a slow first probe must be followed by a quick one")

    def test_a_server_that_cannot_infer_is_not_warm(self):
        liar, daemon = self.start_liar(hold_timeout="20s")
        liar.answer = (500, b'{"error":{"message":"CUDA out of memory"}}')
        answer = daemon.api("POST", "/warmup", {"resource": "m"}).json()
        self.assertEqual((answer["status"], answer["ready"]), ("failed", False), answer)
        self.assertIn("500", answer["error"])
        self.assertNotEqual(daemon.state("m"), "warm")
        asked = daemon.ask("POST", CHAT, chat("m"))
        self.assertEqual(asked.status, 503, asked)
        self.assertEqual(asked.json()["error"]["code"], "model_failed")
        # Once it can, requests are served again: failing never prevents use (W1).
        liar.answer = (200, b'{"choices":[]}')
        wait_for("it recovers", lambda: daemon.ask("POST", CHAT, chat("m")).status == 200)

    def test_looking_never_warms(self):
        """W3: health, status, metrics and model lists load nothing and count as no use."""
        liar, daemon = self.start_liar()
        for _ in range(5):
            for path in ("/healthz", "/readyz", "/metrics", "/v1/resources", "/v1/resources/m", "/warmup-status?resource=m", "/v1/resources/m/why"):
                self.assertEqual(daemon.api("GET", path).status, 200, path)
            self.assertEqual(daemon.ask("GET", "/v1/models").status, 200)
        self.assertEqual((liar.inferences, daemon.state("m")), (0, "cold"))
        self.assertEqual(daemon.resource("m")["accounts"]["requests"], 0)

    def test_our_own_probes_are_not_demand(self):
        liar, daemon = self.start_liar()
        daemon.api("POST", "/warmup", {"resource": "m"})
        self.assertGreater(liar.inferences, 0)
        self.assertEqual(daemon.resource("m")["accounts"]["requests"], 0)


if __name__ == "__main__":
    skip_without(FOREWARM, MODELSERVER)
    main()
