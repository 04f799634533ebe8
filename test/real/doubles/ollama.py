"""Ollama as its API reference and its source say (server/routes.go, server/sched.go at fb307609): /api/generate, /api/chat's
sibling /v1/chat/completions, /api/embed, /api/ps, /api/version. One load at a time; other runner options mean another load;
an empty prompt loads and evaluates nothing; /api/ps lists what loads; keep_alive 0 answers at once and unloads later."""

import datetime
import time

from double import Double, Refused, only, pause

RUNNER_OPTIONS = {"num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "num_keep"}
OPTIONS = RUNNER_OPTIONS | {"num_predict", "seed", "temperature", "top_k", "top_p", "stop", "repeat_penalty"}
FOR_EVER_S = 292 * 365 * 86400.0
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(value):
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Refused(400, f"keep_alive: {value!r} is no duration")
    if isinstance(value, (int, float)):
        return FOR_EVER_S if value < 0 else float(value)
    for unit in ("ms", "s", "m", "h"):
        number = value.removesuffix(unit)
        if number != value and number.lstrip("-").replace(".", "", 1).isdigit():
            return FOR_EVER_S if float(number) < 0 else float(number) * UNITS[unit]
    raise Refused(400, f"time: unknown unit in duration {value!r}")


class Runner:
    def __init__(self, options):
        self.options, self.ready, self.fresh = options, False, True
        self.keep_s, self.expires = 0.0, None
        self.busy, self.leaving, self.size_vram = 0, False, 0


class Ollama(Double):
    routes = {
        ("GET", "/"): "hello", ("HEAD", "/"): "hello", ("GET", "/api/version"): "version", ("GET", "/api/ps"): "ps",
        ("POST", "/api/generate"): "generate", ("POST", "/api/embed"): "embed", ("POST", "/v1/chat/completions"): "chat",
    }

    def __init__(self, models, load_s=0.6, first_s=0.4, token_s=0.01, unload_s=0.3, default_keep_s=300.0, vram=1 << 40, port=0):
        """models: name with tag -> {"size": bytes, "embeds": bool}"""
        super().__init__(port)
        self.models, self.load_s, self.first_s, self.token_s, self.unload_s = models, load_s, first_s, token_s, unload_s
        self.default_keep_s, self.vram = default_keep_s, vram
        self.runners = {}
        self.loads, self.evaluations = [], 0

    def hello(self, _call):
        return 200, "Ollama is running"

    def version(self, _call):
        return 200, {"version": "0.13.0"}

    # ---- runners ----

    def tidy(self):
        now = time.monotonic()
        for name, runner in list(self.runners.items()):
            if runner.ready and not runner.busy and runner.expires is not None and now >= runner.expires:
                del self.runners[name]

    def resolve(self, body):
        name = body.get("model")
        if not name or not isinstance(name, str):
            raise Refused(400, "model is required")
        last = name.rsplit("/", 1)[-1]
        full = name if ":" in last else name + ":latest"
        if full not in self.models:
            raise Refused(404, f"model '{name}' not found", meant=False)
        return full

    def schedule(self, name, body):
        """The runner, loaded with these options; holds it busy."""
        options = {k: v for k, v in body.get("options", {}).items() if k in RUNNER_OPTIONS}
        for key in body.get("options", {}):
            if key not in OPTIONS:
                raise Refused(400, f"invalid option provided: {key}")
        while True:
            with self.lock:
                self.tidy()
                runner = self.runners.get(name)
                if runner and runner.ready and not runner.leaving and runner.options == options:
                    runner.busy += 1
                    return runner
                if runner and runner.ready and not runner.busy:
                    del self.runners[name]  # other options: another load
                    runner = None
                if runner is None and all(r.ready for r in self.runners.values()):
                    runner = self.runners[name] = Runner(options)
                    runner.keep_s = self.default_keep_s
                    used = sum(r.size_vram for r in self.runners.values())
                    runner.size_vram = max(0, min(self.models[name]["size"], self.vram - used))
                    runner.busy = 1
                    self.loads.append((name, options))
                    break
            pause(0.005)
        pause(self.load_s)
        with self.lock:
            runner.ready = True
            runner.expires = time.monotonic() + runner.keep_s
        return runner

    def release(self, runner, body):
        with self.lock:
            runner.busy -= 1
            if "keep_alive" in body:
                runner.keep_s = seconds(body["keep_alive"])
            runner.expires = time.monotonic() + runner.keep_s

    def expire(self, name):
        with self.lock:
            runner = self.runners.get(name)
            if runner:
                runner.leaving, runner.keep_s = True, 0
                runner.expires = time.monotonic() + self.unload_s

    def evaluate(self, name, runner):
        on_cpu = runner.size_vram < self.models[name]["size"]
        with self.lock:
            first, runner.fresh = runner.fresh, False
            self.evaluations += 1
        pause((self.first_s if first else 0) + self.token_s * (20 if on_cpu else 1))

    # ---- calls ----

    def generate(self, call):
        body = call.read_json()
        only(body, model=str, prompt=str, stream=bool, keep_alive=(int, float, str), options=dict, raw=bool, system=str)
        name = self.resolve(body)
        if "keep_alive" in body:
            seconds(body["keep_alive"])
        if not body.get("prompt") and "keep_alive" in body and seconds(body["keep_alive"]) == 0:
            self.expire(name)
            return 200, {"model": body["model"], "response": "", "done": True, "done_reason": "unload"}
        if self.models[name].get("embeds"):
            raise Refused(400, f'"{body["model"]}" does not support generate', meant=False)
        if body.get("stream", True) and body.get("prompt"):
            raise Refused(400, "this double does not stream")
        start = time.monotonic()
        runner = self.schedule(name, body)
        load_ns = int((time.monotonic() - start) * 1e9)
        try:
            if not body.get("prompt"):
                return 200, {"model": body["model"], "response": "", "done": True, "done_reason": "load"}
            self.evaluate(name, runner)
            return 200, {"model": body["model"], "response": "!", "done": True, "done_reason": "length", "load_duration": load_ns, "eval_count": 1}
        finally:
            self.release(runner, body)

    def embed(self, call):
        body = call.read_json()
        only(body, model=str, input=(str, list), stream=bool, keep_alive=(int, float, str), options=dict, truncate=bool)
        name = self.resolve(body)
        runner = self.schedule(name, body)
        try:
            self.evaluate(name, runner)
            return 200, {"model": body["model"], "embeddings": [[0.1, 0.2]], "load_duration": 1}
        finally:
            self.release(runner, body)

    def chat(self, call):
        """OpenAI-compatible: has no keep_alive and takes no options; `options` stands for a client of the native API."""
        body = call.read_json()
        only(body, model=str, messages=list, max_tokens=int, options=dict, keep_alive=(int, str))
        name = self.resolve(body)
        if self.models[name].get("embeds"):
            raise Refused(400, f'"{body["model"]}" does not support chat', meant=False)
        runner = self.schedule(name, body)
        try:
            self.evaluate(name, runner)
            return 200, {"object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": "!"}}]}
        finally:
            self.release(runner, body)

    def ps(self, _call):
        with self.lock:
            self.tidy()
            now = datetime.datetime.now(datetime.timezone.utc)
            listed = []
            for name, runner in self.runners.items():
                left = (runner.expires or time.monotonic()) - time.monotonic()
                year = now.year + int(left // (365 * 86400))
                until = (now + datetime.timedelta(seconds=left % (365 * 86400))).strftime("-%m-%dT%H:%M:%S.000000001Z")
                listed.append({
                    "name": name, "model": name, "size": self.models[name]["size"], "size_vram": runner.size_vram,
                    "digest": "0" * 64, "details": {"family": "llama"}, "expires_at": f"{year}{until}",
                    "context_length": runner.options.get("num_ctx", 4096)})
            return 200, {"models": listed}
