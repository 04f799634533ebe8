"""The tgi warmer against a strict double of its API (P8, W1, W5)."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles"))

from harness import FOREWARM, free_port, main, skip_without, wait_for
from bench import WarmerBench, side_by_side, timed
from tgi import Tgi

GENERATE = {"inputs": "hello", "parameters": {"max_new_tokens": 1}}


class TgiWarmer(WarmerBench):
    kind = "tgi"

    def test_health_looks_at_the_device_alone(self):
        naive, ours = self.open(Tgi()), self.open(Tgi())
        timed(naive, "GET", "/health")  # 200: a naive warmer is done
        naive_s = timed(naive, "POST", "/generate", GENERATE)
        daemon = self.forewarm(ours)
        self.warm(daemon)
        ours_s = self.ask(daemon, "/generate", GENERATE)
        side_by_side("/health says 200 before the first token", naive_s, ours_s)
        self.assertGreater(naive_s, naive.first_s)
        self.assertLess(ours_s, ours.first_s)

    def test_a_server_that_still_starts_is_waited_for(self):
        port = free_port()
        daemon = self.start_forewarm(self.config([{"id": "m", "upstream": f"http://127.0.0.1:{port}", "warmer": {"kind": "tgi"}}], default_resource="m"))
        self.assertIn(daemon.api("POST", "/start-warmup", {"resource": "m"}).status, (200, 202))
        wait_for("it waits", lambda: daemon.state("m") == "warming")
        double = self.open(Tgi(port=port))
        wait_for("it is warm", lambda: daemon.state("m") == "warm")
        self.assertGreaterEqual(len(double.asked("POST", "/generate")), 2)

    def test_overloaded_is_not_broken(self):
        double = self.open(Tgi(first_s=0))
        double.overloaded = 3
        daemon = self.forewarm(double)
        self.warm(daemon)
        self.assertEqual(double.overloaded, 0)

    def test_overloaded_for_good_is_said(self):
        double = self.open(Tgi(first_s=0))
        double.overloaded = 1 << 30
        self.assertIn('overloaded: answered 429', self.failure(self.forewarm(double, warmer={"start_timeout": "500ms"})))

    def test_unhealthy_is_noticed_and_adopted_when_well(self):
        double = self.open(Tgi(first_s=0))
        daemon = self.forewarm(double)
        self.warm(daemon)
        again = self.restart(daemon)
        double.healthy = False
        self.expect_loss(again)
        double.healthy = True
        self.warm(again)
        self.unload(again)

    def test_another_server_is_named(self):
        self.expect_other_server_named("expected TGI at URL, found vLLM: GET /info answered 404")


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
