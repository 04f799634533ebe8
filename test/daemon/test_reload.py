#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reload, drain, stop; and that nothing secret is written anywhere."""
import os
import signal
import subprocess
import threading
import time

from harness import FOREWARM, Daemon, call, main, wait_for


def reload(d, expect="configuration reloaded"):
    count = d.log().count(expect)
    d.write_config()
    d.process.send_signal(signal.SIGHUP)
    wait_for("the reload", lambda: d.log().count(expect) > count)


def resources_come_and_go():
    with Daemon() as d:
        d.exec_resource("a", aliases=["first"])
        d.start()
        assert d.chat("first").status == 200
        assert d.chat("b").status == 404
        d.exec_resource("b")
        reload(d)
        assert d.chat("b").status == 200 and d.chat("a").status == 200
        assert len(d.events("start", "a")) == 1, "a reload loaded it again"
        pid = d.events("start", "a")[0]["pid"]
        d.resources.pop(0)
        reload(d)
        assert d.chat("a").status == 404 and d.get("/v1/resources/a").status == 404
        wait_for("the retired one to be unloaded", lambda: not os.path.exists(f"/proc/{pid}"))
        assert d.chat("b").status == 200


def planned_events_are_loaded_for():
    """Events of the configuration (P10): loaded in time, said in why, taken back by a reload; what is to come survives a restart once."""
    def in_s(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))

    def events(d, id):
        return [signal for signal in d.get(f"/v1/resources/{id}/why").json["signals"] if signal["signal"] == "event"]

    soon = {"name": "launch", "resource": "first", "start": in_s(2), "duration": "2h", "expected_requests": 500}
    later = {"name": "fair", "resource": "all", "start": in_s(86400), "end": in_s(90000), "multiplier": 3}
    with Daemon(load_time="1s", events=[soon, later], state="sqlite:" + "events.db") as d:
        d.exec_resource("a", aliases=["first"])
        d.exec_resource("b")
        d.start()
        assert [event["source"] for event in events(d, "a")] == ["config:launch", "config:fair"], events(d, "a")
        assert [event["source"] for event in events(d, "b")] == ["config:fair"]
        d.wait_state("a", "warm")
        assert d.state("b") == "cold"
        launch = events(d, "a")[0]
        assert launch["source"] == "config:launch" and launch["start"][:19] == soon["start"][:19] and launch["followed"], launch
        said = subprocess.run([FOREWARM, "why", "a", "--api", f"http://127.0.0.1:{d.control}"], capture_output=True, text=True).stdout
        assert f"signal event of config:launch: from {soon['start'][:19]}" in said and "500 requests expected: followed" in said, said
        d.options["events"] = [{**later, "name": "other", "resource": "b"}, {**soon, "start": in_s(-60)}]
        reload(d)
        assert [event["source"] for event in events(d, "b")] == ["config:other"]
        assert [event["source"] for event in events(d, "a")] == ["config:launch"]
        d.stop()
        d.start()
        assert [event["source"] for event in events(d, "b")] == ["config:other"], events(d, "b")
        d.options["events"] = []
        d.stop()
        d.start()
        assert events(d, "b") == []


def a_bad_file_changes_nothing_and_every_problem_is_logged():
    with Daemon() as d:
        d.exec_resource("a")
        d.start()
        assert d.chat("a").status == 200
        good = list(d.resources)
        d.resources = [{**good[0], "memory": "24", "prioritty": 1}, {**good[0], "id": "a"}]
        reload(d, "the configuration was not reloaded")
        problems = [line for line in d.log().splitlines() if "msg=configuration problem=" in line]
        assert len(problems) == 3, problems
        assert any("memory" in p and "24GiB" in p for p in problems), problems
        assert any("prioritty: unknown key, did you mean priority?" in p for p in problems), problems
        assert any("is taken already" in p for p in problems), problems
        assert d.chat("a").status == 200


def settings_change_and_fixed_ones_are_named():
    with Daemon() as d:
        d.exec_resource("a", priority=0)
        d.start()
        d.options["log_level"] = "debug"
        d.options["io_threads"] = 2
        reload(d)
        assert 'this option changes with a restart only" option=io_threads' in d.log()
        d.chat("a")
        wait_for("debug lines", lambda: "level=debug" in d.log())


def a_changed_command_replaces_what_runs():
    with Daemon() as d:
        resource = d.exec_resource("a", "--every 0.5")
        d.start()
        assert d.chat("a").status == 200
        answers = []
        thread = threading.Thread(target=lambda: answers.append(d.chat("a")))
        before = len(d.events("inference", "a"))
        thread.start()
        wait_for("the request to run", lambda: len(d.events("inference", "a")) > before)
        resource["warmer"]["command"] += " --say changed"
        reload(d)
        thread.join()
        assert answers[0].status == 200, "a request that ran was cut off"
        assert d.chat("a").status == 200
        assert len(d.events("start", "a")) == 2 and "line=changed" in d.log()


def a_stop_lets_running_requests_end():
    with Daemon() as d:
        d.exec_resource("a", "--every 0.7")
        d.start()
        d.post("/warmup", {"resource": "a"})
        before, answers = len(d.events("inference", "a")), []
        thread = threading.Thread(target=lambda: answers.append(d.chat("a")))
        thread.start()
        wait_for("the request to run", lambda: len(d.events("inference", "a")) > before)
        pid = d.events("start", "a")[0]["pid"]
        d.process.send_signal(signal.SIGTERM)
        wait_for("not ready any more", lambda: gone_or_draining(d))
        thread.join()
        assert answers[0].status == 200, answers
        d.stop()
        assert not os.path.exists(f"/proc/{pid}")
        assert d.log().rstrip().endswith("msg=stopped"), d.log()


def gone_or_draining(d):
    try:
        return d.get("/readyz").status == 503 or d.process.poll() is not None
    except OSError:
        return True


def a_stop_does_not_wait_for_ever():
    with Daemon(drain_timeout="300ms") as d:
        d.exec_resource("a", "--every 0.1", warmer={"stop_timeout": "300ms"})
        d.start()
        d.post("/warmup", {"resource": "a"})
        hanging = []

        def hang():
            try:
                hanging.append(call(d.port, "POST", "/v1/chat/completions", {"model": "a", "slow": True}))
            except OSError as error:
                hanging.append(error)

        os.kill(d.events("start", "a")[0]["pid"], signal.SIGSTOP)
        thread = threading.Thread(target=hang)
        thread.start()
        wait_for("the request to be in", lambda: d.resource("a")["in_use"] == 1)
        began = time.monotonic()
        d.process.send_signal(signal.SIGTERM)
        assert d.process.wait(60) == 0
        d.process = None
        assert time.monotonic() - began < 20
        assert "drain_timeout is over" in d.log()
        thread.join()


def nothing_secret_is_written():
    secret, token = "s3cr3t-in-the-environment", "t0ken-of-the-control-plane"
    with Daemon(state="sqlite:state.db", journal="run.journal", log_level="debug",
                control={"token_file": "token"}) as d:
        with open(os.path.join(d.dir, "token"), "w") as f:
            f.write(token + "\n")
        header_secret, body_secret = "header-s3cr3t-value", "body-s3cr3t-value"
        d.exec_resource("a", warmer={"environment": {"UPSTREAM_SECRET": secret}},
                        probe=d.probe(headers={"Authorization": f"Bearer {header_secret}"},
                                      body='{"model":"a","probe":true,"key":"' + body_secret + '"}'))
        d.exec_resource("broken", warmer={"environment": {"UPSTREAM_SECRET": secret}, "start_timeout": "300ms",
                                          "command": "false"}, probe=d.probe(headers={"X-Key": header_secret}))
        d.env["FOREWARM_CONTROL_TOKEN_FILE"] = "token"
        headers = {"Authorization": f"Bearer {token}"}
        d.start()
        assert d.get("/v1/resources").status == 401
        assert d.get("/v1/resources", headers={"Authorization": "Bearer wrong-token-of-it"}).status == 401
        answers = [d.post("/warmup", {"resource": r}, headers=headers) for r in ("a", "broken")]
        assert [a.json["status"] for a in answers] == ["warmed", "failed"], answers
        assert d.chat("a", headers={"Authorization": "Bearer users-own-s3cr3t"}).status == 200
        pages = [d.get(p, headers=headers).body.decode() for p in
                 ("/v1/resources", "/v1/resources/a", "/v1/resources/a/why", "/metrics", "/", "/v1/predictions")]
        d.stop()
        files = []
        for name in ("log", "state.db", "run.journal"):
            with open(os.path.join(d.dir, name), "rb") as f:
                files.append(f.read().decode("latin-1"))
        for place in [*pages, *files, *[a.body.decode() for a in answers]]:
            for word in (secret, token, header_secret, body_secret, "users-own-s3cr3t", "wrong-token-of-it"):
                assert word not in place, (word, place[:2000])


if __name__ == "__main__":
    main([resources_come_and_go, planned_events_are_loaded_for, a_bad_file_changes_nothing_and_every_problem_is_logged,
          settings_change_and_fixed_ones_are_named, a_changed_command_replaces_what_runs,
          a_stop_lets_running_requests_end, a_stop_does_not_wait_for_ever, nothing_secret_is_written])
