"""A Kubernetes API server as its reference says, over TLS: apps/v1 deployments and their scale subresource, merge patches
with a field manager and optimistic locking, managedFields, bearer tokens, RBAC, Status objects. Behind it, the pod's service."""

import json
import ssl
import subprocess
import threading
import time

from double import Double, Refused, pause

SCALE = "/apis/apps/v1/namespaces/([^/]+)/deployments/([^/]+)/scale"


def certificates(folder, name="127.0.0.1", days=1, ca="ca"):
    """A CA of its own and a certificate for a server, made by openssl."""
    def run(*words):
        subprocess.run(["openssl", *words], check=True, cwd=folder, capture_output=True)
    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={ca}", "-keyout", f"{ca}.key",
        "-out", f"{ca}.crt", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=server", "-keyout", f"{ca}-server.key", "-out", f"{ca}-server.csr")
    with open(f"{folder}/{ca}.ext", "w") as out:
        out.write(f"subjectAltName={'IP' if name[0].isdigit() else 'DNS'}:{name}\n")
    run("x509", "-req", "-in", f"{ca}-server.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", str(days),
        "-extfile", f"{ca}.ext", "-out", f"{ca}-server.crt")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/{ca}-server.crt", f"{folder}/{ca}-server.key")
    return context, f"{folder}/{ca}.crt"


class Service(Double):
    routes = {("POST", "/v1/chat/completions"): "chat"}

    def __init__(self, cluster):
        super().__init__()
        self.cluster = cluster

    def chat(self, call):
        call.read_json()
        return self.cluster.serve()


class Kubernetes(Double):
    routes = {("GET", "/version"): "version"}
    patterns = (
        ("GET", "/apis/apps/v1/namespaces/([^/]+)/deployments/([^/]+)", "get"),
        ("GET", SCALE, "get_scale"), ("PATCH", SCALE, "patch_scale"),
    )

    def __init__(self, tls, token, namespace="ml", name="qwen", ready_s=0.6, first_s=0.4, infer_s=0.02, stop_s=0.3, port=0):
        self.tls, self.token, self.namespace, self.name = tls, token, namespace, name
        self.ready_s, self.first_s, self.infer_s, self.stop_s = ready_s, first_s, infer_s, stop_s
        self.replicas, self.manager, self.version_number = 0, "kubectl-create", 100
        self.up_since, self.there, self.fresh = None, 0, True
        self.forbidden, self.stuck, self.conflicts = False, None, 0
        super().__init__(port)
        self.service = Service(self)

    def close(self):
        super().close()
        self.service.close()

    def error_body(self, status, words):
        reason = {401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict"}.get(status, "BadRequest")
        return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": words, "reason": reason, "code": status}

    def authorise(self, call, namespace, name, verb):
        if call.headers.get("Authorization") != f"Bearer {self.token}":
            raise Refused(401, "Unauthorized", meant=False)
        what = f'deployments.apps "{name}"'
        if self.forbidden:
            raise Refused(403, f'{what} is forbidden: User "system:serviceaccount:ml:forewarm" cannot {verb} resource', meant=False)
        if (namespace, name) != (self.namespace, self.name):
            raise Refused(404, f"{what} not found", meant=False)

    def version(self, _call):
        return 200, {"major": "1", "minor": "33", "gitVersion": "v1.33.1"}

    # ---- the cluster ----

    def set_replicas(self, replicas, manager):
        with self.lock:
            if replicas != self.replicas:
                if self.replicas == 0:
                    self.up_since, self.fresh = time.monotonic(), True
                self.replicas, self.manager = replicas, manager
                self.version_number += 1
                if replicas == 0:
                    threading.Thread(target=self.finish_stop, daemon=True).start()
                else:
                    self.there = replicas

    def finish_stop(self):
        pause(self.stop_s)
        with self.lock:
            if self.replicas == 0:
                self.there, self.up_since = 0, None
                self.version_number += 1

    def ready(self):
        return self.replicas if self.up_since and not self.stuck and time.monotonic() >= self.up_since + self.ready_s else 0

    def meta(self):
        fields = {"manager": self.manager, "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
                  "fieldsV1": {"f:spec": {"f:replicas": {}}}, "subresource": "scale"}
        other = {"manager": "kubectl-create", "operation": "Update", "fieldsV1": {"f:spec": {"f:template": {}}}}
        return {"name": self.name, "namespace": self.namespace, "resourceVersion": str(self.version_number), "generation": 1, "managedFields": [other, fields]}

    def get(self, call, namespace, name):
        self.authorise(call, namespace, name, "get")
        with self.lock:
            status = {"observedGeneration": 1, "conditions": []}
            if self.there:
                status |= {"replicas": self.there, "unavailableReplicas": self.there - self.ready()}
            if self.ready():
                status["readyReplicas"] = self.ready()
            if self.stuck:
                status["conditions"] = [{"type": "Progressing", "status": "False", "reason": self.stuck[0], "message": self.stuck[1]}]
            return 200, {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": self.meta(), "spec": {"replicas": self.replicas}, "status": status}

    def scale(self):
        # The lie: status.replicas counts pods that exist, not pods that serve.
        return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": self.meta(), "spec": {"replicas": self.replicas}, "status": {"replicas": self.there}}

    def get_scale(self, call, namespace, name):
        self.authorise(call, namespace, name, "get")
        with self.lock:
            return 200, self.scale()

    def patch_scale(self, call, namespace, name):
        self.authorise(call, namespace, name, "patch")
        if call.headers.get("Content-Type") != "application/merge-patch+json":
            raise Refused(415, f"the body of the request was in an unknown format: {call.headers.get('Content-Type')}")
        if set(call.query) - {"fieldManager", "dryRun", "fieldValidation"} or not call.query.get("fieldManager"):
            raise Refused(400, f"unexpected query {call.query}")
        body = json.loads(call.raw)
        if set(body) - {"metadata", "spec"} or set(body["spec"]) != {"replicas"} or not isinstance(body["spec"]["replicas"], int):
            raise Refused(422, f"unexpected patch {body}")
        with self.lock:
            if self.conflicts > 0:
                self.conflicts -= 1
                self.version_number += 1
            wanted = body.get("metadata", {}).get("resourceVersion")
            if wanted and wanted != str(self.version_number):
                raise Refused(409, f'Operation cannot be fulfilled on deployments.apps "{name}": the object has been modified; '
                              "please apply your changes to the latest version and try again", meant=False)
            self.set_replicas(body["spec"]["replicas"], call.query["fieldManager"])
            return 200, self.scale()

    def serve(self):
        with self.lock:
            if not self.ready():
                raise Refused(503, "no endpoints available for service", meant=False)
            fresh, self.fresh = self.fresh, False
        pause(self.infer_s + (self.first_s if fresh else 0))
        return 200, {"object": "chat.completion", "choices": []}
