"""vLLM's OpenAI server with sleep mode, as its sources say (entrypoints/serve/sleep/api_router.py at 09cb327): calls may answer
before they are done; sleeping aborts what runs; level 2 drops the weights, which reload_weights brings back; asked to sleep while
asleep the engine dies (vllm#14311); /health says nothing about sleep. Also a program, for warmers that start it."""

import argparse
import threading
import time

from double import Double, Refused, only, pause


class Vllm(Double):
    routes = {
        ("GET", "/health"): "health", ("GET", "/version"): "version", ("GET", "/v1/models"): "models", ("GET", "/metrics"): "metrics",
        ("POST", "/v1/completions"): "complete", ("POST", "/v1/chat/completions"): "complete",
        ("POST", "/sleep"): "sleep", ("POST", "/wake_up"): "wake_up", ("GET", "/is_sleeping"): "is_sleeping",
        ("POST", "/collective_rpc"): "collective_rpc",
    }

    def __init__(self, model, wake_s=0.5, early_s=0.4, first_s=0.4, reload_s=0.3, answer_s=0.01, dev_mode=True, asleep=0, port=0):
        """early_s: how long after the answer a sleep or a waking takes effect."""
        self.model, self.wake_s, self.early_s, self.first_s, self.reload_s = model, wake_s, early_s, first_s, reload_s
        self.answer_s, self.dev_mode = answer_s, dev_mode
        self.awake_tags = set() if asleep else {"weights", "kv_cache"}
        self.level, self.have_weights = asleep, asleep != 2
        self.changes_at = 0.0  # a sleep or waking that was answered takes effect then
        self.next_tags, self.fresh, self.dead = None, True, False
        self.running, self.aborted, self.sleeps, self.wakes, self.garbage = [], 0, [], [], 0
        super().__init__(port)

    def error_body(self, status, words):
        return {"error": {"message": words, "type": "BadRequestError", "code": status}}

    def settle(self):
        if self.next_tags is not None and time.monotonic() >= self.changes_at:
            self.awake_tags, self.next_tags = self.next_tags, None

    def alive(self):
        if self.dead:
            raise Refused(500, "EngineDeadError", meant=False)

    def dev(self):
        if not self.dev_mode:
            raise Refused(404, "Not Found", meant=False)
        self.alive()

    def health(self, _call):
        return (503, "") if self.dead else (200, "")

    def version(self, _call):
        return 200, {"version": "0.14.0"}

    def models(self, _call):
        return 200, {"object": "list", "data": [{"id": self.model, "object": "model", "owned_by": "vllm"}]}

    def metrics(self, _call):
        with self.lock:
            n = len(self.running)
        label = f'{{engine="0",model_name="{self.model}"}}'
        return 200, f"# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{label} {n}.0\nvllm:num_requests_waiting{label} 0.0\n"

    def is_sleeping(self, _call):
        self.dev()
        with self.lock:
            self.settle()
            return 200, {"is_sleeping": self.awake_tags != {"weights", "kv_cache"}}

    def sleep(self, call):
        self.dev()
        level = call.query.get("level", "1")
        if level not in ("1", "2"):
            raise Refused(400, f"level {level!r}")
        with self.lock:
            self.settle()
            if self.awake_tags != {"weights", "kv_cache"} or self.next_tags is not None:
                self.dead = True
                raise Refused(500, "asked to sleep while asleep: the engine is dead")
            self.level, self.have_weights = int(level), level == "1"
            self.sleeps.append(int(level))
            for gone in self.running:  # the default mode
                gone.set()
                self.aborted += 1
            self.next_tags, self.changes_at = set(), time.monotonic() + self.early_s
        return 200, None

    def wake_up(self, call):
        self.dev()
        tags = {call.query["tags"]} if "tags" in call.query else {"weights", "kv_cache"}
        if not tags <= {"weights", "kv_cache"}:
            raise Refused(400, f"tags {tags}")
        with self.lock:
            self.settle()
            self.wakes.append("".join(sorted(tags)) if len(tags) == 1 else "all")
            now = (self.next_tags if self.next_tags is not None else self.awake_tags) | tags
            if now == {"weights", "kv_cache"}:
                self.fresh = True
            part = self.wake_s * len(tags) / 2
            self.next_tags, self.changes_at = now, time.monotonic() + part + self.early_s
        return 200, None

    def collective_rpc(self, call):
        self.dev()
        body = call.read_json()
        only(body, method=str, args=list, kwargs=dict, timeout=(int, float))
        if body.get("method") != "reload_weights":
            raise Refused(400, f"method {body.get('method')!r}")
        with self.lock:
            tags = self.next_tags if self.next_tags is not None else self.awake_tags
            if "weights" not in tags:
                raise Refused(500, "reload_weights without room for them")
        pause(self.reload_s)
        self.have_weights = True
        return 200, {"results": [None]}

    def complete(self, call):
        self.alive()
        body = call.read_json()
        only(body, model=str, prompt=str, messages=list, max_tokens=int, temperature=(int, float), stream=bool, seconds=(int, float))
        if body.get("model") != self.model:
            raise Refused(404, f"The model `{body.get('model')}` does not exist.", meant=False)
        gone = threading.Event()
        while True:
            with self.lock:
                self.settle()
                if self.awake_tags == {"weights", "kv_cache"}:
                    self.running.append(gone)
                    slow, self.fresh = self.fresh, False
                    break
                if self.next_tags != {"weights", "kv_cache"}:
                    raise Refused(500, "an inference while it sleeps")
            pause(0.005)
        gone.wait((self.first_s if slow else 0) + self.answer_s + body.get("seconds", 0))
        with self.lock:
            self.running.remove(gone)
            right = self.have_weights
            self.garbage += not right
        if gone.is_set():
            return 200, {"choices": [{"index": 0, "text": "", "finish_reason": "abort"}]}
        return 200, {"choices": [{"index": 0, "text": "Paris" if right else "!!!!", "finish_reason": "length"}]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--start", type=float, default=0.0)
    options = parser.parse_args()
    pause(options.start)
    Vllm(options.model, port=options.port).thread.join()
