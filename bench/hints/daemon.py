#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Call hints in the daemon: what writing them costs in a request (bench_hints_inject), runs a second that POST /v1/runs
keeps in SQLite, and whether every acknowledged one is there after kill -9. Prints "metric subject value unit" lines;
--record appends them to bench/results.csv. KILLS (50, 0: none) says how often it is killed, SECONDS (5) how long each rate
is measured."""
import csv
import datetime
import http.client
import json
import os
import platform
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "test", "daemon"))
from harness import Daemon  # noqa: E402

ROOT = os.path.join(HERE, "..", "..")
BUILD = os.environ.get("FOREWARM_BUILD", os.path.join(ROOT, "build"))
SECONDS = float(os.environ.get("SECONDS", "5"))
rows = []


def tell(metric, subject, value, unit):
    print(f"{metric} {subject!r} {value} {unit}", flush=True)
    rows.append((metric, subject, value, unit))


def inject():
    output = subprocess.run([os.path.join(BUILD, "bench/hints/bench_hints_inject")], check=True, capture_output=True, text=True)
    for name, value in re.findall(r"^(\w+) (\d+)$", output.stdout, re.M):
        tell(name, "body of 2 KB", value, "B" if name.endswith("bytes") else "ns")


def record(number, calls=7):
    steps = [{"kind": "llm", "name": f"step {i}", "started_at": f"2026-01-02T03:04:{i:02}.250Z",
              "ended_at": f"2026-01-02T03:04:{i:02}.750Z", "output_tokens": 100 + i, "prompt_tokens": 1000,
              "model_name": "meta/llama-3.1-8b"} for i in range(calls)]
    return {"id": f"018f0000-0000-7000-8000-{number:012x}", "agent_id": f"agent {number % 10}",
            "started_at": "2026-01-02T03:04:00.000Z", "ended_at": "2026-01-02T03:04:09.000Z", "calls": steps}


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rate(batch):
    """Runs a second of 7 calls, one connection, bodies made before."""
    with Daemon(state="sqlite:state.db", io_threads=1) as d:
        d.resources.append({"id": "m", "upstream": "http://127.0.0.1:9"})
        d.start()
        bodies = ["\n".join(json.dumps(record(b * batch + i)) for i in range(batch)).encode() for b in range(max(4, 60000 // batch))]
        connection = http.client.HTTPConnection("127.0.0.1", d.control, timeout=60)
        sent, began, cpu = 0, time.monotonic(), cpu_s(d.process.pid)
        for body in bodies:
            connection.request("POST", "/v1/runs", body)
            answer = json.loads(connection.getresponse().read())
            assert answer["accepted"] == batch, answer
            sent += batch
            if time.monotonic() - began > SECONDS:
                break
        took, cpu = time.monotonic() - began, cpu_s(d.process.pid) - cpu
        size = sum(os.path.getsize(os.path.join(d.dir, f)) for f in os.listdir(d.dir) if f.startswith("state.db"))
        connection.close()
        subject = f"batches of {batch}, 7 calls"
        tell("ingest_runs_per_s", subject, f"{sent / took:.0f}", "1/s")
        tell("ingest_cpu", subject, f"{cpu / sent * 1e6:.1f}", "us/run")
        tell("ingest_stored", subject, f"{size / sent / 7:.0f}", "B/call")


def kills():
    test = os.path.join(ROOT, "test", "daemon", "test_runs_kept.py")
    env = {**os.environ, "KILLS": os.environ.get("KILLS", "50")}
    result = subprocess.run([sys.executable, test, "acknowledged_runs_survive_kills"], env=env, capture_output=True, text=True)
    found = re.search(r"(\d+) kills, (\d+) runs acknowledged, (\d+) learned, (\d+) sent", result.stdout)
    if result.returncode or not found:
        sys.exit(f"an acknowledged run was lost, or is there twice:\n{result.stdout}{result.stderr}")
    tell("killed_acknowledged_lost_or_twice", f"{found[1]} kills, {found[2]} runs", 0, "runs")


def record_rows():
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    with open(os.path.join(ROOT, "bench", "results.csv"), "a", newline="") as f:
        for metric, subject, value, unit in rows:
            csv.writer(f, lineterminator="\n").writerow([datetime.date.today(), commit, "hints", metric, subject, value, unit, "", "", "",
                                                         machine, os.environ.get("NOTE", "")])


if __name__ == "__main__":
    inject()
    for size in (1, 100, 1000, 5000):
        rate(size)
    if os.environ.get("KILLS") != "0":
        kills()
    if "--record" in sys.argv[1:]:
        record_rows()
