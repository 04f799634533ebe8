#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""examples/kubernetes is what Kubernetes takes (D15): each manifest against the fields of its published schema. The schemas here are ours, trimmed to
what the examples may use: KEDA's ScaledObject and TriggerAuthentication (keda.sh/v1alpha1, its custom resource definitions and the documentation of the
metrics-api scaler), HorizontalPodAutoscaler (autoscaling/v2 of the Kubernetes API), the Prometheus adapter's rules. An unknown field is an error, as
the API server with strict validation has it."""
import copy
import json
import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

try:
    import yaml
except ImportError:
    print("SKIPPED: python3-yaml is not installed (scripts/packages test)", flush=True)
    sys.exit(77)

ROOT = os.environ.get("FOREWARM_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
FOREWARM = os.environ.get("FOREWARM", os.path.join(ROOT, "build", "forewarm"))
FOLDER = os.path.join(ROOT, "examples", "kubernetes")
NAME = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
QUANTITY = r"[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE])?"


def text(pattern=".+", values=None):
    return {"is": str, "pattern": pattern, "values": values}


def number(low, high):
    return {"is": int, "low": low, "high": high}


def of(required=(), **fields):
    return {"is": dict, "fields": fields, "required": required}


def many(item, least=1):
    return {"is": list, "item": item, "least": least}


META = of(("name",), name=text(NAME), namespace=text(NAME), labels={"is": dict}, annotations={"is": dict})
TARGET_REF = of(("kind", "name"), apiVersion=text(), kind=text(), name=text(NAME))
POLICY = of(("type", "value", "periodSeconds"), type=text(values=["Pods", "Percent"]), value=number(1, 1 << 31), periodSeconds=number(1, 1800))
SCALING = of((), stabilizationWindowSeconds=number(0, 3600), selectPolicy=text(values=["Max", "Min", "Disabled"]), policies=many(POLICY))
BEHAVIOR = of((), scaleUp=SCALING, scaleDown=SCALING)
METRIC_TARGET = of(("type",), type=text(values=["Value", "AverageValue", "Utilization"]), value=text(QUANTITY), averageValue=text(QUANTITY))
EXTERNAL = of(("metric", "target"), metric=of(("name",), name=text(), selector=of((), matchLabels={"is": dict})), target=METRIC_TARGET)
TRIGGER = of(("type", "metadata"), type=text(values=["metrics-api"]), name=text(), metricType=text(values=["AverageValue", "Value"]),
             useCachedMetrics={"is": bool}, authenticationRef=of(("name",), name=text(NAME), kind=text()),
             metadata=of(("url", "valueLocation", "targetValue"), url=text(r"https?://\S+"), valueLocation=text(), targetValue=text(r"\d+(\.\d+)?"),
                         activationTargetValue=text(r"\d+(\.\d+)?"), format=text(values=["json", "xml", "yaml", "prometheus"]), unsafeSsl=text("true|false"),
                         authMode=text(values=["apiKey", "basic", "tls", "bearer", "custom"])))
SCHEMAS = {
    ("keda.sh/v1alpha1", "ScaledObject"): of(
        ("scaleTargetRef", "triggers"), scaleTargetRef=of(("name",), apiVersion=text(), kind=text(), name=text(NAME), envSourceContainerName=text()),
        pollingInterval=number(1, 3600), cooldownPeriod=number(0, 86400), idleReplicaCount=number(0, 0), minReplicaCount=number(0, 10000),
        maxReplicaCount=number(1, 10000), fallback=of(("failureThreshold", "replicas"), failureThreshold=number(1, 1000), replicas=number(0, 10000)),
        advanced=of((), restoreToOriginalReplicaCount={"is": bool}, horizontalPodAutoscalerConfig=of((), name=text(), behavior=BEHAVIOR)),
        triggers=many(TRIGGER)),
    ("keda.sh/v1alpha1", "TriggerAuthentication"): of((), secretTargetRef=many(of(("parameter", "name", "key"), parameter=text(), name=text(NAME), key=text()))),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): of(
        ("scaleTargetRef", "maxReplicas"), scaleTargetRef=TARGET_REF, minReplicas=number(1, 10000), maxReplicas=number(1, 10000), behavior=BEHAVIOR,
        metrics=many(of(("type", "external"), type=text(values=["External"]), external=EXTERNAL))),
}
ADAPTER = of(("rules",), rules=of(("external",), external=many(of(
    ("seriesQuery", "metricsQuery"), seriesQuery=text(), metricsQuery=text(), resources=of((), namespaced={"is": bool}),
    name=of((), matches=text(), **{"as": text()})))))


def faults(value, schema, at):
    """What of the value is not as the schema says."""
    if not isinstance(value, schema["is"]) or isinstance(value, bool) != (schema["is"] is bool):
        return [f"{at}: found {value!r}, expected {schema['is'].__name__}"]
    found = []
    if schema["is"] is str:
        if schema["values"] and value not in schema["values"]:
            found.append(f"{at}: found {value!r}, expected one of {schema['values']}")
        elif not re.fullmatch(schema["pattern"], value):
            found.append(f"{at}: found {value!r}, expected {schema['pattern']}")
    elif schema["is"] is int and not schema["low"] <= value <= schema["high"]:
        found.append(f"{at}: found {value}, expected {schema['low']} to {schema['high']}")
    elif schema["is"] is list:
        if len(value) < schema["least"]:
            found.append(f"{at}: found {len(value)}, expected at least {schema['least']}")
        for i, item in enumerate(value):
            found += faults(item, schema["item"], f"{at}[{i}]")
    elif schema["is"] is dict and "fields" in schema:
        found += [f"{at}.{name}: missing" for name in schema["required"] if name not in value]
        for name, item in value.items():
            found += faults(item, schema["fields"][name], f"{at}.{name}") if name in schema["fields"] else [f"{at}.{name}: unknown field"]
    return found


def check_manifest(document, at):
    kind = (document.get("apiVersion"), document.get("kind"))
    if kind not in SCHEMAS:
        return [f"{at}: {kind} is not known here"]
    whole = of(("apiVersion", "kind", "metadata", "spec"), apiVersion=text(), kind=text(), metadata=META, spec=SCHEMAS[kind])
    return faults(document, whole, at)


def documents(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return [document for document in yaml.safe_load_all(file) if document]


def paths():
    with open(os.path.join(ROOT, "docs", "reference", "openapi.json"), encoding="utf-8") as file:
        return json.load(file)


def check_keda(problems):
    """The scaler asks for what there is: the path, the field, and a secret that the other document names."""
    authentication, scaled = documents("keda-scaledobject.yaml")
    trigger = scaled["spec"]["triggers"][0]
    path = urlsplit(trigger["metadata"]["url"]).path
    api = paths()
    schema = api["components"]["schemas"][api["paths"]["/v1/scale/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]]
    if not re.fullmatch("/v1/scale/[^/]+", path):
        problems.append(f"keda: {path} is no call")
    if schema["properties"].get(trigger["metadata"]["valueLocation"], {}).get("type") != "integer":
        problems.append(f"keda: {trigger['metadata']['valueLocation']} is no number of the answer")
    if trigger["authenticationRef"]["name"] != authentication["metadata"]["name"] or scaled["metadata"]["namespace"] != authentication["metadata"]["namespace"]:
        problems.append("keda: the trigger's authentication is another")
    if trigger["metadata"]["authMode"] == "bearer" and [one["parameter"] for one in authentication["spec"]["secretTargetRef"]] != ["token"]:
        problems.append("keda: bearer wants the parameter token")
    if scaled["spec"]["fallback"] and trigger["metricType"] != "AverageValue":
        problems.append("keda: a fallback works with AverageValue only")


def check_hpa(problems):
    """The HPA's metric is the adapter's, and the adapter's series is one of ours with that label."""
    (hpa,), (adapter,) = documents("hpa.yaml"), documents("prometheus-adapter.yaml")
    rule, metric = adapter["rules"]["external"][0], hpa["spec"]["metrics"][0]["external"]["metric"]
    answer = json.loads(subprocess.run([FOREWARM, "metrics", "--json"], check=True, capture_output=True, text=True).stdout)
    rows = next(v for v in answer.values() if isinstance(v, list)) if isinstance(answer, dict) else answer
    ours = {row["name"]: row["labels"] for row in rows}
    if metric["name"] != rule["name"]["as"]:
        problems.append("hpa: its metric is not the adapter's")
    if rule["seriesQuery"] not in ours or not set(metric["selector"]["matchLabels"]) <= set(str(ours[rule["seriesQuery"]]).replace("[", "").split(",")):
        problems.append(f"adapter: {rule['seriesQuery']} is no metric of ours with these labels")


def check_checker(problems):
    """The checker sees what is wrong."""
    good = documents("keda-scaledobject.yaml")[1]

    def spoil(change):
        bad = copy.deepcopy(good)
        change(bad)
        return check_manifest(bad, "spoiled")

    for what, change in [
        ("an unknown field", lambda d: d["spec"].update(pollingIntervall=3)),
        ("a number as text", lambda d: d["spec"].update(maxReplicaCount="8")),
        ("a missing field", lambda d: d["spec"].pop("triggers")),
        ("no trigger", lambda d: d["spec"].update(triggers=[])),
        ("a value out of bounds", lambda d: d["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"].update(stabilizationWindowSeconds=7200)),
        ("metadata that is no text", lambda d: d["spec"]["triggers"][0]["metadata"].update(targetValue=1)),
        ("another kind", lambda d: d.update(kind="ScaledJob")),
        ("a bad name", lambda d: d["metadata"].update(name="Qwen_7b")),
    ]:
        if not spoil(change):
            problems.append(f"the checker does not see {what}")


def main():
    problems, seen = [], set()
    for name in ("keda-scaledobject.yaml", "hpa.yaml"):
        for i, document in enumerate(documents(name)):
            problems += check_manifest(document, f"{name}[{i}]")
            seen.add(document["kind"])
    for document in documents("prometheus-adapter.yaml"):
        problems += faults(document, ADAPTER, "prometheus-adapter.yaml")
    if seen != {"ScaledObject", "TriggerAuthentication", "HorizontalPodAutoscaler"}:
        problems.append(f"found {seen}")
    if not problems:
        check_keda(problems)
        check_hpa(problems)
        check_checker(problems)
    print("\n".join(problems) if problems else "the manifests are what they should be")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
