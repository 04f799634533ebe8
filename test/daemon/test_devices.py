#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Several devices, sizes that are measured, and wishes that cannot be granted, with real processes."""
import http.server
import json
import os
import threading

from harness import Daemon, main, wait_for

MIB = 1 << 20


def environment(pid):
    with open(f"/proc/{pid}/environ", "rb") as f:
        return dict(pair.split(b"=", 1) for pair in f.read().split(b"\0") if b"=" in pair)


def a_command_is_told_its_devices():
    gpus = [{"name": "gpu0", "memory": "10GiB"}, {"name": "gpu1", "memory": "10GiB"}]
    with Daemon(devices=gpus, policy="lru") as d:
        d.exec_resource("a", memory="8GiB")
        d.exec_resource("b", memory="8GiB")
        d.exec_resource("wide", memory="12GiB", span=2)
        d.start()
        assert d.chat("a").status == 200 and d.chat("b").status == 200
        places = {id: d.resource(id)["devices"] for id in ("a", "b")}
        assert sorted(places.values()) == [["gpu0"], ["gpu1"]], places
        for id, number in (("a", places["a"][0][-1]), ("b", places["b"][0][-1])):
            told = environment(d.events("start", id)[0]["pid"])
            assert told[b"FOREWARM_DEVICES"].decode() == places[id][0], told
            assert told[b"FOREWARM_DEVICE_NUMBERS"].decode() == number, told
        memory = d.get("/v1/resources").json["memory"]
        assert [(one["name"], one["used_bytes"]) for one in memory["devices"]] == [("gpu0", 8 << 30), ("gpu1", 8 << 30)]
        assert memory["budget_bytes"] == 20 << 30
        assert 'forewarm_device_memory_bytes{device="gpu1",kind="budget"} 10737418240' in d.get("/metrics").body.decode()
        assert d.chat("wide").status == 200
        assert d.resource("wide")["devices"] == ["gpu0", "gpu1"]
        assert environment(d.events("start", "wide")[0]["pid"])[b"FOREWARM_DEVICE_NUMBERS"] == b"0,1"
        why = d.get("/v1/resources/wide/why").json["decisions"]
        assert [one["devices"] for one in why if one["action"] == "warm"] == [["gpu0", "gpu1"]], why


def a_gpu_tool_says_how_large_it_is():
    """A fake nvidia-smi: lists everybody's processes; what has grown too large makes way."""
    with Daemon(memory="6GiB", policy="lru") as d:
        size = os.path.join(d.dir, "size")
        tool = os.path.join(d.dir, "nvidia-smi")
        with open(tool, "w") as f:
            f.write('#!/bin/sh\necho "pid, used_memory"\necho "1, 99999"\necho "77, [N/A]"\n'
                    f'for pid in $(pgrep -f "name a --port"); do echo "$pid, $(cat {size})"; done\n')
        os.chmod(tool, 0o755)
        with open(size, "w") as f:
            f.write("5000")
        d.exec_resource("a", memory="auto", warmer={"measure_command": f"{tool} --query-compute-apps=pid,used_memory"})
        d.start()
        assert d.chat("a").status == 200
        assert d.resource("a")["memory_bytes"] == 5000 * MIB, d.resource("a")
        with open(size, "w") as f:
            f.write("7000")
        wait_for("it to make way", lambda: d.state("a") == "cold")
        assert d.resource("a")["memory_bytes"] == 7000 * MIB
        reasons = [one["reason"] for one in d.get("/v1/resources/a/why").json["decisions"]]
        assert "overgrown" in reasons, reasons
        answer = d.chat("a")
        assert answer.status == 413, answer  # larger than all there is


def its_processes_say_how_large_it_is():
    with Daemon(memory="6GiB", policy="lru") as d:
        d.exec_resource("a", memory="auto")
        d.start()
        assert d.chat("a").status == 200
        assert 4 * MIB < d.resource("a")["memory_bytes"] < 500 * MIB, d.resource("a")


def a_server_says_how_large_it_is():
    """As Ollama's /api/ps does."""
    class Ps(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps({"models": [{"name": "other", "size_vram": 7}, {"name": "a/b", "size_vram": 3 << 30}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Ps)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Daemon(memory="6GiB", policy="lru") as d:
            d.http_resource("a", memory="auto", warmer={
                "measure": {"url": f"http://127.0.0.1:{server.server_port}/api/ps"},
                "measure_json": "/models/name=a~1b/size_vram"})
            d.start()
            assert d.chat("a").status == 200
            assert d.resource("a")["memory_bytes"] == 3 << 30, d.resource("a")
    finally:
        server.shutdown()


def a_pin_that_cannot_fit_is_refused():
    """Issue: bad input, impossible budgets."""
    with Daemon(memory="6GiB", policy="lru") as d:
        d.exec_resource("a", memory="4GiB", pin=True)
        d.exec_resource("b", memory="4GiB")
        d.start()
        answer = d.post("/v1/resources/b/pin", {})
        assert answer.status == 409, (answer.status, answer.body.decode())
        assert "4GiB" in answer.body.decode() and "6GiB" in answer.body.decode(), answer.body.decode()
        assert not d.resource("b")["pinned"]
        assert d.post("/v1/resources/a/pin", {}).status == 202


def a_pin_needs_a_place_side_by_side():
    """42 of 48 GiB, but 14 and 14 do not fit onto 24; `check` says so of a config, the control API of a wish."""
    with Daemon(devices="2x24GiB", policy="lru") as d:
        for id in "abc":
            d.exec_resource(id, memory="14GiB")
        d.start()
        for id in "ab":
            assert d.post(f"/v1/resources/{id}/pin", {}).status == 202
        assert d.post("/v1/resources/b/pin", {}).status == 202  # again: it does not stand in its own way
        answer = d.post("/v1/resources/c/pin", {})
        text = answer.body.decode()
        assert answer.status == 409 and "needs 14GiB" in text and "28GiB of 48GiB" in text and "side by side" in text, text
        assert not d.resource("c")["pinned"]
        assert d.post("/v1/resources/a/unpin", {}).status in (200, 202)
        assert d.post("/v1/resources/c/pin", {}).status == 202


def a_load_time_may_be_none_or_a_day():
    """Issue: bad input. What is expected of a load is a guess until one was measured: a request waits for the load itself."""
    with Daemon(load_time="0s", memory="6GiB") as d:
        d.exec_resource("a", memory="4GiB")
        d.exec_resource("b", memory="4GiB", load_time="24h")
        d.start()
        for id in "abab":
            assert d.chat(id).status == 200


if __name__ == "__main__":
    main([a_command_is_told_its_devices, a_gpu_tool_says_how_large_it_is, its_processes_say_how_large_it_is,
          a_server_says_how_large_it_is, a_pin_that_cannot_fit_is_refused,
          a_pin_needs_a_place_side_by_side, a_load_time_may_be_none_or_a_day])
