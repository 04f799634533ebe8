"""The llama-swap warmer against a strict double of its API (P8, W1, W5)."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles"))

from harness import FOREWARM, chat, main, request, skip_without, wait_for
from bench import CHAT, WarmerBench, side_by_side, timed
from llama_swap import LlamaSwap

MODELS = {"m": True, "other/n:Q4": True, "embed": False}


class LlamaSwapWarmer(WarmerBench):
    kind = "llama-swap"

    def llama_swap(self, **options):
        return self.open(LlamaSwap(dict(MODELS), **options))

    def test_its_health_is_always_ok(self):
        naive, ours = self.llama_swap(), self.llama_swap()
        timed(naive, "GET", "/health")
        naive_s = timed(naive, "POST", CHAT, chat("m"))
        daemon = self.forewarm(ours)
        self.warm(daemon)
        ours_s = self.ask(daemon)
        side_by_side("/health is OK without a model", naive_s, ours_s)
        self.assertGreater(naive_s, naive.load_s)
        self.assertLess(ours_s, ours.first_s)

    def test_one_model_is_unloaded_and_awaited(self):
        double = self.llama_swap(stop_s=0.6)
        daemon = self.forewarm(double, "other/n:Q4")
        self.warm(daemon, "other/n:Q4")
        answer = daemon.api("POST", "/v1/resources/other%2Fn:Q4/unload")
        self.assertEqual(answer.status // 100, 2, answer)
        wait_for("it is unloaded", lambda: not double.states)
        self.assertEqual(len(double.asked("POST", "/api/models/unload/other/n:Q4")), 1)

    def test_429_is_asked_again_when_it_says(self):
        double = self.llama_swap(load_s=0, first_s=0)
        double.full = 1
        daemon = self.forewarm(double)
        self.warm(daemon)
        first, second = [call.at for call in double.asked("POST", CHAT)][:2]
        self.assertGreaterEqual(second - first, 1.0)

    def test_a_model_that_cannot_chat_is_loaded_by_its_probe(self):
        double = self.llama_swap()
        probe = {"path": "/v1/embeddings", "body": '{"model":"embed","input":"hi"}'}
        self.warm(self.forewarm(double, "embed", probe=probe), "embed")
        self.assertEqual((double.loads, double.asked("POST", CHAT)), (1, []))

    def test_what_its_groups_end_is_noticed_and_not_loaded_by_looking(self):
        double = self.llama_swap(first_s=0)
        daemon = self.forewarm(double)
        self.warm(daemon)
        again = self.restart(daemon)
        timed(double, "POST", CHAT, chat("other/n:Q4"))
        loads = double.loads
        self.expect_loss(again)
        self.assertEqual(double.loads, loads)

    def test_an_api_key(self):
        path = self.path("key")
        with open(path, "w") as out:
            out.write("sk-5e77\n")
        double = self.llama_swap(key="sk-5e77")
        daemon = self.forewarm(double, warmer={"token_file": path})
        self.warm(daemon)
        self.assertNotIn("5e77", daemon.output())

    def test_what_goes_wrong_is_said(self):
        double = self.llama_swap()
        error = self.failure(self.forewarm(double, "absent", log="absent.log"), "absent")
        self.assertIn("could not find suitable inference handler for absent", error)
        double = self.open(LlamaSwap(dict(MODELS), aliases={"gpt": "m"}), strict=False)
        error = self.failure(self.forewarm(double, "gpt", log="alias.log"), "gpt")
        self.assertIn("does not list it", error)
        self.expect_other_server_named("expected llama-swap at URL, found vLLM: GET /running answered 404")


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
