"""What the end-to-end tests share: programs on free ports of 127.0.0.1, stopped by pid; waiting with a deadline."""

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
import unittest

SOURCE = os.environ.get("FOREWARM_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("FOREWARM_BUILD") or os.path.join(SOURCE, "build")
FOREWARM = os.environ.get("FOREWARM") or os.path.join(BUILD, "forewarm")
MODELSERVER = os.path.join(BUILD, "examples", "modelserver", "modelserver")
WEIGHTS = os.path.join(BUILD, "test-weights")
# Sanitizers make everything several times slower.
PATIENCE_S = 120 if "asan" in BUILD or "tsan" in BUILD else 60


def skip_without(*programs):
    for program in programs:
        if not os.access(program, os.X_OK):
            print(f"SKIPPED: {program} is not built", flush=True)
            sys.exit(77)


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


def wait_for(what, condition, patience_s=PATIENCE_S):
    """Polls until the condition holds (returns its value) or the deadline passes (fails with `what`)."""
    deadline = time.monotonic() + patience_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s} s for: {what}")
        time.sleep(0.01)


class Answer:
    def __init__(self, status, headers, body, seconds):
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


def request(port, method, path, body=None, headers=None, timeout_s=PATIENCE_S):
    """One request on a connection of its own."""
    start = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})} if body else headers or {})
        answer = connection.getresponse()
        data = answer.read()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, data, time.monotonic() - start)
    finally:
        connection.close()


def answers(port, path):
    try:
        return request(port, "GET", path, timeout_s=5).status == 200
    except OSError:
        return False
    except http.client.HTTPException:
        return False


class Program:
    """A running program with its output in a file. Stopped by its pid, and killed when it does not listen."""

    def __init__(self, command, log, **options):
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **options)
        self.pid = self.process.pid

    def alive(self):
        return self.process.poll() is None

    def output(self):
        with open(self.log, errors="replace") as text:
            return text.read()

    def stop(self, patience_s=30):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(patience_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()


def pid_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] != "Z"


def weights(size="64MiB", layers=2, width=256, seed=1):
    """A weights file, made once a build folder."""
    os.makedirs(WEIGHTS, exist_ok=True)
    path = os.path.join(WEIGHTS, f"{size}-{layers}-{width}-{seed}.weights")
    if not os.path.exists(path):
        subprocess.run([MODELSERVER, "--model", "x", "--weights", path, "--create-only", *shape(size, layers, width, seed)], check=True)
    return path


def shape(size="64MiB", layers=2, width=256, seed=1):
    return ["--size", size, "--layers", str(layers), "--width", str(width), "--seed", str(seed)]


def modelserver_command(model, port, seed=1, size="64MiB"):
    return [MODELSERVER, "--model", model, "--port", str(port), "--weights", weights(size=size, seed=seed), *shape(size=size, seed=seed)]


def chat(model, max_tokens=1, content="hello", **more):
    return {"model": model, "max_tokens": max_tokens, "messages": [{"role": "user", "content": content}], **more}


def resource(name, port, command=None, **more):
    """A resource of the configuration. With a command, the exec warmer starts it."""
    probe = {"path": "/v1/chat/completions", "body": json.dumps(chat(name)), "timeout": "60s"}
    warmer = {"kind": "exec", "command": " ".join(command), "stop_timeout": "10s"} if command else {"kind": "none"}
    settings = {"id": name, "upstream": f"http://127.0.0.1:{port}", "warmer": warmer, "load_time": "2s"}
    if command:
        settings["probe"] = probe
    return {**settings, **more}


class Daemon(Program):
    """A running forewarm. JSON is YAML: the configuration is written as JSON."""

    def __init__(self, config, log, **options):
        self.config = config
        self.port = int(config["listen"].rsplit(":", 1)[1])
        self.control = int(config["control"]["listen"].rsplit(":", 1)[1])
        self.config_path = log.removesuffix(".log") + ".yaml"
        with open(self.config_path, "w") as out:
            json.dump(config, out, indent=1)
        super().__init__([FOREWARM, "serve", "-c", self.config_path], log, **options)

    def wait_ready(self):
        wait_for("forewarm is ready", lambda: answers(self.control, "/readyz") or not self.alive())
        if not self.alive():
            raise AssertionError(f"forewarm ended with {self.process.returncode}:\n{self.output()}")

    def ask(self, method, path, body=None, headers=None, timeout_s=PATIENCE_S):
        return request(self.port, method, path, body, headers, timeout_s)

    def api(self, method, path, body=None, timeout_s=PATIENCE_S):
        return request(self.control, method, path, body, None, timeout_s)

    def resource(self, name):
        answer = self.api("GET", f"/v1/resources/{name}")
        if answer.status != 200:
            raise AssertionError(f"GET /v1/resources/{name}: {answer}")
        return answer.json()

    def state(self, name):
        return self.resource(name)["state"]

    def metric(self, line_start):
        """The value of the first sample that starts so, 0 when there is none."""
        for line in self.api("GET", "/metrics").body.decode().splitlines():
            if line.startswith(line_start):
                return float(line.rsplit(" ", 1)[1])
        return 0.0


class Bench(unittest.TestCase):
    """A test with a folder of its own and programs that end with it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="forewarm-real-")
        self.programs = []

    def tearDown(self):
        bad = []  # what still ran must end well: sanitizers speak through the exit status
        for program in reversed(self.programs):
            if program.alive() and program.stop() != 0:
                bad.append(f"{program.log} ended with {program.process.returncode}")
        failed = bool(bad) or any(error for _, error in getattr(self._outcome, "errors", [])) or not getattr(self._outcome, "success", True)
        if failed:
            for name in sorted(os.listdir(self.folder)):
                if name.endswith(".log"):
                    with open(os.path.join(self.folder, name), errors="replace") as text:
                        print(f"--- {name} of {self.id()}\n{text.read()[-4000:]}", flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertEqual(bad, [])

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, command, log, **options):
        program = Program(command, self.path(log), **options)
        self.programs.append(program)
        return program

    def start_modelserver(self, model="m", *more, port=None, **options):
        port = port or free_port()
        program = self.start(modelserver_command(model, port, **options) + list(more), f"{model}.log")
        wait_for("the model server listens", lambda: answers(port, "/health") or not program.alive())
        self.assertTrue(program.alive(), program.output())
        program.port = port
        return program

    def config(self, resources, **more):
        return {
            "listen": f"127.0.0.1:{free_port()}",
            "control": {"listen": f"127.0.0.1:{free_port()}"},
            "state": f"sqlite:{self.path('state.db')}",
            "resources": resources,
            **more,
        }

    def start_forewarm(self, config, log="forewarm.log", **options):
        daemon = Daemon(config, self.path(log), **options)
        self.programs.append(daemon)
        daemon.wait_ready()
        return daemon


def main():
    unittest.main(module="__main__", verbosity=2)
