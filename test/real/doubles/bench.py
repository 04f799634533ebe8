"""What the run-books of the warmers share: a strict double, forewarm in front of it, and who waited how long."""

import time

from harness import Bench, chat, request, wait_for
from double import Double

CHAT = "/v1/chat/completions"


def side_by_side(what, naive_s, ours_s):
    print(f"  {what}: a user waited {naive_s:.2f} s after a naive warm-up, {ours_s:.2f} s after ours", flush=True)


def timed(double, method, path, body=None, headers=None):
    answer = request(double.server_port, method, path, body, headers)
    assert answer.status == 200, answer
    return answer.seconds


class Vllm(Double):
    """Another server than the one that is expected."""

    routes = {("GET", "/v1/models"): "models"}

    def models(self, _call):
        return 200, {"object": "list", "data": [{"id": "m", "owned_by": "vllm"}]}


class WarmerBench(Bench):
    kind = None

    def open(self, double, strict=True):
        self.addCleanup(double.close)
        if strict:
            self.addCleanup(lambda: self.assertEqual(double.refused, []))
        return double

    def forewarm(self, double, model="m", warmer=None, log="forewarm.log", warmer_at_upstream=False, **resource):
        settings = {"id": model, "upstream": double.url, "load_time": "2s", **resource, "warmer": {"kind": self.kind, **(warmer or {})}}
        if warmer_at_upstream:
            settings["warmer"]["url"] = double.url
        config = self.config([settings], state=f"sqlite:{self.path(log)}.db", default_resource=model, cooldown="0s")
        return self.start_forewarm(config, log=log)

    def warm(self, daemon, model="m"):
        answer = daemon.api("POST", "/warmup", {"resource": model}).json()
        self.assertIn((answer.get("status"), answer.get("ready")), (("warmed", True), ("already_warm", True)), (answer, daemon.output()))

    def warm_after_failure(self, daemon, model="m"):
        """The next attempt comes after a pause."""
        wait_for("it is warm", lambda: daemon.api("POST", "/warmup", {"resource": model}).json().get("ready"))

    def failure(self, daemon, model="m"):
        """A warm-up that does not come about: why."""
        answer = daemon.api("POST", "/warmup", {"resource": model}).json()
        self.assertEqual(answer.get("status"), "failed", answer)
        return answer["error"]

    def unload(self, daemon, model="m"):
        self.assertEqual(daemon.api("POST", f"/v1/resources/{model}/unload").status // 100, 2)
        wait_for("it is unloaded", lambda: daemon.state(model) == "cold")

    def ask(self, daemon, path=CHAT, body=None, model="m", headers=None):
        answer = daemon.ask("POST", path, body or chat(model), headers)
        self.assertEqual((answer.status, answer.headers["x-forewarm-state"]), (200, "warm"), answer)
        return answer.seconds

    def expect_loss(self, daemon, model="m"):
        wait_for("its loss is noticed", lambda: daemon.state(model) == "cold")

    def expect_other_server_named(self, words, **more):
        """An adapter told to talk to the wrong kind of server says what it found."""
        double = self.open(Vllm(), strict=False)
        error = self.failure(self.forewarm(double, log="other.log", **more))
        self.assertIn(words.replace("URL", double.url), error)

    def restart(self, daemon, model="m"):
        """Another forewarm, which takes over what is loaded."""
        daemon.stop()
        again = self.start_forewarm(daemon.config, log="again.log")
        wait_for("it is taken over", lambda: again.state(model) == "warm")
        self.assertIn("taken over", again.output())
        return again


def elapsed(start):
    return time.monotonic() - start
