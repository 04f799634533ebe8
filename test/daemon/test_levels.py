#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Levels between cold and warm (P10): what leaves memory rests in host memory or asleep, and comes back sooner."""
import json
import os
import signal
import subprocess

from harness import FOREWARM, Daemon, alive, main, wait_for

BUDGET = {"policy": "lru", "memory": "8GiB", "host_memory": "20GiB", "retry_min": "100ms", "retry_max": "200ms"}
SLEEPS = [{"name": "asleep", "host_memory": "6GiB", "memory": "1GiB", "sleep": {"path": "/sleep?level=1", "method": "POST"},
           "wake": {"path": "/wake_up", "method": "POST"}}]


def why(d, id):
    text = subprocess.run([FOREWARM, "why", id, "--api", f"http://127.0.0.1:{d.control}"], capture_output=True, text=True)
    assert text.returncode == 0, text.stderr
    return text.stdout


def staged(d, id, slow, up=None):
    """A command that needs `slow` seconds to read its weights, unless they lie in the page cache: a mark says that they do."""
    mark = os.path.join(d.dir, id + ".cached")
    resource = d.exec_resource(id, memory="6GiB", levels=[
        {"name": "page-cache", "host_memory": "6GiB", "up": up or f"touch {mark}", "down": f"rm -f {mark}"}])
    resource["warmer"]["command"] = f"[ -e {mark} ] || sleep {slow}; exec {resource['warmer']['command']}"
    return mark


def what_is_evicted_goes_to_the_page_cache_and_comes_back_sooner():
    with Daemon(**BUDGET) as d:
        mark = staged(d, "a", 2)
        staged(d, "b", 0)
        d.start()
        assert d.chat("a").status == 200
        assert d.resource("a")["level"] is None and not os.path.exists(mark)
        assert d.chat("b").status == 200
        d.wait_state("a", "half")
        assert os.path.exists(mark)
        shown = d.resource("a")
        assert shown["level"] == "page-cache" and shown["levels"][0]["loads_measured"] == 0, shown
        assert d.get("/v1/resources").json["memory"]["host_used_bytes"] == 6 << 30
        assert 'forewarm_memory_bytes{kind="host_used"} 6442450944' in d.get("/metrics").body.decode()
        assert d.chat("a").status == 200
        learned = d.resource("a")["levels"][0]
        assert learned["loads_measured"] == 1 and learned["load_expected_s"] < 1.8, learned
        words = why(d, "a")
        assert "from level page-cache it is warm in about" in words and "(measured)" in words, words
        assert "raise    half_worth: half warm it loads in" in words, words
        assert d.resource("a")["level"] is None
        d.wait_state("b", "half")


def a_way_up_that_fails_leaves_it_cold_and_serving_goes_on():
    with Daemon(**BUDGET) as d:
        staged(d, "a", 0, up="echo no such disk; exit 3")
        staged(d, "b", 0)
        d.start()
        assert d.chat("a").status == 200 and d.chat("b").status == 200
        wait_for("the failure to be said", lambda: "exited with status 3; its last line: no such disk" in d.log())
        d.wait_state("a", "cold")
        assert d.chat("a").status == 200


def a_request_does_not_wait_for_the_way_up():
    with Daemon(**BUDGET) as d:
        staged(d, "a", 0, up="sleep 600")
        staged(d, "b", 0)
        d.start()
        assert d.chat("a").status == 200 and d.chat("b").status == 200
        d.wait_state("a", "raising")
        assert d.chat("a", timeout=30).status == 200


def an_operators_wish_takes_over_the_way_up():
    """`forewarm warm ID` and a page's warm-up, while it is on its way to a level: it gets warm, and the way up is given up."""
    for ask in ("command", "page"):
        with Daemon(**BUDGET) as d:
            staged(d, "a", 0, up="sleep 600")
            staged(d, "b", 0)
            d.start()
            assert d.chat("a").status == 200 and d.chat("b").status == 200
            d.wait_state("a", "raising")
            if ask == "command":
                run = subprocess.run([FOREWARM, "warm", "a", "--api", f"http://127.0.0.1:{d.control}"], capture_output=True, text=True)
                assert run.returncode == 0, (run.stdout, run.stderr)
            else:
                answer = d.post("/warmup", {"resource": "a"}).json
                assert answer["status"] == "warmed" and answer["ready"], answer
            d.wait_state("a", "warm")


def what_sleeps_keeps_its_process_and_wakes():
    with Daemon(**BUDGET) as d:
        d.exec_resource("a", memory="6GiB", levels=SLEEPS)
        d.exec_resource("b", memory="6GiB", levels=SLEEPS)
        d.start()
        assert d.chat("a").status == 200 and d.chat("b").status == 200
        d.wait_state("a", "half")
        assert d.resource("a")["level"] == "asleep"
        assert d.get("/v1/resources").json["memory"]["used_bytes"] == 7 << 30
        assert d.chat("a").status == 200 and d.chat("b").status == 200 and d.chat("a").status == 200
        assert len(d.events("start", "a")) == len(d.events("start", "b")) == 1
        assert len(d.events("wake", "a")) == 2 and len(d.events("sleep", "a")) == 2
        assert d.events("inference", "a")[-1]["ready"]


def what_dies_asleep_is_cold():
    with Daemon(**BUDGET) as d:
        d.exec_resource("a", memory="6GiB", levels=SLEEPS)
        d.exec_resource("b", memory="6GiB", levels=SLEEPS)
        d.start()
        assert d.chat("a").status == 200 and d.chat("b").status == 200
        d.wait_state("a", "half")
        os.kill(d.events("start", "a")[0]["pid"], signal.SIGKILL)
        d.wait_state("a", "cold")
        assert d.chat("a").status == 200
        assert len(d.events("start", "a")) == 2 and not d.events("wake", "a")


def what_cannot_sleep_is_unloaded():
    with Daemon(**BUDGET) as d:
        for id in "ab":
            d.exec_resource(id, memory="6GiB", levels=[{**SLEEPS[0], "sleep": "exit 1"}])
        d.start()
        assert d.chat("a").status == 200 and d.chat("b").status == 200
        d.wait_state("a", "cold")
        wait_for("its process to end", lambda: not alive(d.events("start", "a")[0]["pid"]))
        assert d.chat("a").status == 200


def an_operator_and_a_level_that_is_no_more_end_it():
    with Daemon(**BUDGET) as d:
        for id in "abc":
            d.exec_resource(id, memory="6GiB", levels=SLEEPS)
        d.start()
        assert d.chat("a").status == 200 and d.chat("b").status == 200 and d.chat("c").status == 200
        d.wait_state("a", "half")
        d.wait_state("b", "half")
        d.post("/v1/resources/a/unload")
        d.wait_state("a", "cold")
        d.resources[1]["levels"] = []
        d.write_config()
        d.process.send_signal(signal.SIGHUP)
        d.wait_state("b", "cold")
        for id in "ab":
            wait_for("its process to end", lambda id=id: not alive(d.events("start", id)[0]["pid"]))
        assert d.chat("a").status == 200


def wrong_levels_are_named():
    with Daemon(memory="8GiB", host_memory="4GiB") as d:
        d.exec_resource("a", memory="6GiB", levels=[
            {"name": "x", "host_memory": "5GiB", "up": "true"}, {"name": "x", "host_memory": "24", "sleep": "true"},
            {"name": "z", "wake": "true", "memory": "7GiB", "uq": "true"}])
        d.write_config()
        run = subprocess.run([FOREWARM, "check", "-c", d.config], capture_output=True, text=True)
        said = run.stdout + run.stderr
        for words in ("levels[].host_memory: found 5GiB, more than the 4GiB", '"x" is taken already', 'found "24"',
                      "levels[]: found neither up, sleep nor server", "levels[].wake: means nothing without sleep", "uq",
                      "levels[].memory: found 7GiB, expected less than the 6GiB"):
            assert words in said, (words, said)
        assert run.returncode == 1


if __name__ == "__main__":
    main([what_is_evicted_goes_to_the_page_cache_and_comes_back_sooner,
          a_way_up_that_fails_leaves_it_cold_and_serving_goes_on, a_request_does_not_wait_for_the_way_up,
          an_operators_wish_takes_over_the_way_up,
          what_sleeps_keeps_its_process_and_wakes, what_dies_asleep_is_cold, what_cannot_sleep_is_unloaded,
          an_operator_and_a_level_that_is_no_more_end_it, wrong_levels_are_named])
