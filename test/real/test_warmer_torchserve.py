"""The torchserve warmer against a strict double of its two ports (P8, W1, W5)."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles"))

from harness import FOREWARM, free_port, main, skip_without, wait_for
from bench import WarmerBench, side_by_side, timed
from torchserve import TorchServe

PREDICT = "/predictions/m"
PROBE = {"path": PREDICT, "body": '{"data": 1}'}


class TorchServeWarmer(WarmerBench):
    kind = "torchserve"

    def torchserve(self, **options):
        return self.open(TorchServe(["m"], **options))

    def warmer(self, double, warmer=None, **more):
        return self.forewarm(double, warmer={"url": double.url, **(warmer or {})}, upstream=double.inference.url, probe=PROBE, **more)

    def test_a_worker_is_not_a_ready_worker(self):
        """202: the answer comes at once, the worker later, its first inference is slow."""
        naive, ours = self.torchserve(asynchronous=True), self.torchserve(asynchronous=True)
        from harness import request
        self.assertEqual(request(naive.server_port, "PUT", "/models/m?min_worker=1").status, 202)
        start = time.monotonic()
        wait_for("the user is served", lambda: request(naive.inference.server_port, "POST", PREDICT, {"data": 1}).status == 200)
        naive_s = time.monotonic() - start
        daemon = self.warmer(ours)
        self.warm(daemon)
        ours_s = self.ask(daemon, PREDICT, {"data": 1})
        side_by_side("202 Accepted", naive_s, ours_s)
        self.assertGreater(naive_s, naive.start_s)
        self.assertLess(ours_s, ours.first_s)

    def test_synchronous_load_and_unload(self):
        double = self.torchserve()
        daemon = self.warmer(double)
        self.warm(daemon)
        self.assertEqual([call.query["synchronous"] for call in double.calls if call.method == "PUT"], ["true"])
        wait_for("its memory is known", lambda: daemon.resource("m").get("memory_bytes") == 3 << 30)
        self.unload(daemon)
        self.assertEqual(double.workers["m"], [])

    def test_a_token_that_is_replaced(self):
        path = self.path("key")
        with open(path, "w") as out:
            out.write("first-4c2f\n")
        double = self.torchserve(token="first-4c2f")
        daemon = self.warmer(double, {"token_file": path})
        self.warm(daemon)
        double.token = "second-8d1a"
        with open(path, "w") as out:
            out.write("second-8d1a\n")
        self.unload(daemon)
        with open(path, "w") as out:
            out.write("stale-77e0\n")
        error = self.failure(daemon)
        self.assertIn("must hold the management key of its key_file.json", error)
        os.unlink(path)
        wait_for("the missing file is named", lambda: f'token_file: "{path}" cannot be opened' in self.failure(daemon))
        shown = daemon.output() + error + str(daemon.resource("m")) + daemon.api("GET", "/metrics").body.decode()
        for secret in ("4c2f", "8d1a", "77e0"):
            self.assertNotIn(secret, shown)

    def test_lost_and_taken_over(self):
        double = self.torchserve(first_s=0)
        daemon = self.warmer(double)
        self.warm(daemon)
        again = self.restart(daemon)
        with double.lock:
            double.workers["m"].clear()
        self.expect_loss(again)

    def test_what_goes_wrong_is_said(self):
        double = self.torchserve()
        daemon = self.warmer(double, model="absent")
        self.assertIn('404 "Model not found: absent": register the model with it', self.failure(daemon, "absent"))
        # Without url it is the upstream's host, port 8081.
        config = self.config([{"id": "m", "upstream": f"http://127.0.0.1:{free_port()}", "warmer": {"kind": "torchserve", "start_timeout": "1s"}, "probe": PROBE}])
        config["state"] = "memory:"
        self.assertIn("http://127.0.0.1:8081/models/m", self.failure(self.start_forewarm(config, log="default.log")))
        self.expect_other_server_named("expected TorchServe at URL, found vLLM: GET /models answered 404", probe=PROBE, warmer_at_upstream=True)


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
