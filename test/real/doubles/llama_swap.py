"""llama-swap as its README and its proxy say: requests load the model they name, one group swaps; /running, unload calls;
ten places a model, then 429 with Retry-After; unknown models 404; aliases are known to requests, not to /running."""

import threading

from double import Double, Refused, only, pause


class LlamaSwap(Double):
    routes = {
        ("GET", "/running"): "list_running", ("GET", "/health"): "health", ("POST", "/v1/chat/completions"): "chat",
        ("POST", "/v1/embeddings"): "embed", ("POST", "/api/models/unload"): "unload_all",
    }
    patterns = (("POST", "/api/models/unload/(.+)", "unload"),)

    def __init__(self, models, aliases=None, key=None, load_s=0.5, first_s=0.4, token_s=0.02, stop_s=0.3, port=0):
        """models: name -> True when it can chat"""
        super().__init__(port)
        self.models, self.aliases, self.key = models, aliases or {}, key
        self.load_s, self.first_s, self.token_s, self.stop_s = load_s, first_s, token_s, stop_s
        self.states, self.fresh, self.full, self.loads = {}, {}, 0, 0
        self.swap = threading.Lock()

    def authorise(self, call):
        if self.key and call.headers.get("Authorization") != f"Bearer {self.key}":
            raise Refused(401, "unauthorized: invalid or missing API key")

    def health(self, _call):
        return 200, "OK"

    def list_running(self, call):
        self.authorise(call)
        with self.lock:
            return 200, {"running": [{"model": m, "state": s, "cmd": "llama-server", "proxy": "http://127.0.0.1:5800", "ttl": 0} for m, s in self.states.items()]}

    def stop(self, name):
        with self.lock:
            if name not in self.states:
                return
            self.states[name] = "stopping"
        pause(self.stop_s)
        with self.lock:
            self.states.pop(name, None)

    def serve(self, call, chats):
        self.authorise(call)
        body = call.read_json()
        only(body, model=str, messages=list, input=(str, list), max_tokens=int)
        name = self.aliases.get(body["model"], body["model"])
        if name not in self.models:
            raise Refused(404, f"could not find suitable inference handler for {body['model']}", meant=False)
        with self.lock:
            if self.full > 0:
                self.full -= 1
                return 429, "Too many requests", (("Retry-After", "1"),)
        with self.swap:
            if self.states.get(name) != "ready":
                for other in list(self.states):
                    self.stop(other)
                with self.lock:
                    self.states[name], self.loads = "starting", self.loads + 1
                pause(self.load_s)
                with self.lock:
                    self.states[name], self.fresh[name] = "ready", True
        if chats != self.models[name]:
            return 501, {"error": {"code": 501, "message": "This server does not support that", "type": "not_supported_error"}}
        with self.lock:
            fresh, self.fresh[name] = self.fresh[name], False
        pause(self.token_s + (self.first_s if fresh else 0))
        return 200, {"choices": []} if chats else {"data": []}

    def chat(self, call):
        return self.serve(call, True)

    def embed(self, call):
        return self.serve(call, False)

    def unload(self, call, name):
        self.authorise(call)
        if name not in self.models:
            raise Refused(404, "model not found")
        threading.Thread(target=self.stop, args=(name,), daemon=True).start()
        return 200, "OK"

    def unload_all(self, _call):
        raise Refused(403, "this would unload what others use")
