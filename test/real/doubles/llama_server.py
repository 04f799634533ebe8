"""llama.cpp's server as tools/server/README.md at 00dc8057 says: with one model (--sleep-idle-seconds), or as a router. /health is
ok while it sleeps; GET /health, /props, /models and /metrics neither wake it nor count as use; /models/load and /models/unload
answer before anything is done; a load that fails leaves failed and exit_code; /models/sse tells how far a load is. Also a program."""

import argparse
import json
import os
import select
import socket
import threading
import time

from double import Double, Refused, only, pause


class Inference(Double):
    """What both modes answer alike."""

    def error_body(self, status, words):
        return {"error": {"code": status, "message": words, "type": "invalid_request_error"}}

    def not_found(self, call):
        raise Refused(404, "File Not Found")

    def check(self, call):
        body = call.read_json()
        only(body, model=str, prompt=str, messages=list, n_predict=int, max_tokens=int, cache_prompt=bool, stream=bool)
        return body

    def answer(self, call):
        if call.path == "/completion":
            return 200, {"content": "!", "stop": True, "tokens_predicted": 1}
        return 200, {"choices": [{"index": 0, "message": {"role": "assistant", "content": "!"}}]}


class LlamaServer(Inference):
    routes = {("GET", "/health"): "health", ("GET", "/props"): "props", ("GET", "/models"): "models", ("GET", "/v1/models"): "models",
              ("POST", "/completion"): "complete", ("POST", "/v1/chat/completions"): "complete"}

    def __init__(self, model="m", load_s=0.6, first_s=0.3, sleep_idle_s=0.0, read_s=0.0, port=0):
        """read_s: to read one character of a prompt that the only slot does not have from the request before. With n_predict 0
        nothing is written; a client that hangs up ends its task."""
        self.read_s, self.cached, self.slot, self.prefills, self.hung_up = read_s, "", threading.Lock(), [], 0
        self.model, self.load_s, self.first_s, self.sleep_idle_s = model, load_s, first_s, sleep_idle_s
        self.ready_at = time.monotonic() + load_s
        self.used_at, self.fresh, self.loads = self.ready_at, True, 1
        super().__init__(port)

    def loading(self):
        return time.monotonic() < self.ready_at

    def sleeping(self):
        return self.sleep_idle_s > 0 and time.monotonic() > self.used_at + self.sleep_idle_s

    def health(self, _call):
        if self.loading():
            raise Refused(503, "Loading model", meant=False)
        return 200, {"status": "ok"}

    def props(self, _call):
        if self.loading():
            raise Refused(503, "Loading model", meant=False)
        return 200, {"total_slots": 1, "model_path": "/m.gguf", "build_info": "b7000-0", "is_sleeping": self.sleeping()}

    def models(self, _call):
        if self.loading():
            raise Refused(503, "Loading model", meant=False)
        return 200, {"object": "list", "data": [{"id": self.model, "object": "model", "owned_by": "llamacpp"}]}

    def complete(self, call):
        self.check(call)
        if self.loading():
            raise Refused(503, "Loading model", meant=False)
        with self.lock:
            slow = self.fresh
            if self.sleeping():
                self.loads += 1
                slow = True
                pause(self.load_s)
            self.fresh = False
            pause(self.first_s if slow else 0.005)
            self.used_at = time.monotonic()
        if self.read_s:
            self.read(call)
        return self.answer(call)

    def read(self, call):
        """The prompt goes into the slot, but for what the two have in common from their beginnings."""
        prompt = call.body.get("prompt") or "".join(f"<{m['role']}>{m['content']}" for m in call.body.get("messages", []))
        with self.slot:
            new = len(prompt) - len(os.path.commonprefix([prompt, self.cached]))
            ends_at = time.monotonic() + new * self.read_s
            self.cached = ""
            while time.monotonic() < ends_at:
                readable = select.select([call.handler.connection], [], [], 0.02)[0]
                if readable and not call.handler.connection.recv(1, socket.MSG_PEEK):
                    self.hung_up += 1
                    raise ConnectionAbortedError("the client hung up")
            self.cached = prompt
            if call.body.get("n_predict") == 0:
                self.prefills.append(prompt)


class Router(Inference):
    routes = {("GET", "/health"): "health", ("GET", "/props"): "props", ("GET", "/models"): "models", ("GET", "/v1/models"): "models",
              ("POST", "/models/load"): "load", ("POST", "/models/unload"): "unload", ("GET", "/models/sse"): "sse",
              ("POST", "/completion"): "complete", ("POST", "/v1/chat/completions"): "complete"}

    def __init__(self, *models, load_s=0.8, unload_s=0.4, first_s=0.3, lag_s=0.05, events=True, port=0):
        """lag_s: from the answer to a load to its being listed as loading."""
        self.status = {m: {"value": "unloaded"} for m in models}
        self.load_s, self.unload_s, self.first_s, self.lag_s, self.events = load_s, unload_s, first_s, lag_s, events
        self.broken, self.fresh, self.loads, self.listeners, self.overlap = set(), set(models), [], [], 0
        super().__init__(port)

    def health(self, _call):
        return 200, {"status": "ok"}

    def props(self, call):
        return 200, {"role": "router", "max_instances": 4, "models_autoload": True, "build_info": "b7000-0"}

    def models(self, _call):
        with self.lock:
            return 200, {"object": "list", "data": [{"id": m, "object": "model", "status": dict(s)} for m, s in self.status.items()]}

    def name(self, call):
        body = call.read_json()
        if call.path.startswith("/models/"):
            only(body, model=str)
        if body.get("model") not in self.status:
            raise Refused(404, f"model '{body.get('model')}' not found", meant=False)
        return body["model"]

    def tell(self, model, data):
        with self.lock:
            for listener in self.listeners:
                listener.append({"model": model, "event": "model_status", "data": data})

    def set(self, model, **status):
        with self.lock:
            self.status[model] = status
        self.tell(model, {"status": status["value"]})

    def run(self, model):
        pause(self.lag_s)
        self.set(model, value="loading", args=["llama-server"])
        with self.lock:
            self.overlap = max(self.overlap, sum(s["value"] not in ("unloaded",) for s in self.status.values()))
        stages = ["text_model", "mmproj_model"]
        for step in range(20):
            pause(self.load_s / 20)
            if model in self.broken and step == 10:
                self.set(model, value="unloaded", args=["llama-server"], failed=True, exit_code=134)
                return
            self.tell(model, {"status": "loading", "progress": {"stages": stages, "current": stages[step // 10], "value": (step % 10 + 1) / 10}})
        self.fresh.add(model)
        self.set(model, value="loaded", args=["llama-server"])

    def load(self, call):
        model = self.name(call)
        with self.lock:
            if self.status[model]["value"] != "unloaded":
                raise Refused(400, "model is already running")
            self.loads.append(model)
        threading.Thread(target=self.run, args=(model,), daemon=True).start()
        return 200, {"success": True}

    def unload(self, call):
        model = self.name(call)
        if self.status[model]["value"] == "unloaded":
            raise Refused(400, "model is not running")

        def stop():
            pause(self.unload_s)
            self.set(model, value="unloaded")

        threading.Thread(target=stop, daemon=True).start()
        return 200, {"success": True}

    def sse(self, call):
        if not self.events:
            raise Refused(404, "File Not Found", meant=False)
        mine = []
        with self.lock:
            self.listeners.append(mine)
        handler = call.handler
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        handler.close_connection = True
        try:
            while not call.gone():
                with self.lock:
                    events, mine[:] = list(mine), []
                for event in events:
                    handler.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
                handler.wfile.flush()
                pause(0.01)
        except OSError:
            pass
        finally:
            with self.lock:
                self.listeners.remove(mine)

    def complete(self, call):
        self.check(call)
        model = self.name(call)
        if self.status[model]["value"] == "unloaded":  # autoload
            self.loads.append(model)
            threading.Thread(target=self.run, args=(model,), daemon=True).start()
            pause(2 * self.lag_s)
        while self.status[model]["value"] == "loading":
            pause(0.005)
        if self.status[model]["value"] != "loaded":
            raise Refused(500, "model failed to load", meant=False)
        with self.lock:
            slow = model in self.fresh
            self.fresh.discard(model)
        pause(self.first_s if slow else 0.005)
        return self.answer(call)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sleep-idle-seconds", type=float, default=0.0)
    options = parser.parse_args()
    LlamaServer(load_s=0.5, first_s=0.1, sleep_idle_s=options.sleep_idle_seconds, port=options.port).thread.join()
