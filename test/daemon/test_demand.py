#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""D15, D16: demand in the daemon. Days of live running on a clock the test sets: forecasts every hour, training every
day, validation every week, flat memory; planned events, anomalies, plans and replicas; what survives kill -9; and a
journal that holds what the engine was told of it."""
import calendar
import http.client
import json
import math
import os
import random
import re
import struct
import subprocess
import time

import harness
from harness import FOREWARM, SOURCE, Daemon, main, wait_for
from test_control import hold

BUILD = os.environ.get("FOREWARM_BUILD") or os.path.join(SOURCE, "build")
BEGIN = 20_000 * 86_400  # a Wednesday, 00:00 UTC
STEP, HOUR, DAY = 600, 3_600, 86_400


def instant(text):
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def text(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def sanitized(program):
    """Sanitizers keep what was freed: then memory grows whatever the program does."""
    with open(program, "rb") as f:
        return re.search(rb"__[at]san_init", f.read()) is not None


class Live(Daemon):
    """A daemon whose wall clock stands still until the test moves it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.program = os.path.join(BUILD, "test", "forewarm_clock")
        self.clock = os.path.join(self.dir, "clock")
        self.env = {"FOREWARM_CLOCK": self.clock}
        self.now, self.draw, self.line, self.sent = BEGIN, random.Random(7), None, 0
        self.set(self.now)
        self.resources.append({"id": "m", "upstream": f"http://127.0.0.1:{harness.free_port()}", "warmer": {"kind": "none"}})

    def set(self, now):
        if not os.path.exists(self.clock):
            with open(self.clock, "wb") as f:
                f.write(bytes(8))
        with open(self.clock, "r+b") as f:
            f.write(struct.pack("<q", int(now) * 10**9))
        self.now = now

    def ask(self, method, path, body=None):
        """On one connection that stays open: there are thousands of calls."""
        for again in (True, False):
            try:
                self.line = self.line or http.client.HTTPConnection("127.0.0.1", self.control, timeout=harness.PATIENCE)
                self.line.request(method, path, body)
                answer = self.line.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                self.line = None
                if not again:
                    raise

    def seen(self, path):
        status, body = self.ask("GET", path)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.ask("GET", "/metrics")[1].decode(), re.M)
        return float(found[1]) if found else None

    def work(self, kind):
        return self.metric(f'forewarm_forecasts_total{{work="{kind}"}}')

    def usual(self):
        return 12 + 10 * math.sin((self.now % DAY / HOUR - 9) * math.pi / 12)

    def step(self, times=1.0):
        """Ten minutes with their requests."""
        count = max(0, round(self.usual() * times * (1 + .15 * self.draw.uniform(-1, 1))))
        if count:
            status, body = self.ask("POST", "/v1/observations", '{"resource":"m","duration_s":90}\n' * count)
            assert status == 200, body
            self.sent += count
        self.set(self.now + STEP)

    def hours(self, count, times=1.0, wait=False):
        for _ in range(count):
            before = self.work("refresh") if wait else None
            for _ in range(6):
                self.step(times)
            if wait:  # both series, hour by hour
                wait_for("this hour's forecasts", lambda: self.work("refresh") >= before + 2)

    def settle(self):
        """Until nothing more is due: two looks with nothing new between them."""
        done = [None]

        def quiet():
            before, done[0] = done[0], [self.work(k) for k in ("refresh", "train", "failed")]
            made = [self.seen(f"/v1/forecast{which}")["made_at"] for which in ("", "?resource=m")]
            return all(at and instant(at) // HOUR == self.now // HOUR for at in made) and before == done[0]

        wait_for("the forecasts of this hour", quiet)

    def told(self):
        return [s.get("source") for s in self.seen("/v1/resources/m/why")["signals"] if s["signal"] == "forecast"]

    def memory(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) << 10


def days_of_live_running():
    with Live(state="memory:") as d:
        d.start()
        d.hours(26)
        d.settle()
        before = d.work("refresh")
        d.hours(24, wait=True)  # a day, hour by hour: each has its forecasts, of the resource and of all
        assert d.work("refresh") == before + 48, (before, d.work("refresh"))
        d.settle()
        assert d.work("train") == 2 and d.work("validate") == 0
        d.hours(24)
        d.settle()
        wait_for("the day's training", lambda: d.work("train") == 4)
        made = hold("GET", "/v1/forecast", d.get("/v1/forecast?resource=m")).json
        assert made["trained_at"] and made["accuracy"]["validation"] is None and not made["stale"], made["reason"]
        flat = d.memory()
        for _ in range(7 * 8):
            d.hours(3)
            d.settle()
        wait_for("the week's validation", lambda: d.work("validate") >= 2)
        assert d.work("failed") == 0
        print(f"resident after the third day and a week later: {flat >> 20} and {d.memory() >> 20} MiB", flush=True)
        assert sanitized(d.program) or d.memory() < flat + (16 << 20), (flat, d.memory())
        assert d.metric("forewarm_anomalies_total") == 0
        made = hold("GET", "/v1/forecast", d.get("/v1/forecast?resource=m")).json
        verdict = made["accuracy"]["validation"]
        assert verdict["hours"] >= 84 and 0 < verdict["ratio"] < 2 and .2 < verdict["coverage_90"] <= 1, verdict
        assert d.metric('forewarm_forecast_mase_ratio{resource="m"}') == verdict["ratio"]
        for row in made["forecast"]:
            mean = 6 * (12 + 10 * math.sin((instant(row["timestamp"]) % DAY / HOUR + .5 - 9) * math.pi / 12))
            assert abs(row["expected_value"] - mean) < .5 * mean + 12, (row, mean)
            assert row["p5"] <= row["p50"] <= row["p95"] <= row["p99"] and row["recommended_capacity"] >= row["p95"]
        plans(d)


def plans(d):
    """What the forecasts ask for: /v1/plan and /v1/scale, by hand."""
    plan = hold("GET", "/v1/plan", d.get("/v1/plan")).json
    one, = plan["plans"]
    assert one["resource"] == "m" and not one["stale"] and one["reason"] is None, one["reason"]
    assert one["settings"]["unit_capacity"] == 40  # 90 s each, one at a time
    forecast = d.seen("/v1/forecast?resource=m")["forecast"]
    assert len(one["plan"]) == len(forecast) == len(plan["total"]) == 168, (len(one["plan"]), len(forecast), len(plan["total"]))
    for row, said, total in zip(one["plan"], forecast, plan["total"]):
        assert row["timestamp"] == said["timestamp"] == total["timestamp"]
        assert row["expected"] == max(math.ceil(said["expected_value"] / (40 * .7) - 1e-4), 0), (row, said)
        assert row["recommended_gpus"] >= row["expected"] and total["recommended_gpus"] == row["recommended_gpus"]
        assert row["recommended_cost_per_hour"] == 3.5 * row["recommended_gpus"]
    assert one["report"]["recommendations"]["capacity_planning"]
    scale = hold("GET", "/v1/scale/m", d.get("/v1/scale/m"), "/v1/scale/{id}").json
    assert scale["service_s"] == 90 and scale["queue"] == 0 and not scale["stale"]
    most = max(scale["rate_p90"], scale["now"])
    assert abs(scale["rate_p90"] * 3600 - forecast[0]["p90"]) < .01, (scale, forecast[0])
    assert scale["replicas"] == math.ceil(most * 90 / .7), scale


def an_announced_launch_and_an_abuse():
    with Live(state="memory:") as d:
        d.start()
        d.hours(74)
        d.settle()
        hour = 12
        before = d.seen("/v1/forecast?resource=m")["forecast"][hour]["expected_value"]
        start = text(d.now + hour * HOUR)
        event = {"resource": "m", "start": start, "multiplier": 5, "name": "launch", "class": "feature_launch"}
        id, = hold("POST", "/v1/events", d.post("/v1/events", event)).json["ids"]
        wait_for("a forecast that knows of it", lambda: d.seen("/v1/forecast?resource=m")["forecast"][hour]["expected_value"] > 1.5 * before)
        assert hold("DELETE", "/v1/events/{id}", d.delete(f"/v1/events/{id}"), "/v1/events/{id}").json["name"] == "launch"
        wait_for("one that forgot it", lambda: d.seen("/v1/forecast?resource=m")["forecast"][hour]["expected_value"] < 1.2 * before)
        # Six times the usual, unannounced: opened once for the resource and once in total, and resolved.
        assert d.seen("/v1/anomalies")["anomalies"] == []
        d.hours(8)
        for _ in range(9):
            d.step(6)
            d.settle()
        wait_for("two anomalies", lambda: len(d.seen("/v1/anomalies?state=open")["anomalies"]) == 2)
        found = hold("GET", "/v1/anomalies", d.get("/v1/anomalies?state=open&resource=m")).json["anomalies"]
        assert len(found) == 1 and found[0]["multiplier"] > 3 and not found[0]["planned"] and found[0]["reason"], found
        assert d.metric(f'forewarm_anomaly_open{{resource="m",class="{found[0]["class"]}"}}') == 1
        for _ in range(18):
            d.step()
            d.settle()
        wait_for("their end", lambda: d.seen("/v1/anomalies?state=open")["anomalies"] == [])
        over = hold("GET", "/v1/anomalies", d.get("/v1/anomalies")).json["anomalies"]
        assert len(over) == 2 and all(a["state"] == "resolved" and a["resolved_at"] > a["opened_at"] for a in over), over
        assert d.log().count("demand is not as usual") == 2 and d.log().count("demand is as usual again") == 2


def what_was_counted_survives_kill_9():
    with Live(state="sqlite:state.db") as d:
        d.start()
        d.post("/v1/events", {"resource": "*", "start": "2100-01-01T09:00:00Z", "multiplier": 2, "name": "gala"})
        d.hours(5)
        d.get("/healthz"), d.get("/v1/resources"), d.get("/metrics")  # nobody's demand
        wait_for("a write", lambda: (d.metric("forewarm_demand_kept_timestamp_seconds") or 0) >= d.now)
        before = {g: d.seen(f"/v1/demand?resource=m&grain={g}") for g in ("minute", "ten_minutes", "hour")}
        assert sum(before["ten_minutes"]["requests"]) == d.sent, before["ten_minutes"]
        d.kill()
        d.line = None
        d.start()
        for grain, was in before.items():
            now = d.seen(f"/v1/demand?resource=m&grain={grain}")
            assert now["requests"][:-1] == was["requests"][:-1], (grain, was, now)
            assert now["start"] == was["start"]
        assert d.seen("/v1/demand")["requests"] == d.seen("/v1/demand?resource=m")["requests"]
        assert [e["name"] for e in d.seen("/v1/events")["events"]] == ["gala"]
        made = wait_for("a forecast after the restart", lambda: d.seen("/v1/forecast?resource=m")["forecast"])
        assert len(made) == 168
        # Two hours away are not known, and no zeros.
        d.kill()
        d.line = None
        d.set(d.now + 2 * HOUR)
        d.start()
        requests = d.seen("/v1/demand?resource=m&grain=ten_minutes")["requests"]
        assert requests[-7:-1] == [None] * 6, requests


def the_journal_has_what_the_engine_was_told():
    with Live(state="memory:", journal="journal") as d:
        d.start()
        d.hours(54)
        d.settle()
        wait_for("the engine to be told", lambda: d.told() == ["forewarm"])
        # Somebody else's forecast goes before ours.
        d.post("/v1/forecasts", {"resource": "m", "start": text(d.now), "end": text(d.now + DAY), "expected_requests": 9, "source": "theirs"})
        d.hours(2, wait=True)
        d.settle()
        assert d.told() == ["theirs"], d.told()
        d.stop()
        done = subprocess.run([FOREWARM, "replay", "--format", "journal", os.path.join(d.dir, "journal"), "--policy", "cold", "--json"],
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr  # and not 1: a mark of the daemon that is not met
        journal = json.loads(done.stdout)["journal"]
        assert journal["marks"] >= 1 and journal["events"] > d.sent + 100, journal  # what it was told of, beside requests


if __name__ == "__main__":
    main([days_of_live_running, an_announced_launch_and_an_abuse, what_was_counted_survives_kill_9,
          the_journal_has_what_the_engine_was_told])
