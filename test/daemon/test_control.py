#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The control plane: docs/reference/openapi.json holds for every call, and bad calls are told what is wrong."""
import http.client
import json
import os
import re
import socket
import subprocess

from harness import FOREWARM, SOURCE, Daemon, main, wait_for

with open(os.path.join(SOURCE, "docs", "reference", "openapi.json")) as f:
    API = json.load(f)

TYPES = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}


def is_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def faults(value, schema, at="$"):
    """What of the value is not as the schema says: types, enums, bounds, required and undocumented fields."""
    if "$ref" in schema:
        return faults(value, API["components"]["schemas"][schema["$ref"].rpartition("/")[2]], at)
    if "anyOf" in schema:
        every = [faults(value, s, at) for s in schema["anyOf"]]
        return [] if [] in every else every[0]
    names = schema.get("type", [])
    names = [names] if isinstance(names, str) else names
    if names and not any(is_type(value, n) for n in names):
        return [f"{at}: {value!r} is not {names}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is none of {schema['enum']}")
    if "minimum" in schema and value < schema["minimum"] or "maximum" in schema and value > schema["maximum"]:
        found.append(f"{at}: {value!r} is out of bounds")
    if schema.get("format") == "date-time" and value is not None:
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
            found.append(f"{at}: {value!r} is no instant")
    if isinstance(value, dict):
        found += [f"{at}.{k}: missing" for k in schema.get("required", []) if k not in value]
        for key, item in value.items():
            if key in schema.get("properties", {}):
                found += faults(item, schema["properties"][key], f"{at}.{key}")
            elif "properties" in schema:
                found.append(f"{at}.{key}: not documented")
    if isinstance(value, list):
        for i, item in enumerate(value):
            found += faults(item, schema.get("items", {}), f"{at}[{i}]")
    return found


def hold(method, path, answer, name=None):
    """The answer's status, content type and fields are documented."""
    operation = API["paths"][name or path.partition("?")[0]][method.lower()]
    documented = operation["responses"].get(str(answer.status))
    assert documented, f"{method} {path}: {answer.status} is not documented: {answer}"
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in documented["content"], (method, path, kind)
    if kind == "application/json":
        found = faults(answer.json, documented["content"][kind]["schema"])
        assert not found, f"{method} {path}: {found}"
    return answer


def the_checker_sees_faults():
    accounts = API["components"]["schemas"]["WarmupAnswer"]
    good = {"status": "warmed", "time": 1.0, "ready": True, "cached": False}
    assert faults(good, accounts) == []
    assert faults({**good, "status": "hot"}, accounts) and faults({**good, "time": "1"}, accounts)
    assert faults({**good, "more": 1}, accounts) and faults({"status": "warmed"}, accounts)


def every_documented_call_answers_as_documented():
    with Daemon(memory="1GiB", retry_min="1h", retry_max="1h") as d:
        d.exec_resource("org/model:latest", aliases=["m"], memory="10MiB")
        d.exec_resource("bad", warmer={"command": "false"})
        d.start()
        done = set()

        def go(method, path, status, body=None, name=None, **more):
            answer = hold(method, path, getattr(d, method.lower())(path, *([body] if body is not None else []),
                                                                              **more), name)
            assert answer.status == status, (method, path, answer)
            done.add((method.lower(), name or path.partition("?")[0]))
            return answer

        by_id = "/v1/resources/{id}"
        id = "org%2Fmodel%3Alatest"
        go("GET", "/v1/resources", 200)
        go("POST", "/start-warmup", 202, {"resource": "m"})
        go("GET", "/warmup-status?resource=org%2Fmodel:latest", 200)
        go("POST", "/warmup", 200, {"resource": "org/model:latest"})
        go("POST", "/warmup", 200, {"resource": "bad"})
        for _ in range(3):
            assert d.chat("m", headers={"X-Session-Id": "s1"}).status == 200
        go("GET", f"/v1/resources/{id}", 200, name=by_id)
        go("GET", "/v1/resources/org/model:latest", 200, name=by_id)
        go("GET", "/v1/resources/bad", 200, name=by_id)
        go("GET", f"/v1/resources/{id}/why", 200, name=by_id + "/why")
        go("GET", "/v1/resources", 200)
        go("POST", "/v1/events", 200, {"resource": "m", "start": "2100-01-01T09:00:00Z", "expected_requests": 40, "source": "launches"})
        go("POST", "/v1/events", 400, {"resource": "m", "start": "soon"})
        backwards = {"resource": "m", "start": "2100-01-02T09:00:00Z", "end": "2100-01-01T09:00:00Z", "name": "launch"}
        assert "end: expected an instant after start" in go("POST", "/v1/events", 400, backwards).json["errors"][0]["error"]
        launch = go("POST", "/v1/events", 200, {"resource": "*", "start": "2100-02-01T09:00:00Z", "multiplier": 3, "name": "launch", "class": "feature_launch"})
        assert [e["name"] for e in go("GET", "/v1/events", 200).json["events"]] == ["launches", "launch"]
        by_event = "/v1/events/{id}"
        go("DELETE", f"/v1/events/{launch.json['ids'][0]}", 200, name=by_event)
        go("DELETE", f"/v1/events/{launch.json['ids'][0]}", 404, name=by_event)
        assert [e["name"] for e in go("GET", "/v1/events", 200).json["events"]] == ["launches"]
        for which in ("", "?resource=m", "?resource=m&grain=minute", "?grain=ten_minutes"):
            go("GET", "/v1/demand" + which, 200)
        assert "grain" in go("GET", "/v1/demand?grain=second", 400).json["error"]["message"]
        assert go("GET", "/v1/forecast", 200).json["forecast"] == []
        go("GET", "/v1/forecast?resource=m", 200)
        go("GET", "/v1/anomalies?state=open&resource=m", 200)
        go("GET", "/v1/anomalies?state=closed", 400)
        go("GET", "/v1/plan", 200)
        assert go("GET", "/v1/plan?resource=m", 200).json["plans"][0]["plan"] == []
        go("GET", "/v1/scale/m", 200, name="/v1/scale/{id}")
        go("POST", "/v1/forecasts", 200, [{"resource": "*", "start": "2100-01-01T09:00:00Z", "end": "2100-01-01T10:00:00Z", "multiplier": 2}])
        go("POST", "/v1/hints", 202, {"resource": "m", "session": "s1", "eta_s": 5, "probability": 0.9, "source": "page"})
        go("POST", "/v1/observations", 200, {"resource": "m", "session": "s1", "duration_s": 1.5})
        step = {"kind": "llm", "name": "m", "started_at": "2026-01-02T03:04:05Z", "ended_at": "2026-01-02T03:04:06Z", "output_tokens": 9}
        run = {"id": "r", "agent_id": "a", "started_at": "2026-01-02T03:04:05Z", "ended_at": "2026-01-02T03:04:09Z", "calls": [step, step]}
        assert go("POST", "/v1/runs", 200, [run, run, {}]).json["known"] == 1
        go("POST", "/v1/runs", 400, {"id": "r"})
        go("POST", "/v1/runs", 400, b"")
        for query in ("agent=a&path=m&call=1", "agent=a", "agent=nobody&path=m", "agent=a&path=m&path=x&call=9&dialect=strict"):
            go("GET", "/v1/call-hints?" + query, 200)
        go("GET", "/v1/call-hints?path=m", 400)
        go("GET", "/v1/predictions", 200)
        go("GET", "/v1/next?session=s1", 200)
        go("GET", "/v1/alerts", 200)  # test_alerts has some
        go("GET", "/v1/fleet", 404)  # one that is alone; test_fleet has the rest
        for verb in ("pin", "unpin", "unload", "warm"):
            go("POST", f"/v1/resources/{id}/{verb}", 202, name=f"{by_id}/{verb}")
        go("GET", "/metrics", 200)
        go("GET", "/healthz", 200)
        go("GET", "/readyz", 200)
        go("GET", "/", 200)
        assert "default-src 'none'" in go("GET", "/dashboard.js", 200).headers["content-security-policy"]
        go("GET", "/dashboard.css", 200)
        assert go("GET", "/v1/sessions", 200).json["sessions"][0]["resource"] == "org/model:latest"
        script = go("GET", "/forewarm.js", 200)
        assert len(script.body) < 2000, f"forewarm.js has {len(script.body)} bytes; pages were promised less than 2 KB"
        stream(d)
        done.add(("get", "/v1/warmups/events"))
        live(d, "org/model:latest")
        done.add(("get", "/v1/live"))
        # Errors, too.
        for method, path, name, body in (
                ("POST", "/warmup", None, {"resource": "nobody"}), ("POST", "/start-warmup", None, {"resource": "nobody"}),
                ("GET", "/warmup-status?resource=nobody", None, None), ("GET", "/v1/resources/nobody", by_id, None),
                ("GET", "/v1/demand?resource=nobody", None, None), ("GET", "/v1/forecast?resource=nobody", None, None),
                ("GET", "/v1/anomalies?resource=nobody", None, None), ("GET", "/v1/plan?resource=nobody", None, None),
                ("GET", "/v1/scale/nobody", "/v1/scale/{id}", None),
                ("GET", "/v1/resources/nobody/why", by_id + "/why", None), ("POST", "/v1/hints", None, {"resource": "nobody"}),
                ("POST", "/v1/resources/nobody/pin", by_id + "/pin", None)):
            go(method, path, 404, body, name=name)
        for method, path, body in (("POST", "/warmup", {}), ("POST", "/start-warmup", {"resource": 1}),
                                   ("GET", "/warmup-status", None), ("GET", "/v1/next", None), ("POST", "/v1/hints", {}),
                                   ("POST", "/v1/observations", {"resource": "nobody"}), ("POST", "/v1/observations", b"")):
            go(method, path, 400, body)
        wanted = {(m, p) for p, operations in API["paths"].items() for m in operations}
        assert done == wanted, wanted ^ done


def stream(d):
    connection = http.client.HTTPConnection("127.0.0.1", d.control, timeout=30)
    connection.request("GET", "/v1/warmups/events")
    response = connection.getresponse()
    assert response.status == 200 and response.getheader("content-type") == "text/event-stream"
    assert response.readline() == b"event: warmup\n"
    line = response.readline()
    found = faults(json.loads(line[6:]), {"$ref": "#/components/schemas/WarmupStatus"})
    assert line.startswith(b"data: ") and not found, found
    connection.close()


def live(d, id):
    """What dashboards hear: all at the start, then what changed and the totals."""
    connection = http.client.HTTPConnection("127.0.0.1", d.control, timeout=30)
    connection.request("GET", "/v1/live")
    response = connection.getresponse()

    def event():
        line = response.readline()
        while line != b"event: live\n":
            line = response.readline()
        data = json.loads(response.readline()[6:])
        found = faults(data, {"$ref": "#/components/schemas/Live"})
        assert not found, found
        return data

    first = event()
    assert first["begins"] and first["ends"] and {row["id"] for row in first["rows"]} == {id, "bad"}, first
    assert "/v1/sessions" in first["offers"] and first["totals"]["requests"] >= 4, first
    before = next(row for row in first["rows"] if row["id"] == id)["requests"]
    d.post("/v1/observations", {"resource": id, "session": "s2"})
    rows = []
    while not any(row["id"] == id and row["requests"] == before + 1 for row in rows):
        rows = event()["rows"]
    d.post("/v1/resources/bad/warm")
    while not any(row["id"] == "bad" for row in rows):
        rows = event()["rows"]
    connection.close()


def bad_calls_are_told_every_problem():
    with Daemon() as d:
        d.exec_resource("a")
        d.start()

        def message(path, body, status=400):
            answer = d.post(path, body)
            assert answer.status == status, answer
            return answer.json["error"]["message"]

        assert message("/warmup", {}) == "resource: missing"
        assert message("/warmup", {"resource": 5, "modle": "x"}) == (
            "resource: found a number, expected a string; modle: unknown field")
        assert "line 1 column" in message("/warmup", b'{"resource": }')
        assert message("/warmup", b"[]") == "found an array, expected an object"
        assert message("/v1/hints", {"resource": "a", "probability": 2}) == "probability: found 2, expected 0 to 1"
        assert message("/v1/hints", {"resource": "a", "eta_s": -1}) == "eta_s: found -1, expected 0 to 86400"
        assert "duplicate" in message("/warmup", b'{"resource": "a", "resource": "a"}')
        assert message("/warmup", {"resource": "x"}, 404) == (
            'there is no resource "x"; GET /v1/resources lists them')
        assert d.get("/nothing").status == 404
        assert d.get("/warmup").status == 405 and d.post("/healthz").status == 405
        assert d.get("/v1/resources/a/why%2").status == 404
        assert d.state("a") == "cold"


def observations_are_taken_line_by_line():
    with Daemon() as d:
        d.exec_resource("a")
        d.start()
        lines = "\n".join(['{"resource":"a","session":"s"}', '{"resource":"x"}', "not json", "",
                           '{"resource":"a","time":"2020-01-01T00:00:00Z"}', '{"resource":"a","duration_s":"1"}',
                           '{"resource":"a"}'])
        answer = d.post("/v1/observations", lines).json
        assert answer["accepted"] == 2 and answer["rejected"] == 4, answer
        assert [e["line"] for e in answer["errors"]] == [2, 3, 5, 6], answer
        assert "there is no resource" in answer["errors"][0]["error"]
        assert "not valid JSON" in answer["errors"][1]["error"]
        assert "forewarm replay" in answer["errors"][2]["error"]
        assert answer["errors"][3]["error"] == "duration_s: found a string, expected a number"
        assert d.post("/v1/observations", [{"resource": "a"}, {"resource": "a"}]).json["accepted"] == 2
        assert d.post("/v1/observations", '{\n "resource":\n "a"\n}').json["accepted"] == 1
        assert d.resource("a")["accounts"]["requests"] == 5
        assert d.state("a") == "cold" and d.events("start") == []


def hints_warm_and_are_scored():
    with Daemon() as d:
        d.exec_resource("a")
        d.start()
        answer = d.post("/v1/hints", {"resource": "a", "eta_s": 0, "probability": 1, "source": "page"}).json
        assert answer["source"] == {"name": "page", "used": 0, "settled": 0}, answer
        d.wait_state("a", "warm")
        assert d.chat("a").status == 200
        answer = d.post("/v1/hints", {"resource": "a", "source": "page"}).json
        assert answer["source"]["used"] == 1 and answer["source"]["settled"] == 1, answer
        assert d.resource("a")["accounts"]["prewarm_hit"] == 1
        # P7, by its name
        assert "\nprewarm_hits_total 1\n" in d.get("/metrics").body.decode()


def sessions_predict_what_comes_next():
    with Daemon() as d:
        d.exec_resource("a")
        d.exec_resource("b")
        d.start()
        for _ in range(6):
            for r in ("a", "b"):
                d.post("/v1/observations", {"resource": r, "session": "s"})
        d.post("/v1/observations", {"resource": "a", "session": "s"})
        following = d.get("/v1/next?session=s").json["next"]
        assert following and following[0]["resource"] == "b" and following[0]["probability"] > 0.5, following
        assert 0 <= following[0]["delay_s"] <= following[0]["delay_p90_s"] <= 1, following
        assert d.get("/v1/next?session=unknown").json["next"] == []


def pins_keep_warm():
    with Daemon() as d:
        d.exec_resource("a")
        d.start()
        assert d.post("/v1/resources/a/pin").json["pinned"] is True
        d.wait_state("a", "warm")
        assert d.resource("a")["pinned"]
        assert d.post("/v1/resources/a/unpin").json["pinned"] is False


def browsers_are_kept_to_allowed_origins():
    with Daemon(allowed_origins="https://chat.example") as d:
        d.exec_resource("a")
        d.start()
        good, evil = {"Origin": "https://chat.example"}, {"Origin": "https://evil.example"}
        answer = d.get("/warmup-status?resource=a", headers=good)
        assert answer.status == 200 and answer.headers["access-control-allow-origin"] == "https://chat.example"
        assert d.get("/warmup-status?resource=a", headers=evil).status == 403
        # A page may ask for warmth; it may not unload, whatever its origin.
        assert d.post("/v1/resources/a/unload", headers=good).status == 403
        assert d.post("/v1/observations", {"resource": "a"}, headers=good).status == 403
        ours = {"Origin": f"http://127.0.0.1:{d.control}"}
        assert d.post("/v1/resources/a/unload", headers=ours).status == 202
        connection = http.client.HTTPConnection("127.0.0.1", d.control, timeout=30)
        connection.request("OPTIONS", "/warmup", headers={**good, "Access-Control-Request-Method": "POST"})
        response = connection.getresponse()
        response.read()
        assert response.status == 204 and "POST" in response.getheader("access-control-allow-methods")
        connection.request("OPTIONS", "/warmup", headers={**evil, "Access-Control-Request-Method": "POST"})
        assert connection.getresponse().status == 403
        connection.close()


def the_token_guards_everything_but_health():
    with Daemon(control={"token_file": "token"}) as d:
        with open(os.path.join(d.dir, "token"), "w") as f:
            f.write("correct-horse\n")
        d.exec_resource("a")
        d.start()
        for path, operations in API["paths"].items():
            for method, operation in operations.items():
                answer = getattr(d, method)(path.replace("{id}", "a"))
                expected = operation.get("security") != []
                assert (answer.status == 401) == expected, (method, path, answer)
        assert d.get("/v1/resources", headers={"Authorization": "Bearer correct-horse"}).status == 200
        for wrong in ("Bearer correct-hors", "Bearer correct-horsee", "correct-horse", "Bearer ", "Basic correct-horse"):
            assert d.get("/v1/resources", headers={"Authorization": wrong}).status == 401, wrong
        api = ["--api", f"http://127.0.0.1:{d.control}"]
        run = subprocess.run([FOREWARM, "status", *api], capture_output=True, text=True)
        assert run.returncode == 2 and "Bearer TOKEN" in run.stderr, run
        run = subprocess.run([FOREWARM, "status", *api, "--token-file", os.path.join(d.dir, "token")], capture_output=True,
                             text=True)
        assert run.returncode == 0 and "a " in run.stdout, run
        os.unlink(os.path.join(d.dir, "token"))
    with Daemon(control={"token_file": "missing"}) as d:
        d.exec_resource("a")
        d.start(wait=False)
        assert d.process.wait(30) == 3
        d.process = None
        assert 'control.token_file: "missing" cannot be read' in d.log()


def commands_talk_to_the_daemon():
    with Daemon(retry_min="1h", retry_max="1h") as d:
        d.exec_resource("a")
        d.exec_resource("bad", warmer={"command": "false"})
        d.start()

        def run(*words, env=True):
            return subprocess.run([FOREWARM, *words], capture_output=True, text=True, timeout=60,
                                  env={**os.environ, "FOREWARM_API": f"http://127.0.0.1:{d.control}" if env else
                                       "http://127.0.0.1:1"})

        warm = run("warm", "a")
        assert warm.returncode == 0 and warm.stdout == "a is warm\n", warm
        bad = run("warm", "bad")
        assert bad.returncode == 1 and "exited with status 1" in bad.stderr, bad
        assert "warm" in run("status").stdout and "failed" in run("status", "bad").stdout
        assert json.loads(run("status", "--json").stdout)["resources"][0]["id"] == "a"
        why = run("why", "a")
        assert why.returncode == 0 and "an operator asked for it" in why.stdout, why
        assert run("pin", "a").stdout.endswith("pinned\n") and "pinned" not in run("unpin", "a").stdout
        assert run("unload", "a").returncode == 0
        d.wait_state("a", "cold")
        nobody = run("warm", "nobody")
        assert nobody.returncode == 2 and "there is no resource" in nobody.stderr, nobody
        away = run("status", env=False)
        assert away.returncode == 3 and "no forewarm answers at http://127.0.0.1:1" in away.stderr, away


def slow_and_rude_clients_do_no_harm():
    with Daemon() as d:
        d.exec_resource("a")
        d.start()
        rude = []
        for i in range(20):
            s = socket.create_connection(("127.0.0.1", d.control))
            s.sendall([b"GET /v1/warm", b"POST /warmup HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
                       b"\x00\xff\r\n\r\n", b"GET /v1/warmups/events HTTP/1.1\r\nHost: x\r\n\r\n"][i % 4])
            rude.append(s)
        assert d.get("/healthz").status == 200
        for s in rude:
            s.close()
        assert d.post("/warmup", {"resource": "a"}).json["status"] == "warmed"
        wait_for("their connections to be gone", lambda: metric(d, 'forewarm_connections{plane="control"}') <= 1)


def metric(d, name):
    for line in d.get("/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    raise AssertionError(f"no metric {name}")


def metrics_tell_of_warm_ups():
    with Daemon(retry_min="1h", retry_max="1h", memory="1GiB") as d:
        d.exec_resource("a", memory="10MiB")
        d.exec_resource("bad", warmer={"command": "false"}, memory="10MiB")
        d.start()
        d.chat("a")
        d.post("/warmup", {"resource": "bad"})
        assert metric(d, 'forewarm_warmups_total{resource="a",cause="request",result="ok"}') == 1
        assert metric(d, 'forewarm_warmups_total{resource="bad",cause="page",result="failed"}') == 1
        assert metric(d, 'forewarm_resource_state{resource="a",state="warm"}') == 1
        assert metric(d, 'forewarm_resource_state{resource="a",state="cold"}') == 0
        assert metric(d, 'forewarm_memory_bytes{kind="budget"}') == 2**30
        assert metric(d, 'forewarm_memory_bytes{kind="used"}') >= 10 * 2**20
        assert metric(d, "forewarm_warmup_seconds_count") == 1
        assert metric(d, 'forewarm_warmup_cost_usd_total{resource="a"}') > 0
        assert metric(d, "forewarm_engine_events_total") > 3
        seen = set()
        for line in d.get("/metrics").body.decode().splitlines():
            name = line.rpartition(" ")[0]
            assert line.startswith("#") or name not in seen, f"twice: {name}"
            seen.add(name)


def p7_waste_is_recorded_when_a_prewarm_expires():
    with Daemon(prewarm_expiry="2s", load_time="10ms") as d:
        d.exec_resource("a")
        d.start()
        d.post("/warmup", {"resource": "a"})
        wait_for("the expiry", lambda: metric(d, "prewarm_waste_ms_count") == 1)
        warm_s, wasted_s = d.resource("a")["accounts"]["warm_s"], metric(d, "prewarm_waste_ms_sum") / 1000
        assert wasted_s > 0.1 and abs(wasted_s - warm_s) < 0.2, (wasted_s, warm_s)
        assert metric(d, "prewarm_hits_total") == 0


if __name__ == "__main__":
    main([the_checker_sees_faults, every_documented_call_answers_as_documented, bad_calls_are_told_every_problem,
          observations_are_taken_line_by_line, hints_warm_and_are_scored, sessions_predict_what_comes_next, pins_keep_warm,
          browsers_are_kept_to_allowed_origins, the_token_guards_everything_but_health, commands_talk_to_the_daemon,
          slow_and_rude_clients_do_no_harm, metrics_tell_of_warm_ups, p7_waste_is_recorded_when_a_prewarm_expires])
