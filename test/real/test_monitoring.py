#!/usr/bin/env python3
"""examples/monitoring and examples/kubernetes in use (D15): a real Prometheus scrapes the daemon, loads the rules, and answers every query of the
Grafana dashboard; the daemon reads its demand from that Prometheus, foretells it, sees an anomaly and tells a receiver once; when the Prometheus goes
away it says so, and keeps what it has."""

import calendar
import http.server
import json
import math
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import chat, free_port, main, request, resource, wait_for  # noqa: E402
from prometheus_server import SOURCE_EXAMPLES, PrometheusBench, open_metrics, promtool, skip_without_prometheus  # noqa: E402

skip_without_prometheus()
MONITORING = os.path.join(SOURCE_EXAMPLES, "monitoring")
DAYS = 15
SPIKE_S = 2400


def rate(at, now):
    """Requests a second: days that are like one another, and ten times as many in the last 40 minutes."""
    usual = 2 + math.sin(at * 2 * math.pi / 86400) + 0.05 * math.sin(at * 12.9898)
    return round(usual * (10 if at >= now - SPIKE_S else 1), 4)


class Receiver(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        outer = self
        self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Monitoring(PrometheusBench):
    def test_rules_and_configuration_are_right(self):
        for words in [("check", "rules", "forewarm.rules.yml"), ("check", "config", "prometheus.yml"), ("test", "rules", "forewarm.test.yml")]:
            ran = promtool(*words, cwd=MONITORING)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def queries(self):
        """Every query of the dashboard with its panel, as Grafana would send it."""
        with open(os.path.join(MONITORING, "grafana-dashboard.json")) as file:
            dashboard = json.load(file)
        ids = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        values = {"$__rate_interval": "5s", "$__range": "5m", "$job": "forewarm", "$instance": ".*", "$resource": ".*"}
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                self.assertEqual(target["datasource"]["uid"], "${datasource}")
                query = target["expr"]
                for name, value in values.items():
                    query = query.replace(name, value)
                self.assertNotIn("$", query)
                yield panel["title"], query
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                series = re.fullmatch(r"label_values\((.+), \w+\)", variable["query"]["query"]).group(1)
                yield variable["name"], series.replace("$job", "forewarm")

    def forecast_of_all(self):
        return self.daemon.api("GET", "/v1/forecast").json()

    def check_counts(self, now):
        """The counts are the rates times the slots' lengths: what a minute ended with, the mean of the minutes of an hour."""
        for grain, step, most in (("minute", 60, 1300), ("hour", 3600, 300)):
            answer = self.daemon.api("GET", f"/v1/demand?grain={grain}").json()
            start = calendar.timegm(time.strptime(answer["start"], "%Y-%m-%dT%H:%M:%SZ"))
            seen = 0
            for i, requests in enumerate(answer["requests"]):
                end = start + (i + 1) * step
                if requests is None or end > now - SPIKE_S - 3600 or end - step < now - DAYS * 86400:
                    continue
                ends = range(end - step + 60, end + 60, 60)
                self.assertAlmostEqual(requests, step * sum(rate(at, now) for at in ends) / len(ends), delta=0.02 * requests + 1)
                seen += 1
            self.assertGreater(seen, most, answer)

    def firing(self, rule):
        return [alert for alert in self.daemon.api("GET", "/v1/alerts").json()["alerts"] if alert["rule"] == rule and alert["status"] == "firing"]

    def test_prometheus_feeds_the_daemon_and_reads_it(self):
        now = int(time.time()) // 60 * 60
        times = range(now - DAYS * 86400, now + 1, 60)
        receiver, model = Receiver(), self.start_modelserver("m")
        cold = self.start_modelserver("n")
        port = free_port()
        self.daemon = daemon = self.start_forewarm(self.config(
            [resource("m", model.port), resource("n", cold.port, probe={"path": "/v1/chat/completions", "body": json.dumps(chat("n"))})],
            memory="8GiB", demand={"prometheus": {"url": f"http://127.0.0.1:{port}", "query": 'sum(requests:rate{app="chat"})', "every": "1s", "history": "15d"}},
            alerts={"every": "200ms", "retry": "100ms", "retry_most": "500ms", "receivers": [{"kind": "webhook", "url": receiver.url}],
                    "rules": {"source_stale": {"for": "0s"}}}))
        # Nobody is there yet: that is said, and not for long.
        wait_for("the source's alert", lambda: self.firing("source_stale"))
        prometheus = self.start_prometheus(open_metrics(("requests:rate", '{app="chat"}', [(at, rate(at, now)) for at in times])),
                                           [daemon.control], [os.path.join(MONITORING, "forewarm.rules.yml")], port)
        wait_for("it to be over", lambda: not self.firing("source_stale"))
        # What comes in is what the daemon foretells, sees as an anomaly, and tells of once.
        rows = wait_for("a forecast", lambda: self.forecast_of_all().get("forecast"))
        self.assertTrue(all(math.isfinite(row["p50"]) for row in rows) and len(rows) >= 24)
        self.check_counts(now)
        anomaly = wait_for("the anomaly's alert", lambda: self.firing("anomaly"), 120)[0]
        self.assertEqual((anomaly["subject"], anomaly["severity"]), ("all", "warning"), anomaly)
        wait_for("it to be told", lambda: [one["rule"] for one in receiver.seen].count("anomaly") == 1)
        # Every query of the dashboard has an answer while requests come.
        missing = dict((query, title) for title, query in self.queries())
        self.assertGreater(len(missing), 25)

        def all_answer():
            self.assertEqual(daemon.ask("POST", "/v1/chat/completions", chat("m")).status, 200)
            self.assertEqual(daemon.ask("POST", "/v1/chat/completions", chat("n")).status, 200)
            daemon.api("POST", "/v1/resources/n/unload")
            for query in list(missing):
                samples = self.ask(prometheus, query)
                if samples and all(math.isfinite(number) for _, number in samples):
                    del missing[query]
            return not missing

        try:
            wait_for("all queries to answer", all_answer, 90)
        except AssertionError as error:
            raise AssertionError(f"without data: {json.dumps(missing, indent=1)}") from error
        # The rules are loaded and evaluated without fault, and what they record is there.
        def rules():
            return [rule for group in request(prometheus.port, "GET", "/api/v1/rules").json()["data"]["groups"] for rule in group["rules"]]

        wait_for("all rules to be evaluated", lambda: all(rule["health"] == "ok" for rule in rules()))
        self.assertEqual(len(rules()), 14)
        for rule in rules():
            if rule["type"] == "recording" and "requests" in rule["name"]:
                wait_for(rule["name"], lambda rule=rule: self.ask(prometheus, rule["name"]))
        self.assertIn("ForewarmDemandAnomaly", [rule["name"] for rule in rules() if rule.get("state") == "firing"])
        # KEDA's metrics-api scaler finds a number where the example says.
        scale = daemon.api("GET", "/v1/scale/m").json()
        self.assertIsInstance(scale["replicas"], int)
        self.assertEqual([number for labels, number in self.ask(prometheus, 'forewarm_replicas_wanted{resource="m"}')][:1], [float(scale["replicas"])])
        # It goes away: the last forecast stays, the age shows, and the receiver hears of it once.
        before = [one["rule"] for one in receiver.seen if one["status"] == "firing"].count("source_stale")
        prometheus.stop()
        stale = wait_for("the source's alert", lambda: self.firing("source_stale"))[0]
        self.assertIn("Failed to connect", stale["summary"])
        wait_for("it to be told", lambda: [one["rule"] for one in receiver.seen if one["status"] == "firing"].count("source_stale") == before + 1)
        self.assertGreaterEqual(len(self.forecast_of_all()["forecast"]), 24)
        self.assertGreaterEqual(daemon.metric('forewarm_demand_source_age_seconds{resource=""}'), 0)
        told = [(one["key"], one["status"]) for one in receiver.seen]
        self.assertEqual(len(told), len(set(told)), told)
        receiver.shutdown()


if __name__ == "__main__":
    main()
