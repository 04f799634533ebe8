#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs of agents are kept (specification H3): what POST /v1/runs acknowledged is there after kill -9, once; several
forewarms over one Redis lose nothing (D12); and what agents call next is ready for them, and in the journal.
KILLS says how often the daemon is killed (10)."""
import json
import os
import random
import subprocess
import threading
import time

from fleet_parts import Redis
from harness import FOREWARM, Daemon, call, main, wait_for

KILLS = int(os.environ.get("KILLS", "10"))


def record(run, agent="worker", steps=("plan", "code", "judge")):
    calls = [{"kind": "llm", "name": step, "started_at": f"2026-01-02T03:04:{i:02}Z",
              "ended_at": f"2026-01-02T03:04:{i:02}.500Z", "output_tokens": 10 + i, "model_name": step}
             for i, step in enumerate(steps)]
    return {"id": run, "agent_id": agent, "started_at": "2026-01-02T03:04:00Z",
            "ended_at": f"2026-01-02T03:04:{len(steps) - 1:02}.500Z", "calls": calls}


def post(daemon, runs):
    return daemon.post("/v1/runs", "\n".join(json.dumps(record(r)) for r in runs).encode())


def address(redis):
    return f"redis://127.0.0.1:{redis.port}/0"


def learned(daemon):
    for line in daemon.get("/metrics").body.decode().splitlines():
        if line.startswith('forewarm_runs_total{result="learned"}'):
            return int(float(line.split()[1]))
    return 0


def samples(daemon, agent="worker"):
    return daemon.get(f"/v1/call-hints?agent={agent}&path=plan").json["sample_count"]


class Poster(threading.Thread):
    """Sends batches until it is told to stop; a batch whose answer did not come is sent again to the next daemon."""

    def __init__(self, daemon, number):
        super().__init__(daemon=True)
        self.daemon_under_test, self.number = daemon, number
        self.acknowledged, self.sent, self.over, self.wrong = set(), 0, False, None

    def run(self):
        rng = random.Random(self.number)
        while not self.over:
            batch = [f"{self.number}-{self.sent + i}" for i in range(rng.randrange(1, 40))]
            self.sent += len(batch)
            while not self.over:
                try:
                    answer = post(self.daemon_under_test, batch)
                except OSError:
                    time.sleep(0.005)  # it is dead: until it is back
                    continue
                except Exception:  # http.client: cut off in the middle of its answer
                    continue
                if answer.status != 200 or answer.json["accepted"] + answer.json["known"] != len(batch):
                    self.wrong = answer
                    return
                self.acknowledged.update(batch)
                break


def acknowledged_runs_survive_kills():
    rng = random.Random(7)
    with Daemon(state="sqlite:state.db") as d:
        d.resources.append({"id": "plan", "upstream": "http://127.0.0.1:9"})
        d.start()
        posters = [Poster(d, number) for number in range(2)]
        for poster in posters:
            poster.start()
        for _ in range(KILLS):
            before = sum(len(p.acknowledged) for p in posters)
            wait_for("runs to be acknowledged", lambda: sum(len(p.acknowledged) for p in posters) > before + 50)
            time.sleep(rng.random() * 0.05)  # any moment
            d.kill()
            d.start()
        for poster in posters:
            poster.over = True
        for poster in posters:
            poster.join()
            assert not poster.wrong, poster.wrong
        acknowledged = sorted(set().union(*(p.acknowledged for p in posters)))
        sent = sum(p.sent for p in posters)
        assert len(acknowledged) <= learned(d) <= sent, (len(acknowledged), learned(d), sent)
        assert samples(d) == learned(d)
        # Each is there once: sent again, every one is known.
        before = learned(d)
        for at in range(0, len(acknowledged), 5000):
            batch = acknowledged[at:at + 5000]
            answer = post(d, batch)
            assert answer.json["known"] == len(batch) and answer.json["accepted"] == 0, answer
        assert learned(d) == before
        d.stop()
        d.start()
        assert learned(d) == before == samples(d)
        print(f"      {KILLS} kills, {len(acknowledged)} runs acknowledged, {before} learned, {sent} sent")


def writers_over_one_redis_lose_nothing():
    with Redis() as redis, Daemon(state=address(redis)) as one, Daemon(state=address(redis)) as two:
        for daemon in (one, two):
            daemon.resources.append({"id": "plan", "upstream": "http://127.0.0.1:9"})
            daemon.start()
        posters = [Poster(daemon, number) for number, daemon in enumerate((one, two, one))]
        for poster in posters:
            poster.start()
        wait_for("many runs", lambda: all(len(p.acknowledged) > 200 for p in posters))
        two.stop()  # keeps a snapshot while the other goes on
        two.start()
        wait_for("more runs", lambda: all(len(p.acknowledged) > 400 for p in posters))
        for poster in posters:
            poster.over = True
        for poster in posters:
            poster.join()
            assert not poster.wrong, poster.wrong
        acknowledged = set().union(*(p.acknowledged for p in posters))
        wait_for("both to know all", lambda: learned(one) == learned(two) >= len(acknowledged))
        assert samples(one) == samples(two) == learned(one)
        answers = [d.get("/v1/call-hints?agent=worker&path=code").json for d in (one, two)]
        assert answers[0] == answers[1], answers
        # The same runs sent to the other are known there.
        batch = sorted(acknowledged)[:1000]
        assert post(one, batch).json["known"] == post(two, batch).json["known"] == len(batch)
        # One that comes later begins with everything.
        with Daemon(state=address(redis)) as three:
            three.resources.append({"id": "plan", "upstream": "http://127.0.0.1:9"})
            three.start()
            assert samples(three) == learned(three) == learned(one)
        redis.stop()
        answer = post(one, ["late"])
        assert answer.status in (502, 503), answer


def what_an_agent_calls_next_is_ready():
    """Three steps on two models: the second one is cold until the agent's own first step says what comes."""
    with Daemon(state="sqlite:state.db", journal="run.journal", hints={"observe": "on"}, policy="ttl:300ms") as d:
        d.exec_resource("small", "--every 0.2", pin=True)
        d.exec_resource("large", "--load 0.3")
        d.start()
        d.wait_state("small", "warm")
        runs = []
        for number in range(4):
            run = record(f"r{number}", agent="coder", steps=("small", "large", "small"))
            for at, one in enumerate(run["calls"]):
                one["started_at"], one["ended_at"] = f"2026-01-02T03:04:{2 * at:02}Z", f"2026-01-02T03:04:{2 * at + 1:02}Z"
            runs.append(run)
        assert d.post("/v1/runs", "\n".join(map(json.dumps, runs)).encode()).json["accepted"] == 4
        assert [n["model"] for n in d.get("/v1/call-hints?agent=coder&path=small&call=1").json["next"]] == ["large", "small"]
        assert d.state("large") == "cold"

        def step(model, **more):
            headers = {"Content-Type": "application/json", "x-forewarm-agent": "coder", "x-forewarm-session": "now", **more}
            return call(d.port, "POST", "/v1/chat/completions", {"model": model, "messages": []}, headers)

        assert step("small").headers["x-forewarm-state"] == "warm"
        d.wait_state("large", "warm")  # nobody has asked for it yet
        second = step("large")
        assert second.headers["x-forewarm-state"] == "warm", second.headers
        assert second.headers["x-forewarm-wait-ms"] == "0", second.headers
        step("small", **{"x-forewarm-run-end": "1"})
        why = d.get("/v1/resources/large/why").body.decode()
        assert "hint" in why, why
        wait_for("the run to be learned", lambda: learned(d) == 5)
        d.stop()
        result = subprocess.run([FOREWARM, "replay", "--format", "journal", "--json", os.path.join(d.dir, "run.journal")],
                                capture_output=True, text=True)
        assert result.returncode == 0 and "decision_hash" in result.stdout, result.stderr + result.stdout


if __name__ == "__main__":
    main([acknowledged_runs_survive_kills, writers_over_one_redis_lose_nothing, what_an_agent_calls_next_is_ready])
