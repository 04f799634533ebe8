"""TGI as its router's API (router/src/server.rs, docs/openapi.json) says: /info, /health, /generate; nothing listens before
the model is loaded; /health looks at the device alone while all is well; 429 when overloaded."""

from double import Double, Refused, only, pause


class Tgi(Double):
    routes = {("GET", "/info"): "info", ("GET", "/health"): "health", ("GET", "/ping"): "health", ("POST", "/generate"): "generate"}

    def __init__(self, first_s=0.5, token_s=0.02, port=0):
        super().__init__(port)
        self.first_s, self.token_s = first_s, token_s
        self.overloaded, self.healthy, self.fresh = 0, True, True

    def info(self, _call):
        return 200, {"model_id": "org/m", "version": "3.3.0", "max_total_tokens": 4096, "router": "text-generation-router"}

    def health(self, _call):
        if not self.healthy:
            return 503, {"error": "unhealthy", "error_type": "healthcheck"}
        return 200, None

    def generate(self, call):
        body = call.read_json()
        only(body, inputs=str, parameters=dict, stream=bool)
        only(body.get("parameters", {}), max_new_tokens=int, temperature=float, do_sample=bool)
        if body.get("parameters", {}).get("max_new_tokens", 1) <= 0:
            raise Refused(422, "Input validation error: `max_new_tokens` must be strictly positive")
        with self.lock:
            if self.overloaded > 0:
                self.overloaded -= 1
                return 429, {"error": "Model is overloaded", "error_type": "overloaded"}
            fresh, self.fresh = self.fresh, False
        pause(self.token_s + (self.first_s if fresh else 0))
        return 200, {"generated_text": "!"}
