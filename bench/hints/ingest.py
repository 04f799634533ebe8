#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Durable ingest of runs: POST /v1/runs in batches into a daemon with SQLite, and how often it may be killed meanwhile.
Prints "name value" lines. KILLS (50) says how often; SECONDS (5) how long each rate is measured."""
import http.client
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "test", "daemon"))
from harness import Daemon  # noqa: E402

SECONDS = float(os.environ.get("SECONDS", "5"))


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
        print(f"ingest_batch_{batch}_runs_per_s {sent / took:.0f}\ningest_batch_{batch}_cpu_us_per_run {cpu / sent * 1e6:.1f}\ningest_batch_{batch}_bytes_per_call {size / sent / 7:.0f}")


def kills():
    test = os.path.join(HERE, "..", "..", "test", "daemon", "test_runs_kept.py")
    env = {**os.environ, "KILLS": os.environ.get("KILLS", "50")}
    result = subprocess.run([sys.executable, test, "acknowledged_runs_survive_kills"], env=env, capture_output=True, text=True)
    print(" ".join(result.stdout.split()))
    return result.returncode


if __name__ == "__main__":
    for size in (1, 100, 1000, 5000):
        rate(size)
    sys.exit(kills() if os.environ.get("KILLS") != "0" else 0)
