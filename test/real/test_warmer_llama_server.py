"""The llama-server warmer against strict doubles of llama.cpp's server, with one model and as a router (P8, W1, W2, W4, W5)."""

import os
import sys

DOUBLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles")
sys.path.insert(0, DOUBLES)

from harness import FOREWARM, Bench, chat, free_port, main, request, skip_without, wait_for
from llama_server import LlamaServer, Router
from ollama import Ollama

CHAT = "/v1/chat/completions"


def side_by_side(what, naive_s, ours_s):
    print(f"  {what}: a user waited {naive_s:.2f} s after a naive warm-up, {ours_s:.2f} s after ours", flush=True)


class LlamaServerWarmer(Bench):
    def keep(self, double):
        self.addCleanup(double.close)
        self.addCleanup(lambda: self.assertEqual(double.refused, []))
        return double

    def resource(self, double, id="m", **more):
        return {"id": id, "upstream": double.url, "warmer": {"kind": "llama-server", **more.pop("warmer", {})}, "load_time": "2s", **more}

    def warm(self, daemon, id="m"):
        answer = daemon.api("POST", "/warmup", {"resource": id}).json()
        self.assertEqual((answer.get("status"), answer.get("ready")), ("warmed", True), (answer, daemon.output()))

    def ask(self, daemon, id="m", state="warm"):
        answer = daemon.ask("POST", CHAT, chat(id))
        self.assertEqual(answer.status, 200, (answer, daemon.output()))
        if state:
            self.assertEqual(answer.headers["x-forewarm-state"], state)
        return answer.seconds

    def naive(self, double, id="m"):
        answer = request(double.server_port, "POST", CHAT, chat(id))
        self.assertEqual(answer.status, 200, answer)
        return answer.seconds

    # ---- one model ----

    def test_health_says_nothing_about_sleep(self):
        naive, ours = (self.keep(LlamaServer(load_s=0.3, sleep_idle_s=1.0)) for _ in range(2))
        for double in (naive, ours):
            wait_for("it sleeps", double.sleeping)
        self.assertEqual(request(naive.server_port, "GET", "/health").status, 200)
        naive_s = self.naive(naive)
        daemon = self.start_forewarm(self.config([self.resource(ours)]))
        self.warm(daemon)
        ours_s = self.ask(daemon)
        side_by_side("/health is ok while it sleeps", naive_s, ours_s)
        self.assertGreater(naive_s, naive.load_s)
        self.assertLess(ours_s, ours.load_s)
        # It falls asleep by itself: that is seen, and looking does not keep it awake or wake it.
        wait_for("its sleep is noticed", lambda: daemon.state("m") == "cold")
        self.assertEqual(ours.loads, 2)

    def test_it_is_waited_for_while_it_loads(self):
        naive, ours = (self.keep(LlamaServer(load_s=1.5)) for _ in range(2))
        self.assertEqual(request(naive.server_port, "GET", "/health").status, 503)
        daemon = self.start_forewarm(self.config([self.resource(ours)]))
        self.warm(daemon)
        wait_for("the naive one says ok", lambda: request(naive.server_port, "GET", "/health").status == 200)
        naive_s, ours_s = self.naive(naive), self.ask(daemon)
        side_by_side("the first inference is slow", naive_s, ours_s)
        self.assertLess(ours_s, ours.first_s)

    def test_unloaded_is_asleep(self):
        double = self.keep(LlamaServer(load_s=0.3, sleep_idle_s=1.5))
        daemon = self.start_forewarm(self.config([self.resource(double)]))
        self.warm(daemon)
        self.assertEqual(daemon.api("POST", "/v1/resources/m/unload").status // 100, 2)
        self.assertIn(daemon.state("m"), ("draining", "unloading"))
        wait_for("it is cold", lambda: daemon.state("m") == "cold")
        self.assertTrue(double.sleeping(), "cold is said when it sleeps")
        self.ask(daemon, state=None)
        self.assertEqual(double.loads, 2)

    def test_its_sleep_is_a_level_of_a_server_that_forewarm_starts(self):
        resources = []
        for id in "ab":
            port = free_port()
            resources.append({"id": id, "upstream": f"http://127.0.0.1:{port}", "memory": "6GiB", "load_time": "2s",
                              "warmer": {"kind": "exec", "command": f"exec python3 {DOUBLES}/llama_server.py --port {port} --sleep-idle-seconds 1"},
                              "probe": {"path": "/completion", "body": '{"prompt":"x","n_predict":1}'},
                              "levels": [{"name": "asleep", "server": "llama-server", "host_memory": "1MiB", "memory": "1GiB"}]})
        daemon = self.start_forewarm(self.config(resources, memory="8GiB", host_memory="1GiB", policy="lru"))
        self.ask(daemon, "a", None)
        self.ask(daemon, "b", None)
        wait_for("a sleeps", lambda: daemon.state("a") == "half")
        self.ask(daemon, "a", None)
        self.assertEqual(daemon.resource("a")["levels"][0]["loads_measured"], 1)

    # ---- a router ----

    def test_success_is_not_loaded(self):
        naive, ours = self.keep(Router("m")), self.keep(Router("m"))
        self.assertTrue(request(naive.server_port, "POST", "/models/load", {"model": "m"}).json()["success"])
        wait_for("it is listed", lambda: naive.status["m"]["value"] == "loading")
        naive_s = self.naive(naive)
        daemon = self.start_forewarm(self.config([self.resource(ours)]))
        self.warm(daemon)
        ours_s = self.ask(daemon)
        side_by_side("load answers before it loads", naive_s, ours_s)
        self.assertGreater(naive_s, naive.first_s)
        self.assertLess(ours_s, ours.first_s)
        self.assertEqual(ours.loads, ["m"])

    def test_the_servers_own_progress_is_shown(self):
        """W2: nothing is learned yet and load_time says 60 s; the events know better."""
        double = self.keep(Router("m", load_s=3.0))
        daemon = self.start_forewarm(self.config([self.resource(double, load_time="60s")]))
        daemon.api("POST", "/start-warmup", {"resource": "m"})
        seen = set()

        def watch():
            status = daemon.api("GET", "/warmup-status?resource=m").json()
            if status["stage"] == "loading":
                seen.add(round(status["progress"], 2))
            return status["ready"]

        wait_for("it is warm", watch)
        shown = sorted(seen)
        print(f"  progress by the server's word: {shown}", flush=True)
        self.assertGreater(len([p for p in shown if 0.1 < p < 0.9]), 3)
        self.assertGreater(shown[-1], 0.6)

    def test_a_router_without_events(self):
        double = self.keep(Router("m", events=False))
        daemon = self.start_forewarm(self.config([self.resource(double)]))
        self.warm(daemon)
        self.assertEqual(len(double.asked("GET", "/models/sse")), 1)

    def test_a_load_that_fails_says_its_exit_code(self):
        double = self.keep(Router("m"))
        double.broken.add("m")
        daemon = self.start_forewarm(self.config([self.resource(double)], retry_min="100ms", retry_max="200ms"))
        error = daemon.api("POST", "/warmup", {"resource": "m"}).json()["error"]
        self.assertIn("its process ended with exit code 134", error)
        # The old failure stays listed until the next load is; it is not taken for that one's.
        double.broken.clear()
        wait_for("it is warm", lambda: daemon.ask("POST", CHAT, chat("m")).status == 200)

    def test_unloaded_is_when_it_is_gone(self):
        double = self.keep(Router("a", "b", unload_s=0.8))
        resources = [self.resource(double, id, memory="6GiB") for id in "ab"]
        daemon = self.start_forewarm(self.config(resources, memory="8GiB", policy="lru"))
        self.warm(daemon, "a")
        self.warm(daemon, "b")
        self.assertEqual((double.overlap, double.loads, daemon.state("a")), (1, ["a", "b"], "cold"))

    def test_what_it_evicts_is_noticed_and_what_it_has_is_taken_over(self):
        double = self.keep(Router("m"))
        daemon = self.start_forewarm(self.config([self.resource(double)]))
        self.warm(daemon)
        daemon.stop()
        again = self.start_forewarm(daemon.config, log="again.log")
        wait_for("it is taken over", lambda: again.state("m") == "warm")
        double.set("m", value="unloaded")
        wait_for("its loss is noticed", lambda: again.state("m") == "cold")
        self.assertEqual(double.loads, ["m"], "looking must not load")

    def test_too_busy_to_answer_is_not_gone(self):
        double = self.keep(Router("m"))
        daemon = self.start_forewarm(self.config([self.resource(double)]))
        self.warm(daemon)
        before = len(double.asked("GET", "/models"))
        double.free.clear()
        wait_for("three looks in vain", lambda: len(double.asked("GET", "/models")) >= before + 3)
        self.assertEqual(daemon.state("m"), "warm")
        double.free.set()
        self.ask(daemon)
        self.assertEqual(double.loads, ["m"])

    def test_an_api_key_goes_with_every_call_and_into_no_message(self):
        double = self.keep(Router("m"))
        double.api_key = "sk-very-secret"
        headers = {"Authorization": "Bearer sk-very-secret"}
        daemon = self.start_forewarm(self.config([self.resource(double, warmer={"headers": headers})], log_level="debug"))
        self.warm(daemon)
        double.api_key = "another"
        self.assertEqual(daemon.api("POST", "/v1/resources/m/unload").status // 100, 2)
        wait_for("the unload's failure is said", lambda: "answered 401" in daemon.output())
        for text in (daemon.output(), *(daemon.api("GET", path).body.decode() for path in ("/v1/resources/m", "/v1/resources/m/why", "/metrics"))):
            self.assertNotIn("very-secret", text)
        double.refused.clear()

    def test_another_server_and_an_unknown_model_are_named(self):
        ollama = Ollama({"m:latest": {"size": 1}})
        self.addCleanup(ollama.close)
        router = self.keep(Router("x", "y"))
        daemon = self.start_forewarm(self.config([self.resource(ollama), self.resource(router, "z")]))
        error = daemon.api("POST", "/warmup", {"resource": "m"}).json()["error"]
        self.assertIn(f"expected llama-server at {ollama.url}, found Ollama: GET /props answered 404", error)
        error = daemon.api("POST", "/warmup", {"resource": "z"}).json()["error"]
        self.assertIn('knows no model "z"; it has: x, y', error)


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
