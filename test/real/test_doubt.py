"""What is believed warm and answers cold: the belief is taken back, with both numbers, and proven again (W3, W4, P9).

The server drops its model without a word, as servers do when another model needs the room or a timer runs out, and has no
page to ask. From then on it answers from the disk, slowly, until somebody loads the model again."""

import http.server
import json
import threading
import time

from harness import FOREWARM, Bench, chat, main, request, resource, skip_without, wait_for

CHAT = "/v1/chat/completions"
WARM_S, COLD_S, LOAD_S = 0.02, 0.9, 0.4


class Forgetful(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.loaded = False
        self.loads = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = self.server
        if self.path == "/load":
            threading.Event().wait(LOAD_S)
            server.loaded = True
            server.loads += 1
        elif self.path == "/unload":
            server.loaded = False
        else:
            threading.Event().wait(WARM_S if server.loaded else COLD_S)
        body = b'{"choices":[]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Doubt(Bench):
    def start(self, warmer=None, **more):
        server = Forgetful()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        warmer = warmer or {"kind": "http", "load": {"method": "POST", "path": "/load"}, "unload": {"method": "POST", "path": "/unload"}}
        probe = {"path": CHAT, "body": json.dumps(chat("m")), "timeout": "10s"}
        daemon = self.start_forewarm(self.config([resource("m", server.server_port, warmer=warmer, probe=probe, **more)]))
        return server, daemon

    def ask(self, daemon, count):
        waited = 0
        for _ in range(count):
            answer = daemon.ask("POST", CHAT, chat("m"))
            self.assertEqual(answer.status, 200, answer)
            waited += answer.seconds
        return waited

    def quiet(self, pause_s=1.2):
        """What was answered less than a second before is still there: nobody drops it so soon."""
        end = time.monotonic() + pause_s
        wait_for("a pause", lambda: time.monotonic() > end)

    def test_a_silent_drop_costs_one_slow_answer_not_all(self):
        server, daemon = self.start()
        self.ask(daemon, 20)
        self.assertEqual((server.loads, daemon.state("m")), (1, "warm"))
        self.quiet()
        server.loaded = False
        ours_s = self.ask(daemon, 8)
        naive_s = 8 * COLD_S  # a warmer that believes its own load call: every answer comes from the disk
        print(f"8 requests after the server dropped the model: naive {naive_s:.1f} s, forewarm {ours_s:.1f} s", flush=True)
        self.assertEqual(server.loads, 2, daemon.output())
        self.assertLess(ours_s, naive_s / 1.5)
        accounts = daemon.resource("m")["accounts"]
        self.assertEqual((accounts["doubted"], accounts["warmups"]["doubt"]), (1, 1), accounts)
        self.assertGreater(accounts["regret_s"], 0.7)
        why = daemon.api("GET", "/v1/resources/m/why").json()["decisions"]
        proof = next(d for d in why if d["action"] == "prove")
        self.assertEqual(proof["reason"], "doubted")
        self.assertGreater(proof["numbers"][0], 0.8e9)
        self.assertLess(proof["numbers"][1], 0.3e9)
        self.assertIn("answered at cold speed", daemon.output())
        self.assertIn('forewarm_doubted_total{resource="m"} 1', daemon.api("GET", "/metrics").body.decode())

    def test_a_crowd_raises_no_doubt(self):
        server, daemon = self.start()
        self.ask(daemon, 20)
        threads = [threading.Thread(target=self.ask, args=(daemon, 5)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((server.loads, daemon.resource("m")["accounts"]["doubted"]), (1, 0))

    def test_cold_is_told_from_traffic_alone(self):
        """No warmer, no page to ask: the answers' own times are all there is."""
        server, daemon = self.start(warmer={"kind": "none"})
        server.loaded = True
        self.ask(daemon, 20)
        self.quiet()
        server.loaded = False
        self.ask(daemon, 1)
        server.loaded = True  # the request made it load
        wait_for("the cold answer is counted", lambda: daemon.resource("m")["accounts"]["doubted"] == 1)
        self.ask(daemon, 1)
        self.assertAlmostEqual(daemon.resource("m")["load_expected_s"], COLD_S - WARM_S, delta=0.3)

    def test_cold_is_told_from_what_others_saw(self):
        """Sidecar: the requests go elsewhere, and observations say how long they took to begin."""
        _, daemon = self.start(warmer={"kind": "none"})
        for i in range(24):
            answer = daemon.api("POST", "/v1/observations", {"resource": "m", "first_byte_s": 0.02 + i % 5 / 1000})
            self.assertEqual(answer.status, 200, answer)
        self.quiet(2.7)
        daemon.api("POST", "/v1/observations", {"resource": "m", "first_byte_s": 1.5})
        accounts = daemon.resource("m")["accounts"]
        self.assertEqual((accounts["requests"], accounts["doubted"]), (25, 1))
        self.assertAlmostEqual(accounts["regret_s"], 1.48, delta=0.01)
        self.assertAlmostEqual(daemon.resource("m")["load_expected_s"], 1.48, delta=0.02)


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
