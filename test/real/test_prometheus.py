#!/usr/bin/env python3
"""A real Prometheus (D15): a series is read from one with a history, in pieces under its limit, with the gaps that stale series leave; it refuses
and disappears; and it scrapes the daemon, whose metrics `promtool check metrics` finds nothing to say about."""

import json
import math
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import FOREWARM, chat, main, resource, wait_for  # noqa: E402
from prometheus_server import PrometheusBench, open_metrics, promtool, skip_without_prometheus  # noqa: E402

skip_without_prometheus()
STEP_S = 60
DAYS = 9


def demand(at, scale=1):
    return round(scale * (100 + 50 * math.sin(at * 2 * math.pi / 86400)), 3)


class RealPrometheus(PrometheusBench):
    def history(self, now):
        """Two series at a minute's step: whole, and with a hole of six hours; a third ended a day ago."""
        times = range(now - DAYS * 86400, now, STEP_S)
        return open_metrics(
            ("demand", '{zone="a"}', [(at, demand(at)) for at in times]),
            ("demand", '{zone="b"}', [(at, demand(at, 2)) for at in times if not now - 40 * 3600 <= at < now - 34 * 3600]),
            ("gone", "", [(at, demand(at)) for at in times if at < now - 86400]),
        )

    def run_forewarm(self, command, *more):
        return subprocess.run([FOREWARM, command, *more], capture_output=True, text=True, timeout=300)

    def test_series_are_read_from_a_server_with_a_history(self):
        now = int(time.time()) // 3600 * 3600
        server = self.start_prometheus(self.history(now))
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 3600))

        def ask(command, query, *more):
            return self.run_forewarm(command, "--prometheus", server.url, "--query", query, "--until", until, *more)

        # An hour's step: what the server gives is what was written.
        ran = ask("forecast", 'demand{zone="a"}', "--range", "8d", "--json", "--horizon", "1d", "--model", "seasonal-naive")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        answer = json.loads(ran.stdout)
        self.assertEqual((answer["series"]["rows"], answer["series"]["every_s"], answer["series"]["gap_slots"]), (192, 3600, 0))
        self.assertEqual(len(answer["forecast"]), 24)
        for row, hour in zip(answer["forecast"], range(24)):
            self.assertAlmostEqual(row["p50"], demand(now + hour * 3600), delta=1)

        # A minute's step over 8 days is more than a question may ask for; the hole of the second stays one: the
        # server looks back five minutes, so that the first minutes of the hole still have the value before it.
        ran = ask("detect", 'demand{zone="b"}', "--range", "8d", "--every", "1m", "--method", "zscore", "--json")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        series = json.loads(ran.stdout)["series"]
        self.assertEqual(series["gaps"], 1)
        self.assertTrue(350 <= series["gap_slots"] <= 360, series)
        self.assertEqual(series["rows"] + series["gap_slots"], 8 * 1440)

        # NaN where 0 is divided by 0.
        ran = ask("detect", 'sum(demand{zone="a"}) * (sum(demand{zone="a"}) > bool 90) / (sum(demand{zone="a"}) > bool 90)', "--range", "8d", "--method", "zscore", "--json")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertTrue(json.loads(ran.stdout)["series"]["missing"] > 40, ran.stdout[:400])

        # A series that ended.
        ran = ask("detect", "gone", "--range", "8d", "--method", "zscore")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn("the newest value is 23 h older", ran.stderr)

        for query, status, words in [
            ("demand", 2, 'the query gives 2 series (demand{zone="a"}, demand{zone="b"}), expected one: add them up with sum(...)'),
            ("absent_metric", 2, "the query gives nothing"),
            ("sum(", 2, "the query is refused"),
            ("sum by (zone) (demand)", 2, "2 series"),
        ]:
            ran = ask("forecast", query)
            self.assertEqual((ran.returncode, ran.stdout), (status, ""), ran.stderr)
            self.assertIn(words, ran.stderr)
        # The server goes away.
        self.assertEqual(server.stop(), 0)
        ran = ask("forecast", "demand")
        self.assertEqual(ran.returncode, 3, ran.stderr)
        self.assertIn("Failed to connect", ran.stderr)

    def test_the_daemons_metrics_are_clean_and_scraped(self):
        server = self.start_modelserver("m")
        daemon = self.start_forewarm(self.config([resource("m", server.port), resource("n", server.port)], memory="8GiB"))
        for _ in range(3):
            self.assertEqual(daemon.ask("POST", "/v1/chat/completions", chat("m")).status, 200)
        text = daemon.api("GET", "/metrics").body
        checked = promtool("check", "metrics", input=text)
        # The one name kept from the specification that has no base unit.
        said = [line for line in (checked.stdout + checked.stderr).decode().splitlines() if "prewarm_waste_ms" not in line]
        self.assertEqual(said, [])
        prometheus = self.start_prometheus(scrape=[daemon.control])

        wait_for("Prometheus has scraped the daemon", lambda: self.ask(prometheus, 'sum(forewarm_requests_total{resource="m"})') == [({}, 3.0)])
        self.assertEqual([number for _, number in self.ask(prometheus, "up")], [1.0])


if __name__ == "__main__":
    main()
