#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Call hints through the daemon (specification H1 to H3; the defects D1 to D20 of the reference programs by number):
runs in, hints in what upstreams get, and what is known after a restart."""
import json
import re
from urllib.parse import urlencode

from harness import Daemon, call, main, wait_for
from strict_upstream import StrictUpstream

STEPS = ["meta/llama-3.1-8b", "coder", "judge"]  # D4: a name with a slash


class Agents:
    """A daemon with one strict upstream a dialect, each behind all three steps' resources."""

    def __init__(self, dialect="dynamo", place="body", client="strip", steps=STEPS, hints=None, options=None, **more):
        self.double = StrictUpstream(dialect)
        self.daemon = Daemon(hints=options or {}, **more)
        for step in steps:
            rules = {"inject": place, "dialect": dialect, "client": client, **(hints or {})}
            self.daemon.resources.append({"id": step, "upstream": self.double.url, "hints": rules})

    def __enter__(self):
        self.daemon.__enter__()
        self.daemon.start()
        return self

    def __exit__(self, *error):
        self.daemon.__exit__(*error)
        self.double.close()

    def ask(self, model, run=None, agent="triage", ends=False, body=None, **headers):
        fields = {"Content-Type": "application/json", **headers}
        if run:
            fields["x-forewarm-session"] = run
        if agent:
            fields["x-forewarm-agent"] = agent
        if ends:
            fields["x-forewarm-run-end"] = "1"
        answer = call(self.daemon.port, "POST", "/v1/chat/completions",
                      body if body is not None else {"model": model, "messages": []}, fields)
        assert answer.status == 200, answer
        return self.double.last()

    def pipeline(self, run, steps=STEPS, **more):
        sent = []
        for number, step in enumerate(steps):
            sent.append(self.ask(step, run, ends=number == len(steps) - 1, **more))
        return [json.loads(body) for body in sent]

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.daemon.get("/metrics").body.decode(), re.M)
        return float(found.group(1)) if found else 0

    def wait_learned(self, count):
        wait_for(f"{count} runs to be learned",
                 lambda: self.metric('forewarm_runs_total{result="learned"}') == count)
        self.known(STEPS[0])  # and published

    def known(self, *path, agent="triage", call=1, **more):
        query = urlencode([("agent", agent), *[("path", p) for p in path], ("call", call), *more.items()])
        answer = self.daemon.get(f"/v1/call-hints?{query}")
        assert answer.status == 200, answer
        return answer.json


def hints_of(body):
    return body.get("nvext", {}).get("agent_hints")


def record(run, agent="triage", steps=STEPS, tokens=50, **more):
    """A run record of calls one second apart that take half a second."""
    calls = [{"kind": "llm", "name": step, "started_at": f"2026-01-02T03:04:{i:02}Z",
              "ended_at": f"2026-01-02T03:04:{i:02}.500Z", "output_tokens": tokens, "model_name": step}
             for i, step in enumerate(steps)]
    return {"id": run, "agent_id": agent, "started_at": "2026-01-02T03:04:00Z",
            "ended_at": f"2026-01-02T03:04:{len(steps) - 1:02}.500Z", "calls": calls, **more}


def post(agents, records):
    return agents.daemon.post("/v1/runs", "\n".join(json.dumps(r) for r in records).encode())


# ---- what upstreams get ----

def dynamo_gets_what_it_reads():
    """D3: higher is more important; D1, D2, D4: every step has its own numbers, in every run."""
    with Agents("dynamo") as agents:
        assert all(hints_of(body) is None for body in agents.pipeline("first"))
        agents.wait_learned(1)
        for run in range(3):
            levels = [agents.known(step)["prediction"]["latency_sensitivity"] for step in STEPS]
            bodies = agents.pipeline(f"run {run}")
            assert [hints_of(body) for body in bodies] == [{"priority": level, "osl": 100} for level in levels], bodies
            assert all(body["nvext"].keys() == {"agent_hints"} for body in bodies)
            agents.wait_learned(run + 2)
        assert agents.metric('forewarm_call_hints_total{outcome="injected"}') == 9


def legacy_gets_all_fields():
    """D2: total_requests is right in every run; D3: priority is turned round; D15: the last call pins no cache."""
    with Agents("legacy") as agents:
        agents.pipeline("first")
        agents.wait_learned(1)
        for run in range(5):
            bodies = agents.pipeline(f"run {run}")
            for number, body in enumerate(bodies):
                hints = hints_of(body)
                assert hints["total_requests"] == 3, (run, number, hints)
                assert hints["priority"] == 5 - hints["latency_sensitivity"], hints
                assert re.fullmatch(r"[0-9a-f]{16}-d1", hints["prefix_id"]), hints
                assert ("iat" in hints) == (number < 2), hints
                assert ("cache_control" in body["nvext"]) == (number < 2), body
            assert len({hints_of(body)["prefix_id"] for body in bodies}) == 1


def strict_gets_a_tier():
    with Agents("strict", place="both") as agents:
        agents.pipeline("first")
        agents.wait_learned(1)
        for body in agents.pipeline("second"):
            assert set(hints_of(body)) == {"strict_priority", "osl"}
        headers = agents.double.last_headers()
        assert headers["x-dynamo-request-strict-priority"] == str(hints_of(body)["strict_priority"]), headers
        assert json.loads(headers["x-agent-hints"]) == hints_of(body)


def headers_by_configured_names():
    """D9: an option that is taken has its effect, and no other header is written."""
    names = {"osl": "X-Prefix-OSL", "total_requests": "x-prefix-total-requests"}
    with Agents("legacy", place="header", hints={"headers": names}) as agents:
        agents.pipeline("first")
        agents.wait_learned(1)
        body = agents.ask(STEPS[0], "second")
        headers = agents.double.last_headers()
        assert headers["x-prefix-osl"] == "100" and headers["x-prefix-total-requests"] == "3", headers
        assert "x-agent-hints" not in headers and b"nvext" not in body, (headers, body)


def bodies_are_not_written_anew():
    """Byte for byte what the client sent, but for the hints."""
    odd = b'{ "model" :"coder","temperature":1.50e0 ,"messages":[ {"a":"\\u00e9\\/"} ]}\n'
    with Agents("dynamo") as agents:
        agents.pipeline("first")
        agents.wait_learned(1)
        sent = agents.ask("coder", "x", body=odd)
        hints = json.dumps({"nvext": {"agent_hints": hints_of(json.loads(sent))}}, separators=(",", ":")).encode()
        assert sent == b"{" + hints[1:-1] + b"," + odd[1:], sent


def an_alias_is_replaced_beside_the_hints():
    with Agents("dynamo") as agents:
        agents.daemon.resources[1]["aliases"] = ["gpt"]
        agents.daemon.stop()
        agents.daemon.start()
        post(agents, [record("a")])
        agents.known("coder")
        for body in (b'{"model":"gpt","nvext":{"agent_hints":{"osl":7}}}', b'{"nvext":{"agent_hints":{}},"model":"gpt"}'):
            sent = json.loads(agents.ask("coder", "x", body=body))
            assert sent["model"] == "coder" and hints_of(sent)["osl"] == 50, sent


def what_cannot_be_edited_goes_as_it_is():
    """Each with its reason in the metric; the request itself is always forwarded."""
    cases = {"duplicate": b'{"model":"coder","nvext":{"agent_hints":{}},"nvext":{}}',
             "taken": b'{"model":"coder","nvext":[1]}',
             "too_large": b'{"model":"coder","big":"' + b"x" * (17 << 20) + b'"}'}
    with Agents("dynamo", max_body="80MiB") as agents:
        post(agents, [record("a")])
        agents.known("coder")
        for outcome, body in cases.items():
            call(agents.daemon.port, "POST", "/v1/chat/completions", body,
                 {"Content-Type": "application/json", "x-forewarm-session": "s", "x-forewarm-agent": "triage"})
            assert agents.double.last() == body, outcome
            assert agents.metric(f'forewarm_call_hints_total{{outcome="{outcome}"}}') == 1, outcome
        # No JSON at all, by the path that names the model: the upstream's business.
        for body in (b"[1,2]", b"not json", b""):
            call(agents.daemon.port, "POST", "/upstream/coder/x", body, {"x-forewarm-session": "s"})
            assert agents.double.last() == body
        assert agents.metric('forewarm_call_hints_total{outcome="no_object"}') == 3


def clients_do_not_choose_their_priority():
    """D20: stripped from body and headers, also when nothing is known; kept within the cap where that is wanted."""
    greedy = {"model": "coder", "messages": [], "nvext": {"annotations": ["a"], "agent_hints": {"priority": 2000000000}}}
    headers = {"X-Dynamo-Request-Priority": "2000000000", "x-dynamo-request-strict-priority": "9"}
    for place in ("body", "header", "both"):
        with Agents("dynamo", place=place) as agents:
            sent = json.loads(agents.ask("coder", body=greedy, agent=None, **headers))
            assert sent["nvext"] == {"annotations": ["a"], "agent_hints": {}}, sent
            assert not [h for h in agents.double.last_headers() if "priority" in h]
    with Agents("dynamo", client="keep", hints={"cap": 3}) as agents:
        sent = json.loads(agents.ask("coder", body=greedy, agent=None, **headers))
        assert hints_of(sent) == {"priority": 3}, sent
        assert not [h for h in agents.double.last_headers() if "priority" in h]


def a_mark_wins_both_ways():
    """D16: a mark of 1 beats what was learned, as one of 5 does."""
    with Agents("dynamo") as agents:
        agents.pipeline("first")
        agents.wait_learned(1)
        for mark in ("1", "5"):
            sent = json.loads(agents.ask("coder", "run", **{"x-forewarm-sensitivity": mark}))
            assert hints_of(sent)["priority"] == int(mark), sent
        sent = json.loads(agents.ask("coder", "run", agent="unheard of", **{"x-forewarm-sensitivity": "4"}))
        assert hints_of(sent) == {"priority": 4}, sent  # the mark alone is known


def without_a_run_the_default_hints():
    """H2: what holds for any call of the agent, and nothing that would need to know the run."""
    with Agents("legacy") as agents:
        post(agents, [record("a"), record("b", tokens=70)])
        agents.known("coder")
        hints = hints_of(json.loads(agents.ask("coder")))
        assert {"osl", "iat"} <= set(hints) and not {"total_requests", "prefix_id"} & set(hints), hints
        assert hints["iat"] == 500 and 50 <= hints["osl"] <= 70, hints
        assert agents.metric("forewarm_runs_open") == 0


def off_means_off():
    with Agents("dynamo", place="none") as agents:
        post(agents, [record("a")])
        greedy = b'{"model":"coder","nvext":{"agent_hints":{"priority":3}}}'
        assert agents.ask("coder", "x", body=greedy) == greedy
        assert agents.metric("forewarm_runs_open") == 0


# ---- how runs are known ----

def runs_by_traceparent():
    """Nobody has to instrument: the trace is the run. D7, D11: parallel calls of one parent are told apart."""
    with Agents("dynamo", place="none", options={"observe": "on"}) as agents:
        for trace in range(1, 4):
            for span, step in enumerate(STEPS, 1):
                agents.ask(step, agent=None, ends=span == 3, traceparent=f"00-{trace:032x}-{span:016x}-01")
        agents.wait_learned(3)
        assert agents.known("judge", agent="default")["prediction"]["remaining_calls"]["p90"] == 0
        assert agents.known("coder", agent="default")["prediction"]["remaining_calls"]["p50"] == 1
        for bad in ("00-" + "0" * 32 + "-" + "1" * 16 + "-01", "ff-" + "1" * 32 + "-" + "1" * 16 + "-01", "00-1-1-01", "x" * 500):
            agents.ask("coder", agent=None, traceparent=bad)
        assert agents.metric("forewarm_runs_open") == 0


def paths_of_scopes():
    """D1, D14: the same key when it is learned and when it is looked up; scopes may hold anything."""
    path = "plan%2Fner,b%00%2C, c ,"
    with Agents("legacy") as agents:
        agents.ask("coder", "one", **{"x-forewarm-path": path})
        agents.ask("coder", "one", **{"x-forewarm-path": path}, ends=True)
        agents.wait_learned(1)
        for index in (1, 2):
            found = agents.known("plan/ner", "b\0,", "c", "coder", call=index)
            assert found["matched_depth"] == 4 and found["matched_index"] == index, found
            assert found["prediction"]["remaining_calls"]["mean"] == 2 - index, found
        first, second = (json.loads(agents.ask("coder", "two", **{"x-forewarm-path": path})) for _ in range(2))
        assert hints_of(first)["total_requests"] == hints_of(second)["total_requests"] == 2, (first, second)
        assert hints_of(first)["prefix_id"].endswith("-d4"), first
        # Too much of everything: bounded, and the request goes through.
        agents.ask("coder", "three", **{"x-forewarm-path": ",".join(["e" * 9] * 3000)})
        agents.ask("coder", "r" * 5000, agent="a" * 5000, **{"x-forewarm-path": "%" * 9000})


def runs_end_when_they_are_silent():
    """D13: open runs expire, and there are never more than the cap."""
    with Agents("dynamo", options={"max_open_runs": 5}) as agents:
        for run in range(12):
            agents.ask("coder", f"run {run}")
            assert agents.metric("forewarm_runs_open") <= 5
        assert agents.metric('forewarm_runs_total{result="crowded"}') == 7
        agents.wait_learned(7)
    with Agents("dynamo", options={"run_idle": "300ms"}) as agents:
        agents.ask("coder", "silent")
        agents.wait_learned(1)
        assert agents.metric("forewarm_runs_open") == 0


# ---- runs in, hints out ----

def posted_runs_count_once():
    with Agents("dynamo", state="sqlite:state.db") as agents:
        answer = post(agents, [record("a"), record("b"), record("a")])
        assert answer.status == 200 and answer.json["accepted"] == 2 and answer.json["known"] == 1, answer
        answer = post(agents, [record("a")])
        assert answer.status == 200 and answer.json["accepted"] == 0 and answer.json["known"] == 1, answer
        found = agents.known("coder")
        assert found["sample_count"] == 2 and found["hints"]["osl"] == 50 and found["hints"]["iat"] == 500, found
        assert [n["model"] for n in found["next"]] == ["judge"] and found["next"][0]["after_s"] == 1, found
        assert agents.known("coder", dialect="legacy", ordinal=2)["hints"]["total_requests"] == 3
        assert agents.known("coder", agent="nobody")["hints"] is None
        # D5: no negative time; the last call has none.
        assert agents.known("judge")["prediction"]["interarrival_ms"]["sample_count"] == 0
        # D6: from the first request after a restart.
        agents.daemon.stop()
        agents.daemon.start()
        assert json.loads(agents.ask("coder", "new"))["nvext"]["agent_hints"]["osl"] == 50
        answer = post(agents, [record("b")])
        assert answer.json["known"] == 1, answer
        agents.daemon.kill()
        agents.daemon.start()
        assert agents.known("coder")["sample_count"] == 2


def bad_runs_are_named():
    good, negative, huge = record("good"), record("negative"), record("huge")
    negative["calls"][1]["ended_at"] = "2020-01-01T00:00:00Z"
    huge["calls"][0]["name"] = "n" * (1 << 20)
    deep = record("deep")
    deep["calls"][0]["path"] = ["p"] * 10000
    cyclic = record("cyclic")
    for number, one in enumerate(cyclic["calls"]):
        one["id"], one["parent_id"] = str(number), str((number + 1) % 3)
    missing = record("missing")
    for one in missing["calls"]:
        del one["ended_at"]
    with Agents("dynamo") as agents:
        lines = [json.dumps(r) for r in (good, negative, huge, deep, cyclic, missing)] + ['{"id":', "[]", '"x"']
        answer = agents.daemon.post("/v1/runs", "\n".join(lines).encode())
        assert answer.status == 200, answer
        errors = {e["line"]: e["error"] for e in answer.json["errors"]}
        assert answer.json["accepted"] + answer.json["rejected"] == len(lines), answer
        assert "ended_at" in errors[2] and "calls[1]" in errors[2], errors
        assert {3, 7, 8, 9} <= set(errors) and 1 not in errors, errors
        assert agents.metric('forewarm_runs_total{result="refused"}') == answer.json["rejected"]
        for body, status in ((b"", 400), (b"{}", 400), (b"\xff\xfe", 400), (b"[" * 100000, 400)):
            assert agents.daemon.post("/v1/runs", body).status == status, body[:20]
        for query in ("", "agent=", "agent=a&call=0", "agent=a&call=x", "agent=a&path=%", "agent=a&who=1",
                      "agent=a&dialect=x", "agent=a&path=" + "x" * 2000, "agent=a" + "&path=x" * 65):
            answer = agents.daemon.get(f"/v1/call-hints?{query}")
            assert answer.status == 400 and answer.json["error"]["message"], (query, answer)
        assert agents.daemon.get("/v1/call-hints?agent=a").json["hints"] is None


def names_differ_in_every_byte():
    """D4, D18 of the store: what is learned of one agent is nothing to another."""
    with Agents("dynamo") as agents:
        post(agents, [record("a", agent="x"), record("b", agent="x/y", tokens=70)])
        assert agents.known("coder", agent="x")["hints"]["osl"] == 50
        assert agents.known("coder", agent="x/y")["hints"]["osl"] == 70


if __name__ == "__main__":
    main([dynamo_gets_what_it_reads, legacy_gets_all_fields, strict_gets_a_tier, headers_by_configured_names,
          bodies_are_not_written_anew, an_alias_is_replaced_beside_the_hints, what_cannot_be_edited_goes_as_it_is,
          clients_do_not_choose_their_priority, a_mark_wins_both_ways, without_a_run_the_default_hints, off_means_off, runs_by_traceparent,
          paths_of_scopes, runs_end_when_they_are_silent, posted_runs_count_once, bad_runs_are_named,
          names_differ_in_every_byte])
