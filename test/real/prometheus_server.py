"""A real Prometheus for tests: with a history, scraping daemons, with rules; on a free port, stopped by its pid."""

import json
import os
import shutil
import subprocess
import sys
import urllib.parse

from harness import Bench, answers, free_port, request, wait_for

PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")


def skip_without_prometheus():
    if not PROMETHEUS or not PROMTOOL:
        print("SKIPPED: prometheus is not installed (scripts/packages test)", flush=True)
        sys.exit(77)


def open_metrics(*families):
    """OpenMetrics text of (name, labels, [(second, value)])."""
    lines, said = [], set()
    for name, labels, points in families:
        if name not in said:
            lines.append(f"# TYPE {name} gauge")
            said.add(name)
        lines += [f"{name}{labels} {value} {at}" for at, value in points]
    return "\n".join(lines + ["# EOF", ""])


class PrometheusBench(Bench):
    def start_prometheus(self, history=None, scrape=(), rules=(), port=None):
        """`history`: OpenMetrics text that is there from the beginning; `scrape`: ports of daemons."""
        port, data, config = port or free_port(), self.path("tsdb"), self.path("prometheus.yml")
        if history:
            with open(self.path("history.om"), "w") as out:
                out.write(history)
            subprocess.run([PROMTOOL, "tsdb", "create-blocks-from", "--max-block-duration=720h", "openmetrics", "-q", self.path("history.om"), data], check=True, capture_output=True)
        jobs = [{"job_name": "forewarm", "static_configs": [{"targets": [f"127.0.0.1:{target}" for target in scrape]}]}]
        with open(config, "w") as out:
            json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": list(rules), "scrape_configs": jobs if scrape else []}, out)
        program = self.start([PROMETHEUS, f"--config.file={config}", f"--storage.tsdb.path={data}", "--storage.tsdb.retention.time=10y",
                              f"--web.listen-address=127.0.0.1:{port}"], "prometheus.log")
        program.port, program.url = port, f"http://127.0.0.1:{port}"
        wait_for("Prometheus is ready", lambda: answers(port, "/-/ready") or not program.alive())
        self.assertTrue(program.alive(), program.output())
        return program

    def ask(self, prometheus, query):
        """The samples of an instant query: [(labels, number)]."""
        answer = request(prometheus.port, "GET", "/api/v1/query?" + urllib.parse.urlencode({"query": query})).json()
        self.assertEqual(answer["status"], "success", f"{query}: {answer}")
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]


def promtool(*arguments, **options):
    return subprocess.run([PROMTOOL, *arguments], capture_output=True, timeout=120, **options)


SOURCE_EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "examples")
