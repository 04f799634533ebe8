"""The triton warmer against a strict double of its API: zeros from metadata, every instance and batch shape, no second load of
what is loaded (P8, W1, W5)."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "doubles"))

from harness import FOREWARM, main, request, skip_without, wait_for
from bench import WarmerBench, side_by_side
from triton import Model, Triton, users

FP32 = [("x", "FP32", [4])]


def zeros(batch=1):
    return {"inputs": [{"name": "x", "datatype": "FP32", "shape": [batch, 4], "data": [0.0] * 4 * batch}]}


class TritonWarmer(WarmerBench):
    kind = "triton"

    def triton(self, model, strict=True, **options):
        return self.open(Triton({"m": model}, **options), strict)

    def naive(self, model, probes=0, **options):
        """Loads, and infers one after the other as often as it is told to."""
        double = self.triton(model, **options)
        request(double.server_port, "POST", "/v2/repository/models/m/load")
        for _ in range(probes):
            users(double, "m", zeros(), 1)
        return double

    def test_ready_is_not_warm_in_any_instance(self):
        """As many users at once as there are instances: one probe after the other always meets the same instance."""
        shape = lambda: Model(FP32, max_batch=8, instances=2, gpus=2)
        naive_s = users(self.naive(shape(), probes=4), "m", zeros(), 4)
        ours = self.triton(shape())
        self.warm(self.forewarm(ours))
        ours_s = users(ours, "m", zeros(), 4)
        side_by_side("four lazy instances, four probes in a row", naive_s, ours_s)
        self.assertGreater(naive_s, ours.lazy_s)
        self.assertLess(ours_s, ours.lazy_s)

    def test_the_largest_batch_is_warm_too(self):
        shape = lambda: Model(FP32, max_batch=8)
        naive_s = users(self.naive(shape(), probes=2), "m", zeros(8), 1)
        ours = self.triton(shape())
        self.warm(self.forewarm(ours))
        ours_s = users(ours, "m", zeros(8), 1)
        side_by_side("another batch shape", naive_s, ours_s)
        self.assertGreater(naive_s, ours.lazy_s)
        self.assertLess(ours_s, ours.lazy_s)

    def test_loaded_is_not_loaded_again(self):
        double = self.triton(Model(FP32))
        request(double.server_port, "POST", "/v2/repository/models/m/load")
        self.warm(self.forewarm(double))
        self.assertEqual(double.models["m"].loads, 1)

    def test_every_type_of_input(self):
        """Half precision goes binary, texts are empty, open dimensions 1; without a batch dimension there is none."""
        for max_batch in (0, 4):
            inputs = [("a", "FP16", [3, -1]), ("b", "INT64", [2]), ("c", "BYTES", [1]), ("d", "BOOL", [-1, 2]), ("e", "FP32", [])]
            double = self.triton(Model(inputs, max_batch=max_batch), lazy_s=0)
            self.warm(self.forewarm(double, log=f"types{max_batch}.log"))

    def test_unloading_is_awaited_with_its_dependents(self):
        double = self.triton(Model(FP32), unload_s=0.5)
        daemon = self.forewarm(double)
        self.warm(daemon)
        self.unload(daemon)
        self.assertEqual((double.models["m"].state, double.dependents_told), ("UNAVAILABLE", [True]))
        self.warm(daemon)
        self.assertEqual(double.models["m"].loads, 2)

    def test_lost_and_taken_over(self):
        double = self.triton(Model(FP32, max_batch=2))
        daemon = self.forewarm(double)
        self.warm(daemon)
        again = self.restart(daemon)
        double.models["m"].state, double.models["m"].reason = "UNAVAILABLE", "unloaded"
        self.expect_loss(again)

    def test_what_goes_wrong_is_said(self):
        double = self.triton(Model(FP32), strict=False, explicit=False)
        self.assertIn("start it with --model-control-mode=explicit", self.failure(self.forewarm(double, log="mode.log")))
        double = self.triton(Model(FP32))
        self.assertIn('has no model "absent" in its repository', self.failure(self.forewarm(double, "absent", log="absent.log"), "absent"))
        self.expect_other_server_named("expected Triton at URL, found vLLM: GET /v2 answered 404")


if __name__ == "__main__":
    skip_without(FOREWARM)
    main()
