"""The vllm warmer and the levels vllm-1 and vllm-2 against a strict double of vLLM's sleep mode: calls that answer before they
are done, sleep that aborts, weights that are gone, engines that die when asked twice (P8, W1, W4, W5)."""

import os
import subprocess
import sys
import threading

DOUBLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles")
sys.path.insert(0, DOUBLES)

from harness import FOREWARM, Bench, free_port, main, request, skip_without, wait_for
from ollama import Ollama
from vllm import Vllm

COMPLETE = "/v1/completions"


def ask_body(model, **more):
    return {"model": model, "prompt": "The capital of France is", "max_tokens": 1, **more}


def side_by_side(what, naive_s, ours_s):
    print(f"  {what}: a user waited {naive_s:.2f} s after a naive warm-up, {ours_s:.2f} s after ours", flush=True)


class VllmWarmer(Bench):
    def double(self, model="m", **options):
        double = Vllm(model, **options)
        self.addCleanup(double.close)
        self.addCleanup(lambda: self.assertEqual(double.refused, []))
        return double

    def resource(self, double, id="m", warmer=None, **more):
        return {"id": id, "upstream": double.url, "warmer": {"kind": "vllm", **(warmer or {})}, "load_time": "2s", **more}

    def warm(self, daemon, id="m"):
        answer = daemon.api("POST", "/warmup", {"resource": id}).json()
        self.assertEqual((answer.get("status"), answer.get("ready")), ("warmed", True), (answer, daemon.output()))

    def ask(self, daemon, id="m", state="warm"):
        answer = daemon.ask("POST", COMPLETE, ask_body(id))
        self.assertEqual(answer.status, 200, (answer, daemon.output()))
        self.assertEqual(answer.json()["choices"][0]["text"], "Paris")
        if state:
            self.assertEqual(answer.headers["x-forewarm-state"], state)
        return answer.seconds

    def unload(self, daemon, id="m"):
        self.assertEqual(daemon.api("POST", f"/v1/resources/{id}/unload").status // 100, 2)
        wait_for("it is cold", lambda: daemon.state(id) == "cold")

    def why(self, daemon, id):
        return subprocess.run([FOREWARM, "why", id, "--api", f"http://127.0.0.1:{daemon.control}"], capture_output=True, text=True, check=True).stdout

    def test_waking_answers_before_it_is_awake(self):
        naive, ours = self.double(asleep=1), self.double(asleep=1)
        self.assertEqual(request(naive.server_port, "POST", "/wake_up").status, 200)
        self.assertEqual(request(naive.server_port, "GET", "/health").status, 200)
        naive_s = request(naive.server_port, "POST", COMPLETE, ask_body("m")).seconds
        daemon = self.start_forewarm(self.config([self.resource(ours)]))
        self.warm(daemon)
        ours_s = self.ask(daemon)
        side_by_side("wake_up answers early, the first prompt is slow", naive_s, ours_s)
        self.assertGreater(naive_s, naive.early_s + naive.first_s)
        self.assertLess(ours_s, ours.first_s)
        self.assertEqual(ours.wakes, ["all"])

    def test_sleep_waits_for_what_others_run(self):
        naive, ours = self.double(), self.double()

        def stranger(double, answers):
            answers.append(request(double.server_port, "POST", COMPLETE, ask_body("m", seconds=1.5)).json()["choices"][0]["finish_reason"])

        ends = []
        for double, sleep in ((naive, lambda: request(naive.server_port, "POST", "/sleep?level=1")), (ours, None)):
            if sleep is None:
                daemon = self.start_forewarm(self.config([self.resource(ours)]))
                self.warm(daemon)
                sleep = lambda: self.unload(daemon)
            answers = []
            thread = threading.Thread(target=stranger, args=(double, answers))
            thread.start()
            wait_for("it runs", lambda: double.running)
            sleep()
            thread.join()
            ends += answers
        print(f"  sleep while another's request runs: naive {ends[0]!r}, ours {ends[1]!r}", flush=True)
        self.assertEqual(ends, ["abort", "length"])
        self.assertEqual((naive.aborted, ours.aborted, ours.sleeps), (1, 0, [1]))
        self.assertTrue(request(ours.server_port, "GET", "/is_sleeping").json()["is_sleeping"], "cold is said when it sleeps")

    def test_level_2_brings_its_weights_back(self):
        naive, ours = self.double(asleep=2), self.double(asleep=2)
        request(naive.server_port, "POST", "/wake_up")
        text = request(naive.server_port, "POST", COMPLETE, ask_body("m")).json()["choices"][0]["text"]
        daemon = self.start_forewarm(self.config([self.resource(ours, warmer={"sleep_level": 2})]))
        self.warm(daemon)
        self.ask(daemon)
        print(f"  woken from level 2: naive answers {text!r}, ours 'Paris'", flush=True)
        self.assertEqual((text, ours.garbage, ours.wakes), ("!!!!", 0, ["weights", "kv_cache"]))
        self.unload(daemon)
        self.assertEqual(ours.sleeps, [2])
        self.warm(daemon)
        self.ask(daemon)

    def test_level_1_is_a_level_and_level_2_is_cold(self):
        """W4, P8: what leaves the GPU sleeps at level 1, its way back is measured; from there to level 2 it passes through awake."""
        a, b = self.double("a", asleep=2), self.double("b", asleep=2)
        levels = [{"name": "asleep", "server": "vllm-1", "host_memory": "6GiB", "memory": "1GiB"}]
        daemon = self.start_forewarm(self.config([self.resource(d, d.model, memory="6GiB", levels=levels) for d in (a, b)],
                                                 memory="8GiB", host_memory="20GiB", policy="lru"))
        self.ask(daemon, "a", None)
        self.ask(daemon, "b", None)
        wait_for("a sleeps", lambda: daemon.state("a") == "half")
        self.assertEqual((daemon.resource("a")["level"], a.sleeps), ("asleep", [1]))
        self.ask(daemon, "a", None)
        self.assertEqual(a.wakes, ["weights", "kv_cache", "all"])
        level = daemon.resource("a")["levels"][0]
        self.assertEqual(level["loads_measured"], 1)
        self.assertIn("from level asleep it is warm in about", self.why(daemon, "a"))
        wait_for("b sleeps", lambda: daemon.state("b") == "half")
        self.unload(daemon, "b")
        self.assertEqual(b.sleeps, [1, 2])
        self.ask(daemon, "b", None)
        self.assertEqual((a.dead, b.dead, b.garbage), (False, False, 0))

    def test_levels_of_a_server_that_forewarm_starts(self):
        resources = []
        for id in "ab":
            port = free_port()
            resources.append({"id": id, "upstream": f"http://127.0.0.1:{port}", "memory": "6GiB", "load_time": "2s",
                              "warmer": {"kind": "exec", "command": f"exec python3 {DOUBLES}/vllm.py --port {port} --model {id} --start 1.5"},
                              "probe": {"path": COMPLETE, "body": f'{{"model":"{id}","prompt":"x","max_tokens":1}}', "expect_body": "Paris"},
                              "levels": [{"name": "dropped", "server": "vllm-2", "host_memory": "1MiB", "memory": "1GiB"}]})
        daemon = self.start_forewarm(self.config(resources, memory="8GiB", host_memory="1GiB", policy="lru"))
        cold_s = self.ask(daemon, "a", None)
        self.ask(daemon, "b", None)
        wait_for("a sleeps", lambda: daemon.state("a") == "half")
        woken_s = self.ask(daemon, "a", None)
        level = daemon.resource("a")["levels"][0]
        self.assertEqual(level["loads_measured"], 1, level)
        print(f"  a user waited {cold_s:.2f} s for its start, {woken_s:.2f} s for its waking from level 2", flush=True)
        self.assertLess(woken_s, cold_s)

    def test_without_sleep_mode_it_is_awake_and_that_is_said(self):
        double = self.double(dev_mode=False)
        daemon = self.start_forewarm(self.config([self.resource(double)]))
        self.warm(daemon)
        self.ask(daemon)
        self.assertIn("VLLM_SERVER_DEV_MODE=1 and --enable-sleep-mode", daemon.resource("m")["note"])

    def test_who_else_puts_it_to_sleep_is_noticed_and_awake_is_taken_over(self):
        double = self.double()
        daemon = self.start_forewarm(self.config([self.resource(double)]))
        self.warm(daemon)
        daemon.stop()
        again = self.start_forewarm(daemon.config, log="again.log")
        wait_for("it is taken over", lambda: again.state("m") == "warm")
        request(double.server_port, "POST", "/sleep?level=1")
        wait_for("it is noticed", lambda: again.state("m") == "cold")
        self.assertEqual(double.wakes, [], "looking must not wake")

    def test_another_model_and_another_server_are_named(self):
        double = self.double("other")
        daemon = self.start_forewarm(self.config([self.resource(double)]))
        error = daemon.api("POST", "/warmup", {"resource": "m"}).json()["error"]
        self.assertIn(f'vLLM at {double.url} serves "other", not "m"', error)
        ollama = Ollama({"m:latest": {"size": 1}})
        self.addCleanup(ollama.close)
        daemon = self.start_forewarm(self.config([self.resource(ollama)], state="memory:"), log="other.log")
        error = daemon.api("POST", "/warmup", {"resource": "m"}).json()["error"]
        self.assertIn(f"expected vLLM at {ollama.url}, found Ollama: GET /v1/models answered 404", error)


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
