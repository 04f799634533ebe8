"""The ollama warmer against a strict double of its API: load, state, probe, unload, footprint, adoption, and the cases in
which a naive warmer is wrong (P8, W1, W4, W5). Seconds a user waited are printed side by side."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles"))

from harness import FOREWARM, Bench, chat, main, request, skip_without, wait_for
from double import Double
from ollama import Ollama

GIB = 1 << 30
CHAT = "/v1/chat/completions"
MODELS = {"qwen:latest": {"size": 5 * GIB}, "llama:8b": {"size": 4 * GIB}, "nomic:latest": {"size": GIB, "embeds": True}}


def side_by_side(what, naive_s, ours_s):
    print(f"  {what}: a user waited {naive_s:.2f} s after a naive warm-up, {ours_s:.2f} s after ours", flush=True)


class OllamaWarmer(Bench):
    def double(self, strict=True, **options):
        double = Ollama(dict(MODELS), **options)
        self.addCleanup(double.close)
        if strict:
            self.addCleanup(lambda: self.assertEqual(double.refused, []))
        return double

    def forewarm(self, double, *models, resource=None, **more):
        resources = [{"id": m, "upstream": double.url, "warmer": {"kind": "ollama"}, "load_time": "2s", **(resource or {})} for m in models]
        return self.start_forewarm(self.config(resources, **more))

    def ask_naive(self, double, model="qwen", **more):
        answer = request(double.server_port, "POST", CHAT, chat(model, **more))
        self.assertEqual(answer.status, 200, answer)
        return answer.seconds

    def ask(self, daemon, model="qwen", **more):
        answer = daemon.ask("POST", CHAT, chat(model, **more))
        self.assertEqual((answer.status, answer.headers["x-forewarm-state"]), (200, "warm"), answer)
        return answer.seconds

    def warm(self, daemon, model="qwen"):
        answer = daemon.api("POST", "/warmup", {"resource": model}).json()
        self.assertEqual((answer.get("status"), answer.get("ready")), ("warmed", True), (answer, daemon.output()))

    def test_an_empty_load_evaluates_nothing(self):
        naive, ours = self.double(), self.double()
        answer = request(naive.server_port, "POST", "/api/generate", {"model": "qwen"})
        self.assertEqual((answer.json()["done_reason"], naive.evaluations), ("load", 0))
        naive_s = self.ask_naive(naive)
        daemon = self.forewarm(ours, "qwen")
        self.warm(daemon)
        self.assertGreaterEqual(ours.evaluations, 2)
        self.assertEqual(len(ours.loads), 1)
        ours_s = self.ask(daemon)
        side_by_side("empty load", naive_s, ours_s)
        self.assertGreater(naive_s, naive.first_s)
        self.assertLess(ours_s, ours.first_s)

    def test_listed_is_not_loaded(self):
        naive, ours = self.double(load_s=1.0), self.double(load_s=1.0)
        threading.Thread(target=lambda: request(naive.server_port, "POST", "/api/generate", {"model": "qwen"}), daemon=True).start()
        wait_for("it is listed", lambda: request(naive.server_port, "GET", "/api/ps").json()["models"])
        naive_s = self.ask_naive(naive)
        daemon = self.forewarm(ours, "qwen")
        self.assertIn(daemon.api("POST", "/start-warmup", {"resource": "qwen"}).status, (200, 202))
        wait_for("it is listed", lambda: request(ours.server_port, "GET", "/api/ps").json()["models"])
        self.assertEqual(daemon.state("qwen"), "warming")
        wait_for("it is warm", lambda: daemon.state("qwen") == "warm")
        ours_s = self.ask(daemon)
        side_by_side("/api/ps lists what loads", naive_s, ours_s)
        self.assertGreater(naive_s, naive.first_s)
        self.assertLess(ours_s, ours.first_s)

    def test_it_stays_until_it_is_unloaded(self):
        naive, ours = self.double(default_keep_s=0.5), self.double(default_keep_s=0.5)
        request(naive.server_port, "POST", "/api/generate", {"model": "qwen", "prompt": "hi", "stream": False})
        daemon = self.forewarm(ours, "qwen")
        self.warm(daemon)
        until = time.monotonic() + 1.0
        wait_for("longer than the default keep_alive", lambda: time.monotonic() > until)
        naive_s, ours_s = self.ask_naive(naive), self.ask(daemon)
        side_by_side("no keep_alive", naive_s, ours_s)
        self.assertEqual((len(naive.loads), len(ours.loads)), (2, 1))
        # A client's own keep_alive takes over; it is seen and taken back.
        self.ask(daemon, keep_alive=12)
        kept = lambda: int(request(ours.server_port, "GET", "/api/ps").json()["models"][0]["expires_at"][:4])
        self.assertLess(kept(), 2100)
        wait_for("it is kept for ever again", lambda: kept() > 2100)
        self.assertEqual(len(ours.loads), 1)

    def test_the_load_has_the_options_of_the_probe(self):
        naive, ours = self.double(), self.double()
        request(naive.server_port, "POST", "/api/generate", {"model": "qwen", "prompt": "hi", "stream": False, "keep_alive": -1})
        naive_s = self.ask_naive(naive, options={"num_ctx": 8192})
        probe = {"path": "/api/generate", "body": '{"model":"qwen","prompt":"hi","stream":false,"options":{"num_ctx":8192,"num_predict":1}}'}
        daemon = self.forewarm(ours, "qwen", resource={"probe": probe})
        self.warm(daemon)
        ours_s = self.ask(daemon, options={"num_ctx": 8192})
        side_by_side("other options load again", naive_s, ours_s)
        self.assertEqual((len(naive.loads), len(ours.loads)), (2, 1), ours.loads)
        self.assertLess(ours_s, ours.load_s)

    def test_unloaded_is_when_it_is_gone(self):
        """Room for one: what is loaded while the other still leaves spills to the CPU."""
        naive, ours = self.double(vram=6 * GIB, unload_s=0.8), self.double(vram=6 * GIB, unload_s=0.8)
        request(naive.server_port, "POST", "/api/generate", {"model": "qwen"})
        request(naive.server_port, "POST", "/api/generate", {"model": "qwen", "keep_alive": 0})
        request(naive.server_port, "POST", "/api/generate", {"model": "llama:8b", "prompt": "hi", "stream": False})
        naive_s = self.ask_naive(naive, "llama:8b")
        daemon = self.forewarm(ours, "qwen", "llama:8b", memory="6GiB", policy="lru", resource={"memory": "4GiB"})
        self.warm(daemon)
        self.assertEqual(daemon.resource("qwen")["memory_bytes"], 5 * GIB, "the server's number counts")
        self.warm(daemon, "llama:8b")
        self.assertEqual(daemon.state("qwen"), "cold")
        ours_s = self.ask(daemon, "llama:8b")
        side_by_side("room that is not free yet", naive_s, ours_s)
        self.assertLess(naive.runners["llama:8b"].size_vram, 4 * GIB)
        self.assertEqual(ours.runners["llama:8b"].size_vram, 4 * GIB)
        self.assertEqual(ours.asked("POST", "/api/generate")[-1].read_json().get("keep_alive"), -1)

    def test_a_model_that_only_embeds(self):
        naive, ours = self.double(strict=False), self.double()
        answer = request(naive.server_port, "POST", "/api/generate", {"model": "nomic"})
        self.assertEqual(answer.status, 400)
        start = time.monotonic()
        request(naive.server_port, "POST", "/api/embed", {"model": "nomic", "input": "x"})
        naive_s = time.monotonic() - start
        daemon = self.forewarm(ours, "nomic")
        self.warm(daemon, "nomic")
        answer = daemon.ask("POST", "/api/embed", {"model": "nomic", "input": "x"})
        self.assertEqual((answer.status, answer.headers["x-forewarm-state"]), (200, "warm"), answer)
        side_by_side("embeddings only", naive_s, answer.seconds)
        self.assertEqual(len(ours.loads), 1)
        self.assertEqual(daemon.api("POST", "/v1/resources/nomic/unload").status // 100, 2)
        wait_for("it is unloaded", lambda: daemon.state("nomic") == "cold")
        self.assertEqual(ours.runners, {})

    def test_what_spills_is_warm_and_said_to_be_slow(self):
        double = self.double(vram=2 * GIB)
        daemon = self.forewarm(double, "qwen")
        self.warm(daemon)
        shown = daemon.resource("qwen")
        self.assertEqual((shown["warmer"], shown["memory_bytes"]), ("ollama", 2 * GIB))
        self.assertEqual(shown["note"], "only 2GiB of its 5GiB are in the GPU, the rest runs on the CPU: warm, but slow")
        self.assertIn("the rest runs on the CPU", daemon.output())

    def test_what_it_evicts_is_noticed_and_what_it_has_is_taken_over(self):
        double = self.double()
        daemon = self.forewarm(double, "qwen", keep_children=True)
        self.warm(daemon)
        loads = len(double.loads)
        daemon.stop()
        again = self.start_forewarm(daemon.config, log="again.log")
        wait_for("it is taken over", lambda: again.state("qwen") == "warm")
        self.assertEqual(len(double.loads), loads)
        with double.lock:
            double.runners.clear()
        wait_for("its loss is noticed", lambda: again.state("qwen") == "cold")
        self.assertEqual(len(double.loads), loads, "looking must not load")

    def test_another_server_is_named(self):
        class Vllm(Double):
            routes = {("GET", "/v1/models"): "models"}

            def models(self, _call):
                return 200, {"object": "list", "data": [{"id": "m", "owned_by": "vllm"}]}

        double = Vllm()
        self.addCleanup(double.close)
        daemon = self.forewarm(double, "qwen")
        answer = daemon.api("POST", "/warmup", {"resource": "qwen"}).json()
        self.assertEqual(answer["status"], "failed")
        self.assertIn(f"expected Ollama at {double.url}, found vLLM: GET /api/version answered 404", answer["error"])

    def test_an_unknown_model_is_said_in_its_words(self):
        double = self.double()
        daemon = self.forewarm(double, "absent")
        answer = daemon.api("POST", "/warmup", {"resource": "absent"}).json()
        self.assertIn("POST /api/generate answered 404 \"model 'absent' not found\"", answer["error"])


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
