#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prompts of returning sessions are read again ahead by a llama-server that has lost them and is idle (F1, P9): by strict doubles
of it. Off by default; a request goes before; whatever becomes of a prefill is counted; no prompt is logged or written down."""

import os
import sys

DOUBLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles")
sys.path.insert(0, DOUBLES)

from harness import Bench, chat, main, wait_for
from llama_server import LlamaServer

CHAT = "/v1/chat/completions"
SECRET = "a-prompt-that-nobody-else-may-see "
LONG = SECRET * 30


class Prefill(Bench):
    def keep(self, double):
        self.addCleanup(double.close)
        return double

    def begin(self, double, prefill="1MiB", **more):
        """Pinned: on a slow machine the planner may end the keeping before a test is through, which is not what is tested."""
        resource = {"id": "m", "upstream": double.url, "warmer": {"kind": "llama-server"}, "load_time": "2s", "pin": True, **more}
        if prefill:
            resource["prefill"] = prefill
        daemon = self.start_forewarm(self.config([resource], log_level="debug"))
        answer = daemon.api("POST", "/warmup", {"resource": "m"}).json()
        self.assertEqual(answer.get("ready"), True, (answer, daemon.output()))
        return daemon

    def ask(self, daemon, session=None, content=LONG):
        answer = daemon.ask("POST", CHAT, chat("m", content=content), {"X-Forewarm-Session": session} if session else {})
        self.assertEqual(answer.status, 200, (answer, daemon.output()))
        return answer.seconds

    def lose(self, daemon, double):
        """A session goes on for a while; then somebody else's prompt takes the slot."""
        for turn in range(3):
            self.ask(daemon, "s", LONG + "x" * turn)
        self.ask(daemon, None, "who else? ")
        self.assertNotIn(SECRET, double.cached)

    def counts(self, daemon):
        return daemon.resource("m")["prefill"]

    def wait_for_prefill(self, daemon):
        """Until it is done and waits to be used: a request that comes while the server's answer is under way cancels it."""
        try:
            wait_for("its prompt is read again", lambda: self.counts(daemon)["open"] == 1 and self.counts(daemon)["spent_s"] > 0)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.counts(daemon)}; {daemon.output()}") from None

    def assert_adds_up(self, counts):
        self.assertEqual(counts["issued"], counts["open"] + sum(counts[result] for result in ("used", "unused", "cancelled", "failed")))

    def test_the_session_finds_its_prompt_read(self):
        double = self.keep(LlamaServer(load_s=0, first_s=0.1, read_s=0.0004))
        daemon = self.begin(double)
        self.lose(daemon, double)
        self.wait_for_prefill(daemon)
        self.assertEqual(double.prefills, ["<user>" + LONG + "xx"])
        (sent,) = [call.body for call in double.calls if call.body and call.body.get("n_predict") == 0]
        self.assertEqual((sent["cache_prompt"], sent["stream"], sent.get("max_tokens")), (True, False, None))
        with_s = self.ask(daemon, "s", LONG + "xxx")
        counts = self.counts(daemon)
        self.assertEqual((counts["used"], counts["issued"], counts["sessions"]), (1, 1, 1))
        self.assertGreater(counts["spent_s"], 0.3)
        self.assert_adds_up(counts)
        self.assertIn('forewarm_prefills_total{resource="m",result="used"} 1', daemon.api("GET", "/metrics").body.decode())
        self.lose(daemon, double)
        double.prefills.clear()
        without_s = self.ask(daemon, "t", LONG + "y")
        print(f"  a prompt of 1,000 characters: {without_s:.2f} s, {with_s:.2f} s once it was read ahead", flush=True)
        self.assertLess(with_s, without_s / 2)
        # Not a word of it anywhere, whatever the log's level.
        daemon.stop()
        self.assertNotIn(SECRET, daemon.output())
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(SECRET.encode(), file.read(), name)

    def test_off_by_default(self):
        """Two alike, but for the option: when one has read its session's prompt again, the other has been looked at, too."""
        doubles = [self.keep(LlamaServer(model=name, load_s=0, first_s=0.1, read_s=0.0001)) for name in "ab"]
        resources = [{"id": name, "upstream": double.url, "warmer": {"kind": "llama-server"}, "load_time": "2s", "pin": True}
                     for name, double in zip("ab", doubles)]
        resources[1]["prefill"] = "1MiB"
        daemon = self.start_forewarm(self.config(resources))
        for name in "ab":
            self.assertTrue(daemon.api("POST", "/warmup", {"resource": name}).json()["ready"])
            for turn, session in enumerate("sss"):
                answer = daemon.ask("POST", CHAT, chat(name, content=LONG + "x" * turn), {"X-Forewarm-Session": session + name})
                self.assertEqual(answer.status, 200)
            self.assertEqual(daemon.ask("POST", CHAT, chat(name, content="who else?")).status, 200)
        wait_for("the one is prefilled", lambda: doubles[1].prefills)
        self.assertEqual(doubles[0].prefills, [])
        self.assertIsNone(daemon.resource("a")["prefill"])

    def test_a_request_goes_before(self):
        double = self.keep(LlamaServer(load_s=0, first_s=0.1, read_s=0.004))
        daemon = self.begin(double)
        for turn in range(3):
            self.ask(daemon, "s", LONG + "x" * turn)
        self.ask(daemon, None, "who else? ")
        wait_for("its prompt is being read", lambda: self.counts(daemon)["open"] == 1)
        self.assertLess(self.ask(daemon, None, "who else? "), 2.0)
        wait_for("the server was left alone", lambda: double.hung_up >= 1)
        wait_for("that is counted", lambda: self.counts(daemon)["cancelled"] >= 1)
        self.assert_adds_up(self.counts(daemon))

    def test_another_server_is_not_asked_to_write(self):
        double = self.keep(LlamaServer(load_s=0, first_s=0.1, read_s=0.0001))
        double.props = lambda _call: (200, {"build_info": "b7000-0", "is_sleeping": False, "model_path": "/m.gguf"})
        daemon = self.begin(double)
        self.lose(daemon, double)
        wait_for("it is said once", lambda: "names no slots" in daemon.output())
        wait_for("it is counted", lambda: self.counts(daemon)["failed"] == 1)
        self.assertEqual(double.prefills, [])
        self.assert_adds_up(self.counts(daemon))


if __name__ == "__main__":
    main()
