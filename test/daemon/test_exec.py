#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Commands as warmers: how they start, end, disobey and speak."""
import os
import sys

from harness import UPSTREAM, Daemon, alive, main, wait_for


def a_crash_while_warm_is_noticed_and_the_next_request_loads_again():
    with Daemon() as d:
        d.exec_resource("a", "--crash 1")
        d.start()
        assert d.chat("a").status == 200
        wait_for("the crash to be seen", lambda: d.resource("a")["accounts"]["lost"] == 1)
        assert "its command exited with status 7; its last line: out of luck" in d.log(), d.log()
        assert d.chat("a").status == 200
        assert len(d.events("start", "a")) == 2


def a_crash_while_loading_fails_with_status_and_last_line():
    with Daemon(retry_min="1h", retry_max="1h") as d:
        d.exec_resource("a", "--late 30 --crash 0.2")
        d.start()
        answer = d.post("/warmup", {"resource": "a"}).json
        assert answer["status"] == "failed", answer
        assert "its command exited with status 7; its last line: out of luck" in answer["error"], answer
        assert d.state("a") == "failed" and d.resource("a")["retry_at"]


def a_failed_warm_up_is_tried_again_after_the_back_off():
    with Daemon(retry_min="100ms", retry_max="200ms") as d:
        d.exec_resource("a", "--late 30 --crash 0.05", pin=True)
        d.start()
        wait_for("several attempts", lambda: len(d.events("start", "a")) >= 3)


def a_command_that_does_not_exist_is_named():
    with Daemon(retry_min="1h", retry_max="1h") as d:
        d.exec_resource("a", warmer={"command": "./no-such-program --port 1"})
        d.start()
        answer = d.post("/warmup", {"resource": "a"}).json
        assert "exited with status 127" in answer["error"] and "no-such-program" in answer["error"], answer
        lines = [line for line in d.log().splitlines() if "level=error" in line]
        assert len(lines) == 1 and "no-such-program" in lines[0] and "next=" in lines[0], lines


def commands_are_written_as_in_a_shell():
    for before, after in (("exec ", ""), ("GREETING=hi ", ""), ("cd / && ", ""), ("", " | cat")):
        with Daemon() as d:
            resource = d.exec_resource("a")
            resource["warmer"]["command"] = before + resource["warmer"]["command"] + after
            d.start()
            answer = d.post("/warmup", {"resource": "a"}).json
            assert answer["status"] == "warmed", (before, after, answer, d.log())


def a_missing_directory_is_named():
    with Daemon(retry_min="1h", retry_max="1h") as d:
        d.exec_resource("a", warmer={"directory": "/nowhere/at/all"})
        d.start()
        error = d.post("/warmup", {"resource": "a"}).json["error"]
        assert "the working directory cannot be entered: No such file or directory" in error, error


def one_that_never_serves_is_given_up_and_stopped():
    with Daemon(retry_min="1h", retry_max="1h") as d:
        d.exec_resource("a", "--never", warmer={"start_timeout": "4s"})
        d.start()
        error = d.post("/warmup", {"resource": "a"}).json["error"]
        assert "not warm within start_timeout (4 s)" in error and "answered 503" in error, error
        pid = d.events("start", "a")[0]["pid"]
        assert not alive(pid), "it was left running"
        assert len(d.events("sigterm", "a")) == 1


def one_that_never_listens_is_given_up_and_stopped():
    with Daemon(retry_min="1h", retry_max="1h") as d:
        d.exec_resource("a", warmer={"command": "sleep 1000", "start_timeout": "300ms"})
        d.start()
        error = d.post("/warmup", {"resource": "a"}).json["error"]
        assert "not warm within start_timeout (300 ms)" in error and "nothing listens at http" in error, error


def one_that_ignores_sigterm_is_killed_after_stop_timeout():
    with Daemon() as d:
        d.exec_resource("a", "--stubborn", warmer={"stop_timeout": "300ms"})
        d.start()
        assert d.post("/warmup", {"resource": "a"}).json["status"] == "warmed"
        pid = d.events("start", "a")[0]["pid"]
        d.post("/v1/resources/a/unload")
        d.wait_state("a", "cold")
        assert len(d.events("sigterm", "a")) == 1 and not alive(pid)


def the_whole_group_ends():
    with Daemon() as d:
        resource = d.exec_resource("a")
        command = resource["warmer"]["command"]
        resource["warmer"]["command"] = f"sh -c 'sleep 1000 & echo child $! >&2; exec {command}'"
        d.start()
        d.post("/warmup", {"resource": "a"})
        line = wait_for("the child's number", lambda: [l for l in d.log().splitlines() if "line=\"child " in l])[0]
        sleeper = int(line.split("child ")[1].rstrip('"'))
        assert alive(sleeper)
        os.kill(d.events("start", "a")[0]["pid"], 9)
        wait_for("the rest of the group to end", lambda: not alive(sleeper))
        wait_for("the loss to be seen", lambda: d.resource("a")["accounts"]["lost"] == 1)


def output_goes_to_the_log_or_to_a_file_with_a_prefix():
    with Daemon() as d:
        d.exec_resource("a", "--say 'a \"quoted\" line'")
        d.exec_resource("b", "--say hello", warmer={"log": os.path.join(d.dir, "b.log")})
        d.start()
        d.post("/warmup", {"resource": "a"})
        d.post("/warmup", {"resource": "b"})
        wait_for("a's line", lambda: r'resource=a line="a \"quoted\" line"' in d.log())
        with open(os.path.join(d.dir, "b.log")) as f:
            lines = f.read().splitlines()
        assert [line.split(" ", 1)[1] for line in lines] == ["b: starting b", "b: hello"], lines
        assert "hello" not in d.log()


def environment_and_directory_are_passed():
    with Daemon() as d:
        d.exec_resource("a", warmer={"environment": {"UPSTREAM_SECRET": "s3cr3t-value"}, "directory": d.dir})
        d.start()
        d.post("/warmup", {"resource": "a"})
        assert d.events("start", "a")[0]["secret"] == "s3cr3t-value"
        assert os.readlink(f"/proc/{d.events('start', 'a')[0]['pid']}/cwd") == os.path.realpath(d.dir)
        with open(f"/proc/{d.events('start', 'a')[0]['pid']}/environ") as f:
            assert "FOREWARM_RESOURCE=a" in f.read().split("\0")
        # Nothing of the daemon's is open in the child but its standard streams.
        fds = os.listdir(f"/proc/{d.events('start', 'a')[0]['pid']}/fd")
        targets = [os.readlink(f"/proc/{d.events('start', 'a')[0]['pid']}/fd/{fd}") for fd in fds if int(fd) < 3]
        assert targets[0] == "/dev/null" or "/dev/null" in targets, targets


def memory_is_measured_where_none_is_configured():
    with Daemon() as d:
        d.exec_resource("a")
        d.start()
        d.post("/warmup", {"resource": "a"})
        assert 1 << 20 < d.resource("a")["memory_bytes"] < 1 << 30, d.resource("a")["memory_bytes"]


def a_warm_up_nobody_wants_is_cancelled():
    with Daemon() as d:
        d.exec_resource("a", "--late 30")
        d.start()
        d.post("/start-warmup", {"resource": "a"})
        pid = wait_for("the load to begin", lambda: d.events("start", "a"))[0]["pid"]
        d.post("/v1/resources/a/unload")
        d.wait_state("a", "cold")
        assert not alive(pid)
        assert d.resource("a")["accounts"]["warmups_cancelled"] == 1


def many_loads_at_once_do_not_starve_each_other():
    """More loads than job threads: waiting for a server takes no thread."""
    with Daemon(job_threads=2, max_loads=100) as d:
        for i in range(8):
            d.exec_resource(f"m{i}", "--late 1")
        d.start()
        for i in range(8):
            d.post("/start-warmup", {"resource": f"m{i}"})
        wait_for("all to be warm", lambda: all(r["state"] == "warm" for r in d.get("/v1/resources").json["resources"]))
        starts = [e["at"] for e in d.events("start")]
        assert len(starts) == 8


if __name__ == "__main__":
    assert os.path.exists(UPSTREAM) and sys.version_info >= (3, 8)
    main([a_crash_while_warm_is_noticed_and_the_next_request_loads_again,
          a_crash_while_loading_fails_with_status_and_last_line, a_failed_warm_up_is_tried_again_after_the_back_off,
          a_command_that_does_not_exist_is_named, commands_are_written_as_in_a_shell, a_missing_directory_is_named,
          one_that_never_serves_is_given_up_and_stopped, one_that_never_listens_is_given_up_and_stopped, one_that_ignores_sigterm_is_killed_after_stop_timeout,
          the_whole_group_ends, output_goes_to_the_log_or_to_a_file_with_a_prefix, environment_and_directory_are_passed,
          memory_is_measured_where_none_is_configured, a_warm_up_nobody_wants_is_cancelled,
          many_loads_at_once_do_not_starve_each_other])
