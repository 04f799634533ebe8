"""The sablier warmer against a strict double of its API (P8, W1, W5)."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles"))

from harness import FOREWARM, chat, main, request, skip_without, wait_for
from bench import CHAT, WarmerBench, side_by_side
from sablier import Sablier

PROBE = {"path": CHAT, "body": '{"model":"m","messages":[],"max_tokens":1}'}


class SablierWarmer(WarmerBench):
    kind = "sablier"

    def warmer(self, double, warmer=None, **more):
        warmer = {"url": double.url, "names": "app, db", **(warmer or {})}
        return self.forewarm(double, warmer=warmer, upstream=double.container.url, probe=PROBE, **more)

    def sablier(self, **options):
        return self.open(Sablier(**options))

    def test_a_page_is_not_a_container(self):
        """The dynamic strategy answers 200 at once: the header says what it is worth."""
        naive, ours = self.sablier(), self.sablier()
        self.assertEqual(request(naive.server_port, "GET", "/api/strategies/dynamic?names=app&session_duration=60s").status, 200)
        start = time.monotonic()
        wait_for("the user is served", lambda: request(naive.container.server_port, "POST", CHAT, chat("m")).status == 200)
        naive_s = time.monotonic() - start
        daemon = self.warmer(ours)
        self.warm(daemon)
        ours_s = self.ask(daemon)
        side_by_side("200 with a waiting page", naive_s, ours_s)
        self.assertGreater(naive_s, naive.start_s)
        self.assertLess(ours_s, ours.first_s)
        self.assertIn("names=app&names=db", ours.calls[0].handler.path)

    def test_a_group_and_the_blocking_strategy(self):
        double = self.sablier()
        self.warm(self.warmer(double, {"group": "chat", "blocking": True, "names": ""}))
        self.assertEqual(len(double.asked("GET", "/api/strategies/blocking")), 1)

    def test_its_timeout_and_its_words(self):
        double = self.sablier(start_s=30)
        daemon = self.warmer(double, {"blocking": True, "start_timeout": "1s"})
        self.assertIn("session was not ready after the timeout", self.failure(daemon))
        daemon = self.warmer(self.sablier(), {"names": "absent"}, log="absent.log")
        self.assertIn("knows no such containers: no group or names", self.failure(daemon))

    def test_the_session_is_renewed_while_it_is_warm_and_never_after(self):
        """A session of 30 s runs out in 6 here: it is looked at every 5."""
        double = self.sablier(hurry=0.4, first_s=0)
        daemon = self.warmer(double, {"session_duration": "30s"})
        self.warm(daemon)
        until = time.monotonic() + 14
        wait_for("longer than a session", lambda: time.monotonic() > until)
        self.assertEqual((double.starts, double.is_ready()), (1, True))
        self.unload(daemon)
        asked = len(double.calls)
        wait_for("the containers stop", lambda: not double.is_up())
        self.assertEqual(len(double.calls), asked, "to ask is to start")
        self.assertEqual((double.starts, daemon.state("m")), (1, "cold"))

    def test_a_restart_starts_nothing(self):
        double = self.sablier(first_s=0)
        daemon = self.warmer(double)
        self.warm(daemon)
        daemon.stop()
        double.ends = None
        calls = len(double.calls)
        self.start_forewarm(daemon.config, log="again.log")
        self.assertEqual(len(double.calls), calls)

    def test_another_server_is_named(self):
        self.expect_other_server_named("expected Sablier at URL, found vLLM", probe=PROBE, warmer={"names": "app"}, warmer_at_upstream=True)


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
