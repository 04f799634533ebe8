"""TorchServe as docs/management_api.md, inference_api.md and token_authorization_api.md say: two ports; scaling workers, with
202 unless it is synchronous; worker states; tokens that are replaced while it runs."""

import threading

from double import Double, Refused, pause


class Inference(Double):
    routes = {("GET", "/ping"): "ping"}
    patterns = (("POST", "/predictions/([^/]+)", "predict"),)

    def __init__(self, management):
        super().__init__()
        self.management = management

    def ping(self, _call):
        return 200, {"status": "Healthy"}

    def predict(self, _call, name):
        return self.management.predict(name)


class TorchServe(Double):
    """The management port; `inference` is the other."""

    routes = {("GET", "/models"): "models"}
    patterns = (("GET", "/models/([^/]+)", "describe"), ("PUT", "/models/([^/]+)", "scale"))

    def __init__(self, names, token=None, asynchronous=False, start_s=0.5, first_s=0.4, infer_s=0.02, port=0):
        super().__init__(port)
        self.token, self.asynchronous = token, asynchronous
        self.start_s, self.first_s, self.infer_s = start_s, first_s, infer_s
        self.workers = {name: [] for name in names}
        self.inference = Inference(self)

    def close(self):
        super().close()
        self.inference.close()

    def error_body(self, status, words):
        return {"code": status, "type": "InvalidKeyException" if status == 400 else "ModelNotFoundException", "message": words}

    def authorise(self, call):
        if self.token and call.headers.get("Authorization") != f"Bearer {self.token}":
            raise Refused(401, "Token Authorization failed. Token either incorrect, expired, or not provided correctly", meant=False)

    def models(self, call):
        self.authorise(call)
        return 200, {"models": [{"modelName": name, "modelUrl": f"{name}.mar"} for name in self.workers]}

    def find_model(self, name):
        if name not in self.workers:
            raise Refused(404, f"Model not found: {name}", meant=False)
        return self.workers[name]

    def describe(self, call, name):
        self.authorise(call)
        with self.lock:
            return 200, [{"modelName": name, "minWorkers": 1, "maxWorkers": 1, "workers": [dict(w) for w in self.find_model(name)]}]

    def scale(self, call, name):
        self.authorise(call)
        if call.raw:
            raise Refused(400, "unexpected body")
        for key in call.query:
            if key not in ("min_worker", "max_worker", "synchronous", "timeout"):
                raise Refused(400, f"unknown parameter {key}")
        workers, wanted = self.find_model(name), int(call.query["min_worker"])
        with self.lock:
            started = [{"id": str(9000 + i), "status": "LOADING", "memoryUsage": 0, "fresh": True} for i in range(len(workers), wanted)]
            del workers[wanted:]
            workers += started
        if call.query.get("synchronous") == "true" and not self.asynchronous:
            self.finish(started)
            return 200, {"status": f"Workers scaled to {wanted} for model: {name}"}
        threading.Thread(target=self.finish, args=(started,), daemon=True).start()
        return 202, {"status": "Processing worker updates..."}

    def finish(self, started):
        if started:
            pause(self.start_s)
        with self.lock:
            for worker in started:
                worker.update(status="READY", memoryUsage=3 << 30)

    def predict(self, name):
        with self.lock:
            ready = [w for w in self.workers[name] if w["status"] == "READY"]
            if not ready:
                raise Refused(503, f"Model \"{name}\" has no worker to serve inference request. Please use scale workers API to add workers.", meant=False)
            fresh, ready[0]["fresh"] = ready[0]["fresh"], False
        pause(self.infer_s + (self.first_s if fresh else 0))
        return 200, {"class": 1}
