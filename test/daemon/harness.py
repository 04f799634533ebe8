# SPDX-License-Identifier: MIT
"""Starts the daemon for a test, talks to it, and stops what it started, by process id. Standard library only."""
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOREWARM = os.environ.get("FOREWARM") or os.path.join(SOURCE, "build", "forewarm")
HERE = os.path.dirname(os.path.abspath(__file__))
UPSTREAM = os.path.join(HERE, "upstream.py")
PATIENCE = 60.0


def free_port():
    """A port nobody listens on, below those the kernel gives to outgoing connections: one of these could take it first."""
    while True:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def wait_for(what, check, patience=PATIENCE):
    """Polls until check() is true and returns it; fails with a sentence when it never is."""
    until = time.monotonic() + patience
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > until:
            raise AssertionError(f"waited {patience} s in vain for: {what}")
        time.sleep(0.01)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def call(port, method, path, body=None, headers=None, timeout=PATIENCE):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        connection.request(method, path, data, headers or {})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Daemon:
    """One folder, one configuration, one process at a time. Use as a context manager."""

    def __init__(self, **options):
        self.dir = tempfile.mkdtemp(prefix="forewarm-test-")
        self.port, self.control = free_port(), free_port()
        self.options = {"state": "memory:", "io_threads": 1, "cooldown": "0s", **options}
        self.resources, self.lines = [], []
        self.journal = os.path.join(self.dir, "upstreams.jsonl")
        self.config = os.path.join(self.dir, "forewarm.yaml")
        self.log_path = os.path.join(self.dir, "log")
        self.process, self.env, self.others = None, {}, []
        self.program = FOREWARM

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        if kind is not None:
            sys.stderr.write(f"--- log of the daemon ---\n{self.log()}\n")
        self.stop()
        for process in self.others:
            process.kill()
            process.wait()
        for event in self.events("start"):  # what a killed daemon left behind
            if alive(event["pid"]):
                try:
                    os.killpg(event["pid"], signal.SIGKILL)
                except OSError:
                    pass
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- configuration ----

    def probe(self, **more):
        return {"path": "/v1/chat/completions", "body": json.dumps({"model": "m", "probe": True}), **more}

    def exec_resource(self, id, flags="", warmer=None, probe=None, **more):
        port = free_port()
        command = f"{sys.executable} {UPSTREAM} --name {id} --port {port} --journal {self.journal} {flags}"
        resource = {"id": id, "upstream": f"http://127.0.0.1:{port}",
                    "warmer": {"kind": "exec", "command": command, **(warmer or {})}, "probe": probe or self.probe(), **more}
        self.resources.append(resource)
        return resource

    def http_resource(self, id, flags="", warmer=None, **more):
        port = free_port()
        self.others.append(subprocess.Popen([sys.executable, UPSTREAM, "--name", id, "--port", str(port), "--journal",
                                             self.journal, "--unloaded", *flags.split()], stdout=subprocess.DEVNULL))
        wait_for("the upstream to listen", lambda: not connect_refused(port))
        resource = {"id": id, "upstream": f"http://127.0.0.1:{port}",
                    "warmer": {"kind": "http", "load": {"path": "/load", "method": "POST"},
                               "unload": {"path": "/unload", "method": "POST"}, "state": {"path": "/state"},
                               "loaded": '"loaded"', **(warmer or {})}, "probe": self.probe(), **more}
        self.resources.append(resource)
        return resource

    def write_config(self):
        document = {"listen": f"127.0.0.1:{self.port}",
                    "control": {"listen": f"127.0.0.1:{self.control}", **self.options.get("control", {})},
                    **{k: v for k, v in self.options.items() if k != "control"}, "resources": self.resources}
        with open(self.config, "w") as f:
            json.dump(document, f, indent=1)  # JSON is YAML

    # ---- life ----

    def start(self, wait=True):
        self.write_config()
        self.log_file = open(self.log_path, "ab")
        self.process = subprocess.Popen([self.program, "serve", "-c", self.config], cwd=self.dir, stdout=self.log_file,
                                        stderr=self.log_file, env={**os.environ, **self.env})
        if wait:
            wait_for("the daemon to be ready", self.is_ready)
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}:\n{self.log()}")
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def stop(self, expect=0):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the daemon does not stop")
        self.process = None
        self.log_file.close()
        if expect is not None and sys.exc_info()[0] is None:
            assert status == expect, f"exit status {status}\n{self.log()}"

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None
        self.log_file.close()

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def wait_saved(self, id):
        """Until the state file holds all that happened before this call: two saves that began after it."""
        log = os.path.join(self.dir, "state.db-wal")
        for _ in range(2):
            before = os.stat(log).st_mtime_ns
            self.post(f"/v1/resources/{id}/unpin")
            wait_for("a save", lambda: os.stat(log).st_mtime_ns != before)

    # ---- talking ----

    def get(self, path, **more):
        return call(self.control, "GET", path, **more)

    def post(self, path, body=None, **more):
        return call(self.control, "POST", path, body, **more)

    def delete(self, path, **more):
        return call(self.control, "DELETE", path, **more)

    def chat(self, model, **more):
        return call(self.port, "POST", "/v1/chat/completions", {"model": model, "messages": []}, **more)

    def resource(self, id):
        return self.get(f"/v1/resources/{id}").json

    def state(self, id):
        return self.resource(id)["state"]

    def wait_state(self, id, state):
        wait_for(f"{id} to be {state}", lambda: self.state(id) == state)

    def events(self, what, name=None):
        try:
            with open(self.journal) as f:
                found = [json.loads(line) for line in f if line.endswith("\n")]
        except OSError:
            return []
        return [e for e in found if e["what"] == what and (name is None or e["name"] == name)]


def connect_refused(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) != 0


def main(tests):
    """Runs functions, says which, and ends with 1 when any failed."""
    failed = 0
    only = sys.argv[1:]
    for test in tests:
        if only and test.__name__ not in only:
            continue
        began = time.monotonic()
        try:
            test()
            print(f"ok    {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
        except Exception:
            failed += 1
            print(f"FAIL  {test.__name__}\n{traceback.format_exc()}", flush=True)
    sys.exit(1 if failed else 0)
