#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A small model server whose behaviour is written on its command line, for the daemon's tests.

It prints one line when it starts, counts what it is asked, and keeps its counts in --journal (one JSON line an event),
so that a test can see loads, inferences and signals of processes that are gone.
"""
import argparse
import http.server
import json
import os
import signal
import sys
import threading
import time

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--name", default="model")
parser.add_argument("--journal", default="")
parser.add_argument("--load", type=float, default=0.0, help="seconds until inference is answered 200 (503 before)")
parser.add_argument("--late", type=float, default=0.0, help="seconds until the port is opened")
parser.add_argument("--first", type=float, default=0.0, help="seconds the first inference takes")
parser.add_argument("--slow", type=int, default=1, help="how many inferences are as slow as the first")
parser.add_argument("--every", type=float, default=0.0, help="seconds every inference takes")
parser.add_argument("--never", action="store_true", help="inference is always answered 503")
parser.add_argument("--crash", type=float, default=0.0, help="exit with status 7 after this many seconds")
parser.add_argument("--stubborn", action="store_true", help="ignores SIGTERM")
parser.add_argument("--unloaded", action="store_true", help="begins unloaded: /load, /unload and /state")
parser.add_argument("--say", default="", help="a line to print, with a last word before a crash")
args = parser.parse_args()

started = time.monotonic()
lock = threading.Lock()
state = {"loaded": not args.unloaded, "loaded_at": started, "inferences": 0}


def note(what, **more):
    if args.journal:
        line = json.dumps({"what": what, "name": args.name, "pid": os.getpid(), "at": time.time(), **more}) + "\n"
        fd = os.open(args.journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(fd, line.encode())
        os.close(fd)


def on_term(number, frame):
    note("sigterm")
    if not args.stubborn:
        os._exit(0)


class Handler(http.server.BaseHTTPRequestHandler):
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

    def do_GET(self):
        if self.path == "/health":  # the trap: always well
            self.answer(200, {"status": "ok"})
        elif self.path == "/state":
            with lock:
                self.answer(200, {"state": "loaded" if state["loaded"] else "unloaded"})
        else:
            self.answer(404, {"error": "no such page"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/load":
            with lock:
                state["loaded"], state["loaded_at"], state["inferences"] = True, time.monotonic(), 0
            note("load")
            self.answer(200, {"ok": True})
        elif self.path == "/unload":
            with lock:
                state["loaded"] = False
            note("unload")
            self.answer(200, {"ok": True})
        elif self.path.startswith(("/sleep", "/wake_up")):
            asleep = self.path.startswith("/sleep")
            with lock:
                state["loaded"], state["loaded_at"] = not asleep, started - args.load
            note("sleep" if asleep else "wake")
            self.answer(200, {"ok": True})
        else:
            self.infer(body)

    def infer(self, body):
        with lock:
            ready = state["loaded"] and time.monotonic() - state["loaded_at"] >= args.load and not args.never
            state["inferences"] += ready
            number = state["inferences"]
        note("inference", ready=ready, probe=b"probe" in body)
        if not ready:
            self.answer(503, {"error": "loading"})
            return
        time.sleep(args.every + (args.first if number <= args.slow else 0))
        self.answer(200, {"object": "chat.completion", "model": args.name,
                          "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}}]})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


signal.signal(signal.SIGTERM, on_term)
note("start", secret=os.environ.get("UPSTREAM_SECRET", ""))
print("starting", args.name, flush=True)
if args.say:
    print(args.say, flush=True)
if args.crash:
    threading.Timer(args.crash, lambda: (print("out of luck", flush=True), os._exit(7))).start()
time.sleep(args.late)
server = Server(("127.0.0.1", args.port), Handler)
server.serve_forever()
