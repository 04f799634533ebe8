"""LocalAI as its routes say (core/http/routes/localai.go): /backend/load blocks, /backend/shutdown waits and then refuses what
is busy, /backend/monitor tells state and memory; all three for admins where API keys are set."""

from double import Double, Refused, only, pause


class LocalAI(Double):
    routes = {
        ("GET", "/system"): "system", ("POST", "/backend/load"): "load", ("POST", "/backend/shutdown"): "shut_down",
        ("GET", "/backend/monitor"): "monitor", ("POST", "/v1/chat/completions"): "chat",
    }

    def __init__(self, models, key=None, load_s=0.5, first_s=0.4, token_s=0.02, busy_wait_s=0.3, port=0):
        super().__init__(port)
        self.models, self.key = models, key  # models: name -> bytes
        self.load_s, self.first_s, self.token_s, self.busy_wait_s = load_s, first_s, token_s, busy_wait_s
        self.running, self.partial, self.held = {}, False, 0  # name -> {"busy", "fresh"}
        self.refused_busy = 0

    def error_body(self, status, words):
        return {"error": {"code": status, "message": words, "type": ""}}

    def admin(self, call):
        if self.key and call.headers.get("Authorization") != f"Bearer {self.key}":
            raise Refused(401, "An authentication key is required", meant=False)

    def system(self, _call):
        return 200, {"backends": ["llama-cpp"], "loaded_models": [{"id": name} for name in self.running]}

    def start(self, name):
        with self.lock:
            if name in self.running:
                return self.running[name]
        pause(self.load_s)
        with self.lock:
            return self.running.setdefault(name, {"busy": 0, "fresh": True})

    def load(self, call):
        self.admin(call)
        body = call.read_json()
        only(body, model=str)
        if body["model"] not in self.models:
            raise Refused(404, f"model {body['model']} not found", meant=False)
        if self.partial:
            return 500, {"error": {"code": 500, "message": "could not load mmproj", "type": ""}, "loaded": [body["model"]]}
        self.start(body["model"])
        return 200, {"loaded": [body["model"]]}

    def shut_down(self, call):
        self.admin(call)
        body = call.read_json()
        only(body, model=str)
        name = body["model"]
        if name not in self.running:
            raise Refused(500, f"model {name} not found", meant=False)
        if self.held:
            pause(self.busy_wait_s)
        with self.lock:
            if self.held:
                self.held -= 1
                self.refused_busy += 1
                raise Refused(500, f"{name}: model is still busy", meant=False)
            del self.running[name]
        return 200, None

    def monitor(self, call):
        self.admin(call)
        if set(call.query) != {"model"}:
            raise Refused(400, "model is required")
        with self.lock:
            runner = self.running.get(call.query["model"])
            if runner is None:
                raise Refused(500, f"backend {call.query['model']} is not currently loaded", meant=False)
            return 200, {"state": 1 if runner["busy"] else 2, "memory": {"total": self.models[call.query["model"]], "breakdown": {}}}

    def chat(self, call):
        if self.key and call.headers.get("Authorization") != f"Bearer {self.key}":
            raise Refused(401, "An authentication key is required")
        body = call.read_json()
        only(body, model=str, messages=list, max_tokens=int)
        runner = self.start(body["model"])
        with self.lock:
            fresh, runner["fresh"] = runner["fresh"], False
            runner["busy"] += 1
        pause(self.token_s + (self.first_s if fresh else 0))
        with self.lock:
            runner["busy"] -= 1
        return 200, {"object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": "!"}}]}
