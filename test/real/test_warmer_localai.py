"""The localai warmer against a strict double of its API (P8, W1, W5)."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles"))

from harness import FOREWARM, chat, main, request, skip_without, wait_for
from bench import CHAT, WarmerBench, side_by_side, timed
from localai import LocalAI

GIB = 1 << 30


class LocalAIWarmer(WarmerBench):
    kind = "localai"

    def localai(self, **options):
        return self.open(LocalAI({"m": 3 * GIB}, **options))

    def test_a_load_evaluates_nothing(self):
        naive, ours = self.localai(), self.localai()
        timed(naive, "POST", "/backend/load", {"model": "m"})
        naive_s = timed(naive, "POST", CHAT, chat("m"))
        daemon = self.forewarm(ours)
        self.warm(daemon)
        ours_s = self.ask(daemon)
        side_by_side("loaded, nothing evaluated", naive_s, ours_s)
        self.assertGreater(naive_s, naive.first_s)
        self.assertLess(ours_s, ours.first_s)
        wait_for("its memory is known", lambda: daemon.resource("m").get("memory_bytes") == 3 * GIB)

    def test_busy_is_asked_again(self):
        double = self.localai()
        daemon = self.forewarm(double)
        self.warm(daemon)
        double.held = 2
        self.unload(daemon)
        self.assertEqual((double.running, double.refused_busy), ({}, 2))

    def test_an_admins_key(self):
        key = self.path("key")
        with open(key, "w") as out:
            out.write("not-the-key-7f3a\n")
        double = self.localai(key="s3cret-9b1e")
        daemon = self.forewarm(double, warmer={"token_file": key}, upstream_model="m")
        error = self.failure(daemon)
        self.assertIn("An authentication key is required", error)
        with open(key, "w") as out:
            out.write("s3cret-9b1e\n")
        self.warm_after_failure(daemon)  # the file is read anew
        shown = daemon.output() + error + str(daemon.resource("m")) + daemon.api("GET", "/metrics").body.decode()
        self.assertNotIn("7f3a", shown)
        self.assertNotIn("9b1e", shown)

    def test_a_part_is_not_the_whole(self):
        double = self.localai()
        double.partial = True
        self.assertIn("could not load mmproj", self.failure(self.forewarm(double)))

    def test_lost_and_taken_over(self):
        double = self.localai()
        daemon = self.forewarm(double)
        self.warm(daemon)
        again = self.restart(daemon)
        with double.lock:
            double.running.clear()
        self.expect_loss(again)

    def test_another_server_is_named(self):
        self.expect_other_server_named("expected LocalAI at URL, found vLLM: GET /system answered 404")


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
