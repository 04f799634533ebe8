#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Alerts (D15): each receiver is told once that something is wrong and once that it is over, in order, also when it is away, slow, angry, or the
daemon was killed meanwhile; secrets come from files and show nowhere; bad configurations are told what is wrong."""
import http.server
import json
import os
import signal
import subprocess
import tempfile
import threading
import time

import test_control
from harness import FOREWARM, Daemon, free_port, main, wait_for

QUICK = {"every": "100ms", "retry": "50ms", "retry_most": "400ms", "timeout": "2s", "repeat": "1h"}
RULES = {"warmup_failed": {"resolve_after": "0s"}}


class Server:
    """A server of ours that keeps what it is sent; it can be away, angry, slow."""

    def __init__(self, up=True):
        self.port, self.server, self.seen = free_port(), None, []
        self.status, self.headers, self.hang = 200, {}, threading.Event()
        self.breaks = ""  # only paths with this have the status
        self.hang.set()
        if up:
            self.start()

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.hang.wait(30)
                status = outer.status if outer.breaks in self.path else 200
                outer.seen.append((status, self.path, dict(self.headers), body))
                try:
                    self.send_response(status)
                    for name, value in outer.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", "2")
                    self.end_headers()
                    self.wfile.write(b"ok")
                except OSError:
                    pass

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def taken(self):
        return [json.loads(body) for status, _, _, body in self.seen if status < 300]


class World:
    """A daemon with one resource whose server breaks and heals, and receivers of alerts."""

    def __init__(self, receivers, alerts=None, resources=("a",), **options):
        self.model = Server()
        self.model.breaks = "/load"
        self.d = Daemon(alerts={**QUICK, "rules": RULES, "receivers": receivers, "instance": "here:7700", **(alerts or {})},
                        state="sqlite:state.db", **options)
        for id in resources:
            self.d.resources.append({"id": id, "upstream": self.model.url, "warmer": {"kind": "http", "load": {"path": "/load", "method": "POST"},
                                     "unload": {"path": "/unload", "method": "POST"}}, "probe": self.d.probe()})

    def __enter__(self):
        self.d.__enter__()
        return self

    def __exit__(self, *why):
        self.d.__exit__(*why)
        self.model.stop()

    def file(self, name, text):
        path = os.path.join(self.d.dir, name)
        with open(path, "w") as f:
            f.write(text + "\n")
        return path

    def breaks(self, id="a"):
        self.model.status = 500
        self.d.post(f"/v1/resources/{id}/unload")
        wait_for(f"{id} to be cold", lambda: self.d.state(id) in ("cold", "failed"))
        self.d.post(f"/v1/resources/{id}/warm")
        wait_for("the alert", lambda: any(a["subject"] == id for a in self.firing()) or not self.d.options["alerts"]["rules"].get("warmup_failed", {}).get("on", True))

    def heals(self, id="a"):
        self.model.status = 200
        self.d.post(f"/v1/resources/{id}/warm")
        self.d.wait_state(id, "warm")

    def alerts(self):
        return self.d.get("/v1/alerts").json

    def firing(self, rule="warmup_failed"):
        return [a for a in self.alerts()["alerts"] if a["status"] == "firing" and a["rule"] == rule]

    def waits_for_stage(self, receiver, stage, number=0):
        wait_for(f"{receiver} to be told: {stage}", lambda: self.alerts()["alerts"][number:] and self.alerts()["alerts"][number]["told"].get(receiver) == stage)


def webhook(server, name="hook", **more):
    return {"kind": "webhook", "name": name, "url": server.url + "/in", **more}


def statuses(server):
    return [taken["status"] for taken in server.taken()]


def each_kind_is_told_once_that_it_is_open_and_once_that_it_is_over():
    manager, slack, pager, hook = Server(), Server(), Server(), Server()
    with World([]) as w:
        w.d.options["alerts"]["link"] = "http://dash.example/"
        w.d.options["alerts"]["receivers"] = [
            {"kind": "alertmanager", "url": manager.url + "/prefix/"},
            {"kind": "slack", "url_file": w.file("slack", slack.url + "/services/T0/B0/verysecret")},
            {"kind": "pagerduty", "url": pager.url, "key_file": w.file("pager", "routingkey0123456789")},
            webhook(hook, token_file=w.file("token", "tokentokentoken")),
        ]
        w.d.start()
        w.breaks()
        for name in ("alertmanager", "slack", "pagerduty", "hook"):
            w.waits_for_stage(name, "open")
        time_before_over = len(manager.seen), len(slack.seen), len(pager.seen), len(hook.seen)
        assert time_before_over == (1, 1, 1, 1), time_before_over
        w.heals()
        for name in ("alertmanager", "slack", "pagerduty", "hook"):
            w.waits_for_stage(name, "over")
        w.breaks()
        for name in ("alertmanager", "slack", "pagerduty", "hook"):
            w.waits_for_stage(name, "open")
        w.heals()
        for name in ("alertmanager", "slack", "pagerduty", "hook"):
            w.waits_for_stage(name, "over")
        wait_for("nothing to wait for", lambda: all(r["waiting"] == 0 for r in w.alerts()["receivers"]))
        events = len([a for a in w.alerts()["alerts"] if a["rule"] == "warmup_failed"])
        assert events == 2, w.alerts()
        log, shown = w.d.log(), json.dumps(w.alerts())
        test_control.hold("GET", "/v1/alerts", w.d.get("/v1/alerts"))
    sent = [message[0] for message in manager.taken()]
    assert [path for _, path, _, _ in manager.seen] == ["/prefix/api/v2/alerts"] * 4, manager.seen
    assert sent[0]["labels"] == {"alertname": "ForewarmWarmupFailed", "severity": "error", "subject": "a", "instance": "here:7700", "job": "forewarm"}, sent[0]
    assert sent[0]["generatorURL"] == "http://dash.example/" and "failed" in sent[0]["annotations"]["summary"], sent[0]
    assert all(one["labels"] == sent[0]["labels"] for one in sent)
    assert sent[0]["startsAt"] == sent[1]["startsAt"] != sent[2]["startsAt"] == sent[3]["startsAt"], sent
    assert sent[0]["endsAt"] > sent[1]["endsAt"], sent  # open: counts as over only after a long silence
    assert slack.seen[0][1] == "/services/T0/B0/verysecret"
    assert [":red_circle:" in m["text"] for m in slack.taken()] == [True, False] * 2, slack.taken()
    events = pager.taken()
    assert [e["event_action"] for e in events] == ["trigger", "resolve"] * 2, events
    assert {e["routing_key"] for e in events} == {"routingkey0123456789"}
    assert events[0]["dedup_key"] == events[1]["dedup_key"] != events[2]["dedup_key"] == events[3]["dedup_key"], events
    assert pager.seen[0][1] == "/v2/enqueue"
    assert statuses(hook) == ["firing", "resolved"] * 2, hook.taken()
    assert hook.seen[0][2]["Authorization"] == "Bearer tokentokentoken"
    for secret in ("verysecret", "routingkey", "tokentoken"):
        assert secret not in log + shown, secret
    for server in (manager, slack, pager, hook):
        server.stop()


def a_receiver_that_was_away_hears_of_both_ends_once_and_in_order():
    hook, other = Server(up=False), Server()
    with World([webhook(hook), webhook(other, "other")]) as w:
        w.d.start()
        w.breaks()
        w.waits_for_stage("other", "open")  # who is there does not wait for who is not
        receiver = wait_for("some tries", lambda: next((r for r in w.alerts()["receivers"] if r["name"] == "hook" and r["retried"] >= 4), None))
        assert "Failed to connect" in receiver["error"], receiver
        w.heals()
        w.waits_for_stage("other", "over")
        hook.start()
        w.waits_for_stage("hook", "over")
        assert statuses(hook) == ["firing", "resolved"], hook.seen
        assert statuses(other) == ["firing", "resolved"], other.seen
        assert "a receiver of alerts takes them again" in w.d.log()
        metrics = w.d.get("/metrics").body.decode()
        assert 'forewarm_alert_notices_total{receiver="hook",result="sent"} 2' in metrics, metrics
        assert 'forewarm_alert_notices_waiting{receiver="hook"} 0' in metrics
        assert 'forewarm_alerts{rule="warmup_failed"} 0' in metrics and "forewarm_alerts_dropped_total 0" in metrics
    hook.stop()
    other.stop()


def a_restart_neither_forgets_nor_repeats():
    hook, other = Server(up=False), Server()
    with World([webhook(hook), webhook(other, "other")]) as w:
        w.d.start()
        w.breaks()
        w.waits_for_stage("other", "open")
        # Kept when it was told: a crash from here on repeats nothing. Kept at all before that: a little later at most.
        wait_for("it to be kept", lambda: b'"other": 1' in kept(w))
        w.d.kill()
        w.d.start()
        hook.start()
        w.waits_for_stage("hook", "open")
        w.heals()
        w.waits_for_stage("hook", "over")
        w.waits_for_stage("other", "over")
        assert statuses(hook) == statuses(other) == ["firing", "resolved"], (hook.taken(), other.taken())
        assert len({taken["key"] for taken in hook.taken() + other.taken()}) == 1
        # A clean stop and start says nothing either.
        before = len(hook.seen), len(other.seen)
        w.d.stop()
        w.d.start()
        w.breaks()
        w.waits_for_stage("hook", "open")
        w.waits_for_stage("other", "open")
        assert (len(hook.seen), len(other.seen)) == (before[0] + 1, before[1] + 1)
    hook.stop()
    other.stop()


def kept(w):
    """The bytes of the store, log and all."""
    found = b""
    for name in ("state.db", "state.db-wal"):
        with open(os.path.join(w.d.dir, name), "rb") as file:
            found += file.read()
    return found


def anger_is_answered_by_patience_or_taken_for_final():
    hook = Server()
    with World([webhook(hook)]) as w:
        hook.status = 503
        w.d.start()
        w.breaks()
        wait_for("tries", lambda: len(hook.seen) >= 3)
        hook.status, hook.headers = 429, {"Retry-After": "1"}
        count = len(hook.seen)
        wait_for("one more", lambda: len(hook.seen) > count)
        hook.status, hook.headers = 200, {}
        began, count = time.monotonic(), len(hook.seen)
        wait_for("it to be taken", lambda: hook.taken())
        assert statuses(hook) == ["firing"]
        assert len(hook.seen) <= count + 2, "Retry-After was not waited for"
        # 400: it will never take this one; the next one it is told.
        hook.status = 400
        w.heals()
        w.waits_for_stage("hook", "over")
        refused = w.alerts()["receivers"][0]
        assert refused["refused"] == 1 and "400" in refused["error"], refused
        hook.status = 200
        w.breaks()
        w.waits_for_stage("hook", "open")
        assert statuses(hook) == ["firing", "firing"], hook.seen
        assert time.monotonic() - began < 60
    hook.stop()


def a_receiver_that_hangs_holds_nobody_up():
    hook, other = Server(), Server()
    with World([webhook(hook), webhook(other, "other")], {"timeout": "60s"}) as w:
        hook.hang.clear()
        w.d.start()
        w.breaks()
        w.waits_for_stage("other", "open")
        w.heals()
        w.waits_for_stage("other", "over")
        began = time.monotonic()
        w.d.stop()
        assert time.monotonic() - began < 30, "the stop waited for the receiver"
    hook.hang.set()
    hook.stop()
    other.stop()


def a_reload_tells_a_new_receiver_what_is_open_and_nobody_twice():
    hook, new = Server(), Server()
    with World([webhook(hook)]) as w:
        w.d.start()
        w.breaks()
        w.waits_for_stage("hook", "open")
        w.d.options["alerts"]["receivers"].insert(0, webhook(new, "new"))
        w.d.write_config()
        w.d.process.send_signal(signal.SIGHUP)
        w.waits_for_stage("new", "open")
        assert statuses(new) == ["firing"] and statuses(hook) == ["firing"]
        w.d.options["alerts"]["rules"] = {**RULES, "warmup_failed": {"on": False}}
        w.d.write_config()
        w.d.process.send_signal(signal.SIGHUP)
        w.waits_for_stage("hook", "over")
        w.waits_for_stage("new", "over")
        assert statuses(new) == statuses(hook) == ["firing", "resolved"]
    hook.stop()
    new.stop()


def an_alertmanager_is_told_again_what_is_open():
    manager = Server()
    with World([{"kind": "alertmanager", "url": manager.url}], {"repeat": "300ms"}) as w:
        w.d.start()
        w.breaks()
        wait_for("repetitions", lambda: len(manager.seen) >= 4)
        w.heals()
        w.waits_for_stage("alertmanager", "over")
        count = len(manager.seen)
        sent = [one for message in manager.taken() for one in message]
        assert len({(json.dumps(one["labels"]), one["startsAt"]) for one in sent}) == 1, sent
        assert sent[-1]["endsAt"] < sent[-2]["endsAt"], sent[-2:]
        assert w.alerts()["receivers"][0]["sent"] == 2
        # What is over is not repeated: another event comes next.
        w.breaks()
        wait_for("the next event", lambda: len(manager.seen) > count)
        assert manager.taken()[count][0]["startsAt"] > sent[-1]["endsAt"]
    manager.stop()


def a_server_that_fails_again_and_again_is_one_alert():
    with World([], {"rules": {"breaker_open": {"severity": "warning"}, "warmup_failed": {"on": False}}}, ("a", "b"), breaker_failures=2, retry_max="1s") as w:
        w.d.start()
        w.breaks("a")
        w.breaks("b")
        found = wait_for("the breaker's alert", lambda: w.firing("breaker_open"))
        assert len(found) == 1 and found[0]["severity"] == "warning", found  # of the server, not of each resource
        assert found[0]["subject"] == w.model.url, found
        w.model.status = 200
        wait_for("it to be over", lambda: w.d.post("/v1/resources/a/warm") and not w.firing("breaker_open"))
        assert not w.firing("warmup_failed")


def cold_starts_and_loads_in_a_queue():
    rules = {"cold_starts": {"for": "0s", "resolve_after": "0s", "threshold": 0.5}, "memory_pressure": {"for": "0s", "resolve_after": "0s", "threshold": 0}}
    with World([], {"rules": rules}, ("a", "b"), max_loads=1) as w:
        w.model.hang.clear()
        w.d.start()
        chats = [threading.Thread(target=w.d.chat, args=(id,)) for id in "ab" * 12]
        for chat in chats:
            chat.start()
        # One loads, the other stands in the queue.
        assert "loads stood in a queue" in wait_for("the queue's alert", lambda: w.firing("memory_pressure"))[0]["summary"]
        assert "24 of the last hour's 24" in wait_for("the cold starts' alert", lambda: w.firing("cold_starts"))[0]["summary"]
        w.model.hang.set()
        for chat in chats:
            chat.join()
        for _ in range(25):
            assert w.d.chat("a").status == 200
        wait_for("it to be over", lambda: not w.firing("cold_starts"))


def bad_configurations_are_told_what_is_wrong():
    base = {"resources": [{"id": "a", "upstream": "http://127.0.0.1:1"}]}
    for alerts, words in [
        ({"recievers": []}, "recievers: unknown key, did you mean receivers?"),
        ({"receivers": [{"url": "http://x"}]}, "alerts.receivers.kind: missing"),
        ({"receivers": [{"kind": "fax", "url": "http://x"}]}, 'found "fax"'),
        ({"receivers": [{"kind": "slack"}]}, "no address, expected url or url_file"),
        ({"receivers": [{"kind": "slack", "url": "http://x", "url_file": "f"}]}, "found both"),
        ({"receivers": [{"kind": "pagerduty"}]}, "key_file: missing"),
        ({"receivers": [{"kind": "slack", "url": "http://x", "key_file": "f"}]}, "for pagerduty alone"),
        ({"receivers": [{"kind": "slack", "url": "x"}]}, 'alerts.receivers.url: found "x"'),
        ({"receivers": [{"kind": "slack", "url": "http://x"}] * 2}, '"slack" is there twice'),
        ({"receivers": [{"kind": "slack", "url": "http://x", "name": f"n{i}"} for i in range(9)]}, "found 9, expected at most 8"),
        ({"rules": {"cold_start": {}}}, "cold_start: unknown key, did you mean cold_starts?"),
        ({"rules": {"anomaly": {"threshold": 0.5}}}, "threshold: the rule has none"),
        ({"rules": {"cold_starts": {"threshold": 20}}}, "threshold: found"),
        ({"rules": {"cold_starts": {"for": "5"}}}, "for: found"),
        ({"rules": {"cold_starts": {"severity": "bad"}}}, "severity: found"),
        ({"rules": []}, "alerts.rules"),
        ({"retry": "1m", "retry_most": "1s"}, "retry_most: shorter than retry"),
        ([], "alerts"),
        ({"demand": {"promethius": {}}}, "promethius: unknown key, did you mean prometheus?"),
        ({"demand": {"prometheus": {"query": "x"}}}, "demand.prometheus.url: missing"),
        ({"demand": {"prometheus": {"url": "http://x"}}}, "demand.prometheus.query: missing"),
        ({"demand": {"prometheus": {"url": "x", "query": "x"}}}, 'demand.prometheus.url: found "x"'),
        ({"demand": {"prometheus": [{"url": "http://x", "query": "x"}] * 2}}, '"all" has two sources'),
        ({"demand": {"prometheus": {"url": "http://x", "query": "x", "resource": "b"}}}, '"b" is no configured resource'),
        ({"demand": {"prometheus": {"url": "http://x", "query": "x", "every": "0s"}}}, "every: found"),
        ({"demand": {"prometheus": [{"url": "http://x", "query": "x"}] * 17}}, "found 17, expected at most 16"),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "f.yaml")
            with open(path, "w") as f:
                json.dump({**base, **(alerts if isinstance(alerts, dict) and "demand" in alerts else {"alerts": alerts})}, f)
            ran = subprocess.run([FOREWARM, "check", "-c", path], capture_output=True, text=True, timeout=60)
        assert ran.returncode == 1 and words in ran.stdout, (alerts, ran.stdout, ran.stderr)


if __name__ == "__main__":
    main([
        each_kind_is_told_once_that_it_is_open_and_once_that_it_is_over,
        a_receiver_that_was_away_hears_of_both_ends_once_and_in_order,
        a_restart_neither_forgets_nor_repeats,
        anger_is_answered_by_patience_or_taken_for_final,
        a_receiver_that_hangs_holds_nobody_up,
        a_reload_tells_a_new_receiver_what_is_open_and_nobody_twice,
        an_alertmanager_is_told_again_what_is_open,
        a_server_that_fails_again_and_again_is_one_alert,
        cold_starts_and_loads_in_a_queue,
        bad_configurations_are_told_what_is_wrong,
    ])
