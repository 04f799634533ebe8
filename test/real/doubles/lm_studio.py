"""LM Studio as its REST API documentation says: /api/v0 lists with a state, and an inference loads (JIT) with a "ttl" in idle
seconds; from 0.4 on /api/v1 loads and unloads by calls, a second load makes a second instance, and what was loaded so is never
evicted by itself. Paths it does not know are answered 200 with an error in the body."""

import time

from double import Double, Refused, only, pause


class Instance:
    def __init__(self, ttl_s):
        self.ttl_s, self.used_at, self.fresh, self.busy = ttl_s, time.monotonic(), True, 0


class LmStudio(Double):
    def __init__(self, models, version=1, load_s=0.6, first_s=0.3, unload_s=0.3, default_ttl_s=3600.0, port=0):
        """models: key -> type ("llm", "embeddings")"""
        self.models_known, self.load_s, self.first_s, self.unload_s, self.default_ttl_s = models, load_s, first_s, unload_s, default_ttl_s
        self.instances, self.loads = {}, []
        self.routes = {("GET", "/api/v0/models"): "list_v0", ("GET", "/v1/models"): "list_openai",
                       ("POST", "/v1/chat/completions"): "infer", ("POST", "/v1/embeddings"): "infer"}
        if version == 1:
            self.routes |= {("GET", "/api/v1/models"): "list_v1", ("POST", "/api/v1/models/load"): "load", ("POST", "/api/v1/models/unload"): "unload"}
        super().__init__(port)

    def not_found(self, call):
        return 200, {"error": f"Unexpected endpoint or method. ({call.method} {call.path})"}

    def tidy(self):
        for name, one in list(self.instances.items()):
            if one.ttl_s is not None and not one.busy and time.monotonic() > one.used_at + one.ttl_s:
                del self.instances[name]

    def of(self, key):
        return [name for name in self.instances if name == key or name.startswith(key + ":")]

    def list_v0(self, _call):
        with self.lock:
            self.tidy()
            return 200, {"object": "list", "data": [
                {"id": k, "object": "model", "type": t, "state": "loaded" if self.of(k) else "not-loaded"} for k, t in self.models_known.items()]}

    def list_openai(self, _call):
        return 200, {"object": "list", "data": [{"id": k, "object": "model", "owned_by": "organization_owner"} for k in self.models_known]}

    def list_v1(self, _call):
        with self.lock:
            self.tidy()
            return 200, {"models": [
                {"type": "embedding" if t == "embeddings" else t, "key": k, "size_bytes": 1 << 30, "loaded_instances": [{"id": i, "config": {}} for i in self.of(k)]}
                for k, t in self.models_known.items()]}

    def start(self, key, ttl_s):
        pause(self.load_s)
        with self.lock:
            name = key if key not in self.instances else f"{key}:{len(self.of(key)) + 1}"
            self.instances[name] = Instance(ttl_s)
            self.loads.append(name)
        return name

    def load(self, call):
        body = call.read_json()
        only(body, model=str, context_length=int, flash_attention=bool, echo_load_config=bool)
        if body.get("model") not in self.models_known:
            raise Refused(404, "model not found")
        return 200, {"type": "llm", "instance_id": self.start(body["model"], None), "load_time_seconds": self.load_s, "status": "loaded"}

    def unload(self, call):
        body = call.read_json()
        only(body, instance_id=str)
        if body.get("instance_id") not in self.instances:
            raise Refused(404, "instance not found")
        one = self.instances[body["instance_id"]]
        one.ttl_s, one.used_at = self.unload_s, time.monotonic()
        return 200, {"instance_id": body["instance_id"]}

    def infer(self, call):
        body = call.read_json()
        only(body, model=str, messages=list, input=(str, list), max_tokens=int, ttl=int, stream=bool)
        key, embeds = body.get("model"), call.path == "/v1/embeddings"
        if key not in self.models_known:
            raise Refused(404, "model not found", meant=False)
        if embeds != (self.models_known[key] == "embeddings"):
            raise Refused(400, "this model does not do that")
        with self.lock:
            self.tidy()
            loaded = self.of(key)
        name = loaded[0] if loaded else self.start(key, float(body.get("ttl", self.default_ttl_s)))
        with self.lock:
            one = self.instances[name]
            slow, one.fresh = one.fresh, False
            one.busy += 1
        pause(self.first_s if slow else 0.005)
        with self.lock:
            one.busy -= 1
            one.used_at = time.monotonic()
            if "ttl" in body and one.ttl_s is not None:
                one.ttl_s = float(body["ttl"])
        return 200, {"data": [{"embedding": [0.1]}]} if embeds else {"choices": [{"message": {"role": "assistant", "content": "!"}}]}
