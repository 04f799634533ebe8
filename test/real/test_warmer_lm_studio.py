"""The lm-studio warmer against a strict double of both of LM Studio's APIs (P8, W1, W4, W5)."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles"))

from harness import FOREWARM, Bench, chat, main, request, skip_without, wait_for
from lm_studio import LmStudio

CHAT = "/v1/chat/completions"
MODELS = {"m": "llm", "e": "embeddings"}


def side_by_side(what, naive_s, ours_s):
    print(f"  {what}: a user waited {naive_s:.2f} s after a naive warm-up, {ours_s:.2f} s after ours", flush=True)


class LmStudioWarmer(Bench):
    def double(self, **options):
        double = LmStudio(dict(MODELS), **options)
        self.addCleanup(double.close)
        self.addCleanup(lambda: self.assertEqual(double.refused, []))
        return double

    def forewarm(self, double, *models, kind="lm-studio", **more):
        return self.start_forewarm(self.config([
            {"id": m, "upstream": double.url, "warmer": {"kind": kind}, "load_time": "2s"} for m in models], **more))

    def warm(self, daemon, id="m"):
        answer = daemon.api("POST", "/warmup", {"resource": id}).json()
        self.assertEqual((answer.get("status"), answer.get("ready")), ("warmed", True), (answer, daemon.output()))

    def ask(self, daemon):
        answer = daemon.ask("POST", CHAT, chat("m"))
        self.assertEqual((answer.status, answer.headers["x-forewarm-state"]), (200, "warm"), answer)
        return answer.seconds

    def test_a_load_is_no_inference_and_a_second_load_is_a_second_copy(self):
        naive, ours = self.double(), self.double()
        for _ in range(2):
            request(naive.server_port, "POST", "/api/v1/models/load", {"model": "m"})
        naive_s = request(naive.server_port, "POST", CHAT, chat("m")).seconds
        request(ours.server_port, "POST", "/api/v1/models/load", {"model": "m"})
        daemon = self.forewarm(ours, "m")
        self.warm(daemon)
        ours_s = self.ask(daemon)
        side_by_side("a load alone", naive_s, ours_s)
        self.assertGreater(naive_s, naive.first_s)
        self.assertLess(ours_s, ours.first_s)
        self.assertEqual((naive.loads, ours.loads), (["m", "m:2"], ["m"]))

    def test_unloaded_is_when_it_is_gone(self):
        double = self.double(unload_s=0.6)
        daemon = self.forewarm(double, "m", "e")
        self.warm(daemon)
        self.warm(daemon, "e")
        self.assertEqual(sorted(double.instances), ["e", "m"])
        for id in ("m", "e"):
            self.assertEqual(daemon.api("POST", f"/v1/resources/{id}/unload").status // 100, 2)
            wait_for("it is cold", lambda: daemon.state(id) == "cold")
            self.assertEqual(double.of(id), [])

    def test_before_version_0_4_an_inference_loads_and_its_ttl_keeps(self):
        naive, ours = self.double(version=0, default_ttl_s=0.5), self.double(version=0, default_ttl_s=0.5)
        request(naive.server_port, "POST", CHAT, chat("m"))
        daemon = self.forewarm(ours, "m")
        self.warm(daemon)
        wait_for("the naive one's ttl is over", lambda: request(naive.server_port, "GET", "/api/v0/models").json()["data"][0]["state"] != "loaded")
        naive_s, ours_s = request(naive.server_port, "POST", CHAT, chat("m")).seconds, self.ask(daemon)
        side_by_side("the default ttl", naive_s, ours_s)
        self.assertGreater(naive_s, naive.load_s)
        self.assertLess(ours_s, ours.load_s)
        self.assertEqual(daemon.api("POST", "/v1/resources/m/unload").status // 100, 2)
        wait_for("it is cold", lambda: daemon.state("m") == "cold")
        self.assertEqual(ours.instances, {})

    def test_what_it_loses_is_noticed_and_what_it_has_is_taken_over(self):
        double = self.double()
        daemon = self.forewarm(double, "m")
        self.warm(daemon)
        daemon.stop()
        again = self.start_forewarm(daemon.config, log="again.log")
        wait_for("it is taken over", lambda: again.state("m") == "warm")
        with double.lock:
            double.instances.clear()
        wait_for("its loss is noticed", lambda: again.state("m") == "cold")
        self.assertEqual(double.loads, ["m"], "looking must not load")

    def test_it_answers_200_to_anything_and_is_recognised(self):
        double = self.double()
        daemon = self.forewarm(double, "m", kind="ollama")
        error = daemon.api("POST", "/warmup", {"resource": "m"}).json()["error"]
        self.assertIn(f"expected Ollama at {double.url}, found LM Studio: GET /api/version answered 200 and something else", error)
        daemon = self.forewarm(double, "absent", state="memory:")
        error = daemon.api("POST", "/warmup", {"resource": "absent"}).json()["error"]
        self.assertIn('has no model "absent"', error)


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
