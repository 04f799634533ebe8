#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Warm-ups: asked for, shared, proven, shown (specification W1, W2, W3)."""
import http.client
import json
import threading
import time

from harness import Daemon, call, main, wait_for


def w1_answers_warmed_already_warm_and_failed():
    with Daemon(retry_min="1h", retry_max="1h") as d:
        d.exec_resource("good", "--first 0.2")
        d.exec_resource("bad", "--never", warmer={"start_timeout": "4s"})
        d.start()
        first = d.post("/warmup", {"resource": "good"})
        assert first.status == 200 and first.json["status"] == "warmed", first
        assert first.json["time"] > 0.2 and first.json["ready"] and not first.json["cached"], first
        second = d.post("/warmup", {"resource": "good"}).json
        assert second == {"status": "already_warm", "time": 0.0, "ready": True, "cached": True}, second
        failed = d.post("/warmup", {"resource": "bad"})
        assert failed.status == 200 and failed.json["status"] == "failed" and not failed.json["ready"], failed
        assert "answered 503" in failed.json["error"] and "start_timeout" in failed.json["error"], failed
        # At once, with the same reason, while the back-off lasts; and nothing was started for it.
        again = d.post("/warmup", {"resource": "bad"}).json
        assert again["status"] == "failed" and "next attempt in" in again["error"], again
        assert len(d.events("start", "bad")) == 1
        # Failing never prevents use: a request gets an answer, not silence.
        assert d.chat("bad").status == 503
        assert d.chat("good").status == 200


def w2_status_shows_stages_progress_and_eta():
    with Daemon(load_time="2s") as d:
        d.exec_resource("a", "--late 0.5 --first 0.5")
        d.start()
        before = d.get("/warmup-status?resource=a").json
        assert before["in_progress"] is False and before["ready"] is False and before["progress"] == 0, before
        started = d.post("/start-warmup", {"resource": "a"})
        assert started.status == 202 and started.json["in_progress"], started
        seen, progress = [], [0.0]

        def look():
            s = d.get("/warmup-status?resource=a").json
            if s["stage"] not in seen:
                seen.append(s["stage"])
            assert 0 <= s["progress"] <= 1 and s["progress"] >= progress[-1], (s, progress[-1])
            assert s["ready"] or s["eta_s"] is None or s["eta_s"] >= 0, s
            progress.append(s["progress"])
            return s["ready"]

        wait_for("ready", look)
        assert [s for s in seen if s != "queued"] == ["loading", "verifying", "ready"], seen
        assert progress[-1] == 1 and any(0 < p < 1 for p in progress), progress
        # The second time the eta comes from the first load, not from the configured 2 s.
        d.post("/v1/resources/a/unload")
        d.wait_state("a", "cold")
        learned = d.resource("a")["load_expected_s"]
        eta = d.post("/start-warmup", {"resource": "a"}).json["eta_s"]
        assert abs(eta - learned) < 1.0, (eta, learned)


def w3_health_never_warms_and_many_calls_start_one_load():
    with Daemon() as d:
        d.exec_resource("a", "--late 0.3")
        d.start()
        for _ in range(20):
            for path in ("/healthz", "/readyz", "/metrics", "/", "/v1/resources", "/v1/resources/a", "/v1/predictions",
                         "/warmup-status?resource=a"):
                assert d.get(path).status == 200, path
        assert d.events("start") == [] and d.state("a") == "cold"
        assert d.resource("a")["accounts"]["requests"] == 0
        answers = []

        def ask():
            answers.append(d.post("/warmup", {"resource": "a"}).json["status"])

        threads = [threading.Thread(target=ask) for _ in range(50)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert sorted(set(answers)) in (["warmed"], ["already_warm", "warmed"]) and len(answers) == 50, answers
        assert len(d.events("start", "a")) == 1, d.events("start")
        assert d.resource("a")["accounts"]["requests"] == 0  # our own probes are not demand


def w3_a_server_whose_health_lies_is_not_called_warm():
    """/health answers 200 from the first moment; inference does so after a second and is slow at first."""
    with Daemon() as d:
        d.exec_resource("a", "--load 1 --first 0.5")
        d.start()
        began = time.monotonic()
        d.post("/start-warmup", {"resource": "a"})
        port = int(d.resources[0]["upstream"].rpartition(":")[2])
        wait_for("its health page to lie", lambda: healthy(port))
        assert d.state("a") != "warm"
        answer = d.chat("a")
        took = time.monotonic() - began
        assert answer.status == 200 and took > 1.4, took
        # The client's own inference came after the proof: ready probes first, then it.
        ready = [e for e in d.events("inference", "a") if e["ready"]]
        assert [e["probe"] for e in ready][-1] is False and len(ready) >= 3, ready
        assert [e["probe"] for e in ready].count(False) == 1


def healthy(port):
    try:
        return call(port, "GET", "/health").status == 200
    except OSError:
        return False


def warmth_is_judged_by_what_was_learned():
    with Daemon() as d:
        d.exec_resource("a", "--slow 2 --first 0.6")
        d.start()
        assert d.post("/warmup", {"resource": "a"}).json["status"] == "warmed"
        # Nothing was learned: two slow ones in a row were believed.
        assert d.resource("a")["probe_warm_s"] > 0.5
        first = len(d.events("inference", "a"))
        d.post("/v1/resources/a/unload")
        d.wait_state("a", "cold")
        d.chat("a")
        d.post("/v1/resources/a/unload")
        d.wait_state("a", "cold")
        assert first == 2 and len(d.events("inference", "a")) >= first + 2
    with Daemon() as d:
        d.exec_resource("a", "--slow 1 --first 0.6")
        d.start()
        d.post("/warmup", {"resource": "a"})
        assert d.resource("a")["probe_warm_s"] < 0.5
        count = len(d.events("inference", "a"))
        assert count == 3, count  # slow, fast, fast: two that agree
        d.post("/v1/resources/a/unload")
        d.wait_state("a", "cold")
        d.post("/warmup", {"resource": "a"})
        assert len(d.events("inference", "a")) - count == 2  # slow, then as fast as learned


def http_warmer_loads_unloads_and_is_adopted():
    with Daemon(state="sqlite:state.db") as d:
        d.http_resource("a", "--load 0.3")
        d.start()
        assert d.post("/warmup", {"resource": "a"}).json["status"] == "warmed"
        assert len(d.events("load")) == 1
        assert d.chat("a").status == 200
        d.post("/v1/resources/a/unload")
        d.wait_state("a", "cold")
        assert len(d.events("unload")) == 1
        assert d.chat("a").status == 200
        d.wait_saved("a")
        d.kill()
        d.start()
        assert d.state("a") == "warm"  # the server still has it
        assert len(d.events("load")) == 2


def http_warmer_notices_what_the_server_let_go_of_by_itself():
    with Daemon() as d:
        d.http_resource("a", pin=True)
        d.start()
        d.wait_state("a", "warm")
        port = int(d.resources[0]["upstream"].rpartition(":")[2])
        call(port, "POST", "/unload", {})
        wait_for("the loss to be seen", lambda: d.resource("a")["accounts"]["lost"] == 1)
        d.wait_state("a", "warm")  # pinned: loaded again
        assert len(d.events("load")) == 2
        assert "its server does not have it any more" in d.log()


def http_warmer_says_what_the_load_call_answered():
    with Daemon() as d:
        d.http_resource("a", warmer={"load": {"path": "/wrong", "method": "GET"}})
        d.start()
        answer = d.post("/warmup", {"resource": "a"}).json
        assert answer["status"] == "failed" and "answered 404" in answer["error"], answer


def no_warmer_still_proves():
    with Daemon() as d:
        d.http_resource("a")
        d.resources[0]["warmer"] = {"kind": "none"}
        d.start()
        port = int(d.resources[0]["upstream"].rpartition(":")[2])
        d.post("/start-warmup", {"resource": "a"})
        wait_for("a failing probe", lambda: d.get("/warmup-status?resource=a").json["error"])
        assert d.state("a") != "warm"
        call(port, "POST", "/load", {})
        d.wait_state("a", "warm")


def events_stream_shows_a_warm_up():
    with Daemon() as d:
        d.exec_resource("a", "--late 0.6")
        d.exec_resource("b")
        d.start()
        connection = http.client.HTTPConnection("127.0.0.1", d.control, timeout=30)
        connection.request("GET", "/v1/warmups/events?resource=a")
        response = connection.getresponse()
        assert response.status == 200 and response.getheader("content-type") == "text/event-stream"
        d.post("/start-warmup", {"resource": "b"})
        d.post("/start-warmup", {"resource": "a"})
        seen = []
        while not (seen and (seen[-1]["ready"] or seen[-1]["stage"] == "failed")):
            line = response.readline().decode()
            if line.startswith("data: "):
                seen.append(json.loads(line[6:]))
        assert {s["resource"] for s in seen} == {"a"}, seen
        stages = [s["stage"] for s in seen]
        assert "loading" in stages and stages[-1] == "ready", stages
        assert seen[-1]["progress"] == 1 and seen[-1]["eta_s"] == 0
        connection.close()
        d.get("/healthz")  # a client that left is no harm


def clients_that_leave_do_not_stop_a_warm_up():
    with Daemon() as d:
        d.exec_resource("a", "--late 0.5")
        d.start()
        connection = http.client.HTTPConnection("127.0.0.1", d.control, timeout=30)
        connection.request("POST", "/warmup", json.dumps({"resource": "a"}))
        wait_for("the load to begin", lambda: d.events("start", "a"))
        connection.close()
        d.wait_state("a", "warm")


def a_queue_for_memory_is_shown():
    with Daemon(memory="100MiB") as d:
        d.exec_resource("a", "--late 0.3", memory="80MiB")
        d.exec_resource("b", memory="80MiB")
        d.start()
        d.post("/start-warmup", {"resource": "a"})
        queued = d.post("/start-warmup", {"resource": "b"}).json
        assert queued["stage"] == "queued" and queued["in_progress"], queued
        d.wait_state("b", "warm")
        assert d.state("a") == "cold" and len(d.events("start", "a")) == 1


if __name__ == "__main__":
    main([w1_answers_warmed_already_warm_and_failed, w2_status_shows_stages_progress_and_eta,
          w3_health_never_warms_and_many_calls_start_one_load, w3_a_server_whose_health_lies_is_not_called_warm,
          warmth_is_judged_by_what_was_learned, http_warmer_loads_unloads_and_is_adopted,
          http_warmer_notices_what_the_server_let_go_of_by_itself, http_warmer_says_what_the_load_call_answered, no_warmer_still_proves, events_stream_shows_a_warm_up,
          clients_that_leave_do_not_stop_a_warm_up, a_queue_for_memory_is_shown])
