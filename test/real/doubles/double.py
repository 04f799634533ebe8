"""What the contract doubles share. A double answers as the reference for its kind says, with its delays and lies; what the
real server would refuse it refuses, and remembers: a test that ends with something in `refused` fails."""

import functools
import http.server
import json
import re
import socket
import threading
import time
import urllib.parse


class Refused(Exception):
    """The real server would not take this call: its status and words."""

    def __init__(self, status, words, meant=True):
        super().__init__(words)
        self.status, self.words, self.meant = status, words, meant  # meant: a correct client never gets this


class Double(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    routes = {}  # (method, path): name of the handling function(self, call) -> (status, JSON, text or None)
    patterns = ()  # (method, regular expression for the path, name of the function(self, call, *groups))
    server_words = "double"
    tls = None  # an ssl.SSLContext

    def __init__(self, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.calls = []
        self.refused = []
        self.lock = threading.RLock()
        self.api_key = None  # asked for as a bearer token, but on `public` paths
        self.public = {"/health"}
        self.free = threading.Event()  # cleared: no GET is answered
        self.free.set()
        self.started = time.monotonic()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def get_request(self):
        connection, address = super().get_request()
        if self.tls:  # the handshake comes with the first byte that is read, in the connection's own thread
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    @property
    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.server_port}"

    def admit(self, call):
        if self.api_key and call.path not in self.public and call.headers.get("Authorization") != f"Bearer {self.api_key}":
            raise Refused(401, "Invalid API Key")
        if call.method == "GET":
            self.free.wait()

    def close(self):
        self.free.set()
        self.shutdown()
        self.server_close()

    def asked(self, method, path):
        with self.lock:
            return [call for call in self.calls if (call.method, call.path) == (method, path)]

    def error_body(self, status, words):
        return {"error": words}

    def handle_error(self, request, client_address):
        pass  # clients that hang up

    def find(self, call):
        """For paths with names in them: the handling function with its arguments, or None."""
        for method, pattern, name in self.patterns:
            match = re.fullmatch(pattern, call.path)
            if match and method == call.method:
                return functools.partial(getattr(self, name), call, *map(urllib.parse.unquote, match.groups()))
        return None

    def not_found(self, call):
        raise Refused(404, "404 page not found")


def pause(seconds):
    """What the real server spends; never what a test waits for."""
    if seconds > 0:
        threading.Event().wait(seconds)


def only(body, **types):
    """Refuses a field that the real API does not have or that has another type."""
    for key, value in body.items():
        if key not in types:
            raise Refused(400, f"unknown field {key}")
        if not isinstance(value, types[key]):
            raise Refused(400, f"field {key}: {value!r} has the wrong type")


class Call:
    def __init__(self, handler, method):
        parts = urllib.parse.urlsplit(handler.path)
        self.method, self.path = method, parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        self.headers = handler.headers
        self.at = time.monotonic()
        self.handler = handler
        self.raw = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.body = None

    def read_json(self):
        if "application/json" not in self.headers.get("Content-Type", ""):
            raise Refused(415, "expected Content-Type: application/json")
        try:
            self.body = json.loads(self.raw)
        except ValueError as error:
            raise Refused(400, f"invalid JSON: {error}") from None
        if not isinstance(self.body, dict):
            raise Refused(400, "expected a JSON object")
        return self.body

    def gone(self):
        """Has the client hung up?"""
        try:
            return self.handler.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def __repr__(self):
        return f"{self.method} {self.path} {self.query or ''} {self.raw[:200]!r}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        double, call = self.server, Call(self, self.command)
        with double.lock:
            double.calls.append(call)
        name = double.routes.get((call.method, call.path))
        try:
            double.admit(call)
            found = functools.partial(getattr(double, name), call) if name else double.find(call)
            answer = found() if found else double.not_found(call)
        except Refused as refused:
            if refused.meant:
                with double.lock:
                    double.refused.append((call, refused.words))
            answer = (refused.status, double.error_body(refused.status, refused.words))
        if answer is not None:  # else it has answered by itself
            self.send(*answer)

    def send(self, status, body, headers=()):
        data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        kind = "text/plain" if isinstance(body, str) else "application/json"
        try:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            if "Content-Type" not in dict(headers):
                self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer
