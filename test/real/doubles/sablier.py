"""Sablier as its API documentation says: strategies dynamic and blocking over names or a group; the session's state in a
header; every call starts what is asked for and renews its time; 504 and 404 as RFC 7807 problems. Behind it, a container."""

import re
import threading
import time

from double import Double, Refused, pause


class Container(Double):
    routes = {("POST", "/v1/chat/completions"): "chat"}

    def __init__(self, sablier):
        super().__init__()
        self.sablier = sablier

    def chat(self, call):
        call.read_json()
        return self.sablier.serve()


def seconds(text):
    match = re.fullmatch(r"(\d+)(s|m|h)", text or "")
    if not match:
        raise Refused(400, f"{text!r} is no duration")
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


class Sablier(Double):
    routes = {("GET", "/api/strategies/dynamic"): "dynamic", ("GET", "/api/strategies/blocking"): "blocking", ("GET", "/health"): "health"}

    def __init__(self, names=("app", "db"), group="chat", start_s=0.6, first_s=0.4, infer_s=0.02, hurry=1.0, port=0):
        """hurry: its seconds are so many times shorter, so that a session's end can be waited for"""
        super().__init__(port)
        self.names, self.group, self.hurry = set(names), group, hurry
        self.start_s, self.first_s, self.infer_s = start_s, first_s, infer_s
        self.started = self.ends = None
        self.starts, self.fresh = 0, True
        self.container = Container(self)

    def close(self):
        super().close()
        self.container.close()

    def health(self, _call):
        return 200, "Healthy"

    def problem(self, status, title, detail):
        return status, {"type": "https://sablierapp.dev/#/errors", "title": title, "status": status, "detail": detail}, (
            ("Content-Type", "application/problem+json"),)

    def is_up(self):
        return self.ends is not None and time.monotonic() < self.ends

    def is_ready(self):
        return self.is_up() and time.monotonic() >= self.started + self.start_s

    def check(self, call, allowed):
        query = call.handler.path.partition("?")[2]
        pairs = [pair.partition("=")[::2] for pair in query.split("&")]
        for key, _ in pairs:
            if key not in allowed:
                raise Refused(400, f"unknown parameter {key}")
        names = {value for key, value in pairs if key == "names"}
        if bool(names) == ("group" in call.query):
            raise Refused(400, "expected names or a group")
        if names - self.names or call.query.get("group", self.group) != self.group:
            return self.problem(404, "Group not found", f"no group or names {call.query}")
        return None

    def renew(self, call):
        with self.lock:
            if not self.is_up():
                self.started, self.fresh = time.monotonic(), True
                self.starts += 1
            self.ends = time.monotonic() + seconds(call.query["session_duration"]) * self.hurry

    def status(self):
        return (("X-Sablier-Session-Status", "ready" if self.is_ready() else "not-ready"), ("Content-Type", "text/html"))

    def dynamic(self, call):
        problem = self.check(call, ("names", "group", "session_duration", "show_details", "display_name", "theme", "refresh_frequency"))
        if problem:
            return problem
        self.renew(call)
        return 200, "<html>starting</html>", self.status()

    def blocking(self, call):
        problem = self.check(call, ("names", "group", "session_duration", "timeout"))
        if problem:
            return problem
        self.renew(call)
        until = time.monotonic() + seconds(call.query["timeout"])
        while not self.is_ready():
            if time.monotonic() > until or call.gone():
                return self.problem(504, "Blocking timeout", "session was not ready after the timeout")
            threading.Event().wait(0.01)
        return 200, {"session": {"status": "ready"}}, self.status()

    def serve(self):
        with self.lock:
            if not self.is_ready():
                raise Refused(502, "no route to the container", meant=False)
            fresh, self.fresh = self.fresh, False
        pause(self.infer_s + (self.first_s if fresh else 0))
        return 200, {"object": "chat.completion", "choices": []}
