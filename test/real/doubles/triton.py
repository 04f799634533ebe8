"""Triton as docs/protocol/extension_model_repository.md, _model_configuration.md, _binary_data.md and the KServe V2 protocol
say: explicit mode; a load of what is loaded loads again; unloading answers first; READY models initialise lazily, every
instance and batch shape on its own; the scheduler gives a request to the first idle instance and puts waiting ones together."""

import json
import threading
import time

from double import Double, Refused, only, pause

BYTES = {"BOOL": 1, "UINT8": 1, "INT32": 4, "INT64": 8, "FP32": 4, "FP16": 2}


class Model:
    def __init__(self, inputs, max_batch=0, instances=1, gpus=0, dynamic_batching=False):
        self.inputs, self.max_batch, self.dynamic_batching = inputs, max_batch, dynamic_batching
        self.count, self.gpus = instances, gpus
        self.state, self.reason = "", ""
        self.loads, self.busy, self.seen = 0, set(), {}


class Triton(Double):
    routes = {("GET", "/v2"): "server", ("POST", "/v2/repository/index"): "index", ("GET", "/v2/health/ready"): "ready"}
    patterns = (
        ("POST", "/v2/repository/models/([^/]+)/load", "load"),
        ("POST", "/v2/repository/models/([^/]+)/unload", "unload"),
        ("GET", "/v2/models/([^/]+)", "metadata"),
        ("GET", "/v2/models/([^/]+)/config", "config"),
        ("GET", "/v2/models/([^/]+)/ready", "model_ready"),
        ("POST", "/v2/models/([^/]+)/infer", "infer"),
    )

    def __init__(self, models, explicit=True, load_s=0.5, lazy_s=0.4, infer_s=0.03, unload_s=0.3, port=0):
        super().__init__(port)
        self.models, self.explicit = models, explicit
        self.load_s, self.lazy_s, self.infer_s, self.unload_s = load_s, lazy_s, infer_s, unload_s
        self.idle = threading.Condition(self.lock)
        self.dependents_told = []

    def server(self, _call):
        return 200, {"name": "triton", "version": "2.60.0", "extensions": ["model_repository", "model_configuration", "binary_tensor_data"]}

    def ready(self, _call):
        return 200, None

    def model(self, name, loaded=True):
        if name not in self.models or (loaded and self.models[name].state != "READY"):
            raise Refused(400, f"Request for unknown model: '{name}' is not found", meant=False)
        return self.models[name]

    def index(self, call):
        body = json.loads(call.raw or b"{}")
        only(body, ready=bool)
        with self.lock:
            rows = []
            for name, model in self.models.items():
                row = {"name": name}
                if model.state:
                    row |= {"version": "1", "state": model.state, **({"reason": model.reason} if model.reason else {})}
                if model.state == "READY" or not body.get("ready"):
                    rows.append(row)
            return 200, rows

    def must_be_explicit(self):
        if not self.explicit:
            raise Refused(503, "explicit model load / unload is not allowed if polling is enabled", meant=False)

    def load(self, call, name):
        only(json.loads(call.raw or b"{}"), parameters=dict)
        self.must_be_explicit()
        model = self.models.get(name)
        if model is None:
            raise Refused(400, f"failed to load '{name}', failed to poll from model repository", meant=False)
        with self.lock:
            again = model.state == "READY"
            model.state, model.loads, model.seen = "LOADING", model.loads + 1, {}
        pause(self.load_s)
        with self.lock:
            model.state = "READY"
        if again:
            raise Refused(200, "it was loaded already: its users wait for a second load")
        return 200, None

    def unload(self, call, name):
        body = json.loads(call.raw or b"{}")
        only(body, parameters=dict)
        only(body.get("parameters", {}), unload_dependents=bool)
        self.must_be_explicit()
        model = self.models[name]
        self.dependents_told.append(body.get("parameters", {}).get("unload_dependents"))
        with self.lock:
            if model.state == "READY":
                model.state = "UNLOADING"
                threading.Thread(target=self.finish_unload, args=(model,), daemon=True).start()
        return 200, None

    def finish_unload(self, model):
        pause(self.unload_s)
        with self.lock:
            model.state, model.reason, model.seen = "UNAVAILABLE", "unloaded", {}

    def model_ready(self, _call, name):
        with self.lock:
            return (200 if self.models[name].state == "READY" else 400), None

    def shapes(self, model):
        return [{"name": n, "datatype": t, "shape": ([-1] if model.max_batch else []) + s} for n, t, s in model.inputs]

    def metadata(self, _call, name):
        model = self.model(name)
        return 200, {"name": name, "versions": ["1"], "platform": "onnxruntime_onnx", "inputs": self.shapes(model), "outputs": []}

    def config(self, _call, name):
        model = self.model(name)
        group = {"name": name, "count": model.count, "kind": "KIND_GPU" if model.gpus else "KIND_CPU", "gpus": list(range(model.gpus))}
        return 200, {"name": name, "max_batch_size": model.max_batch, "instance_group": [group]}

    # ---- inferences ----

    def check_tensor(self, model, tensor, declared, binary_left):
        only(tensor, name=str, datatype=str, shape=list, data=list, parameters=dict)
        if tensor["datatype"] != declared["datatype"]:
            raise Refused(400, f"inference input '{tensor['name']}' data-type is '{tensor['datatype']}', but model expects '{declared['datatype']}'")
        sizes = tensor["shape"]
        if len(sizes) != len(declared["shape"]) or any(want not in (-1, got) for want, got in zip(declared["shape"], sizes)) or min(sizes, default=0) < 0:
            raise Refused(400, f"unexpected shape for input '{tensor['name']}': {sizes}, expected {declared['shape']}")
        if model.max_batch and not 1 <= sizes[0] <= model.max_batch:
            raise Refused(400, f"inference request batch-size must be <= {model.max_batch}")
        count = 1
        for size in sizes:
            count *= size
        if "data" not in tensor:
            size = tensor.get("parameters", {}).get("binary_data_size")
            if size != count * BYTES[tensor["datatype"]]:
                raise Refused(400, f"input '{tensor['name']}' got unexpected byte size {size}")
            return binary_left - size
        if tensor["datatype"] == "FP16":
            raise Refused(400, "sending FP16 data via JSON is not supported. Please use the binary data format for input")
        if len(tensor["data"]) != count:
            raise Refused(400, f"input '{tensor['name']}' got {len(tensor['data'])} elements, expected {count}")
        return binary_left

    def infer(self, call, name):
        model = self.model(name)
        size = call.headers.get("Inference-Header-Content-Length")
        head = call.raw[: int(size)] if size else call.raw
        body = json.loads(head)
        only(body, id=str, parameters=dict, inputs=list, outputs=list)
        declared = {row["name"]: row for row in self.shapes(model)}
        if {t["name"] for t in body["inputs"]} != set(declared):
            raise Refused(400, f"expected {len(declared)} inputs but got {len(body['inputs'])} inputs for model '{name}'")
        left = len(call.raw) - len(head)
        for tensor in body["inputs"]:
            left = self.check_tensor(model, tensor, declared[tensor["name"]], left)
        if left:
            raise Refused(400, f"unexpected additional input data: {left} bytes")
        self.execute(model, body["inputs"][0]["shape"][0] if model.max_batch else 0)
        return 200, {"model_name": name, "model_version": "1", "outputs": []}

    def execute(self, model, batch):
        with self.idle:
            while len(model.busy) == model.count * max(1, model.gpus):
                self.idle.wait()
            instance = next(i for i in range(model.count * max(1, model.gpus)) if i not in model.busy)
            model.busy.add(instance)
            lazy = batch not in model.seen.setdefault(instance, set())
        pause(self.infer_s + (self.lazy_s if lazy else 0))
        with self.idle:
            model.seen[instance].add(batch)
            model.busy.discard(instance)
            self.idle.notify_all()


def users(double, name, body, count):
    """So many users at once; the longest wait."""
    from harness import request

    waits = []
    def one():
        start = time.monotonic()
        answer = request(double.server_port, "POST", f"/v2/models/{name}/infer", body)
        assert answer.status == 200, answer
        waits.append(time.monotonic() - start)
    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(waits)
