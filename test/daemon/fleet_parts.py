# SPDX-License-Identifier: MIT
"""What fleet tests need besides forewarm: a real Redis, a network that can be cut, and a model server that
several forewarms share, which counts who loads it when and with which fencing token."""
import http.server
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from harness import connect_refused, free_port, wait_for


class Redis:
    """Debian's redis-server on a port of its own, stopped by its process id."""

    def __init__(self, password=""):
        self.program = shutil.which("redis-server")
        if not self.program:
            print("SKIPPED: redis-server is not installed", flush=True)
            sys.exit(77)
        self.dir, self.port, self.password, self.process = tempfile.mkdtemp(prefix="forewarm-redis-"), free_port(), password, None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self, keep=False):
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.dir, "--daemonize", "no"]
        words += ["--save", "", "--appendonly", "yes" if keep else "no"]
        words += ["--requirepass", self.password] if self.password else []
        self.process = subprocess.Popen([self.program, *words], stdout=subprocess.DEVNULL)
        wait_for("Redis to listen", lambda: not connect_refused(self.port))

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def ask(self, *words):
        """One command, by hand; the answer's raw bytes."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as s:
            lines = [["AUTH", self.password]] if self.password else []
            for command in [*lines, list(words)]:
                s.sendall(b"*%d\r\n" % len(command) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in command))
                answer = s.recv(1 << 20)
            return answer


class Cable:
    """A way to a port that can be cut: what is under way stops, and nothing new gets through."""

    def __init__(self, port):
        self.target, self.cut_off, self.pairs, self.lock = port, False, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                inner, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(inner,), daemon=True).start()

    def carry(self, inner):
        """While it is cut, connections hang: nothing is refused and nothing answered."""
        outer = None
        try:
            while self.cut_off:
                time.sleep(0.01)
            outer = socket.create_connection(("127.0.0.1", self.target), 5)
            ends = {inner: outer, outer: inner}
            while True:
                ready, _, _ = select.select(list(ends), [], [], 0.01)
                for end in ready if not self.cut_off else []:
                    data = end.recv(65536)
                    if not data:
                        return
                    ends[end].sendall(data)
        except OSError:
            pass
        finally:
            inner.close()
            if outer:
                outer.close()

    def cut(self):
        self.cut_off = True

    def mend(self):
        self.cut_off = False

    def close(self):
        self.listener.close()


class Shared(http.server.ThreadingHTTPServer):
    """One model server for all. A load takes `load_s`, ends when its caller goes, and is refused when its fencing
    token is not higher than all before it."""

    daemon_threads, request_queue_size = True, 1024

    def __init__(self, load_s=1.0, probe_s=0.0):
        super().__init__(("127.0.0.1", 0), SharedHandler)
        self.load_s, self.probe_s, self.lock = load_s, probe_s, threading.Lock()
        self.fails = False  # loads end with 500
        self.loaded, self.loading, self.most, self.last_token = False, 0, 0, 0
        self.log = []  # (what, seconds, token)
        self.began = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def note(self, what, token=0):
        self.log.append((what, time.monotonic(), token))

    def times(self, what):
        return [at for name, at, _ in list(self.log) if name == what]

    def tokens(self, what):
        return [token for name, _, token in list(self.log) if name == what]

    def handle_error(self, request, client_address):
        pass


class SharedHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def caller_is_gone(self):
        ready, _, _ = select.select([self.connection], [], [], 0)
        return bool(ready) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def load(self):
        server, token = self.server, int(self.headers.get("x-forewarm-fencing-token") or 0)
        with server.lock:
            if token and token <= server.last_token:
                server.note("stale", token)
                return self.answer(409, {"error": f"token {token} is older than {server.last_token}"})
            server.last_token = max(token, server.last_token)
            server.loading += 1
            server.most = max(server.most, server.loading)
            server.note("load", token)
        server.began.set()
        until = time.monotonic() + server.load_s
        while time.monotonic() < until:
            if self.caller_is_gone():
                with server.lock:
                    server.loading -= 1
                    server.note("abandoned", token)
                return None
            time.sleep(0.005)
        with server.lock:
            server.loading -= 1
            server.loaded = not server.fails
            server.note("failed" if server.fails else "loaded", token)
        if server.fails:
            return self.answer(500, {"error": "out of memory"})
        return self.answer(200, {"ok": True})

    def do_GET(self):
        self.answer(200, {"state": "loaded" if self.server.loaded else "unloaded"})

    def do_POST(self):
        server, body = self.server, self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/load":
            self.load()
        elif self.path == "/unload":
            server.loaded = False
            server.note("unload", int(self.headers.get("x-forewarm-fencing-token") or 0))
            self.answer(200, {"ok": True})
        elif not server.loaded:
            server.note("cold")
            self.answer(503, {"error": "not loaded"})
        else:
            time.sleep(server.probe_s)
            server.note("probe" if b"probe" in body else "inference")
            self.answer(200, {"object": "chat.completion", "choices": [{"message": {"role": "assistant", "content": "hi"}}]})


def secret_file(text):
    handle, path = tempfile.mkstemp(prefix="forewarm-secret-")
    os.write(handle, text.encode())
    os.close(handle)
    return path
