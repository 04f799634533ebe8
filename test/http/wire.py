# SPDX-License-Identifier: MIT
"""Raw sockets against the real data plane: a scripted upstream that remembers every byte, the program in front of it,
and a client that sends bytes as they are. Standard library only.

The program is `forewarm serve`; with FOREWARM_PLANE=1 (or while `serve` is not built) it is the data plane alone under
the small brain of plane.c. In the configuration a resource's load takes as long as its probe at the upstream does."""
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

DEADLINE_S = float(os.environ.get("FOREWARM_TEST_DEADLINE", "20"))


def wait_for(condition, what, seconds=DEADLINE_S):
    """Polls until the condition holds; fails with `what` at the deadline."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited %g s for: %s" % (seconds, what))
        time.sleep(0.005)


def reset(sock):
    """Closes so that the other side sees a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Request:
    def __init__(self, line, fields, body):
        self.line, self.fields, self.body = line, fields, body
        self.method, self.target, self.version = line.split(" ")

    def get(self, name):
        values = [v for n, v in self.fields if n.lower() == name.lower()]
        return values[0] if values else None

    def names(self):
        return [n.lower() for n, _ in self.fields]


class Upstream:
    """Answers by path; keeps what it got. Paths: see `answer`."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.requests = []          # all but probes
        self.bytes = 0              # all but probes
        self.probes = 0
        self.connections = 0
        self.closed_at = {}         # path -> when its connection was seen to end
        self.sent = 0               # bytes of /big that the socket took
        self.stopping = threading.Event()
        self.listening = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.stopping.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def stop(self):
        self.stopping.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def read_request(self, sock, data):
        while b"\r\n\r\n" not in data:
            more = sock.recv(65536)
            if not more:
                return None, data
            data += more
        head, data = data.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        fields = [tuple(x.strip() for x in line.split(":", 1)) for line in lines[1:]]
        length = int(dict((n.lower(), v) for n, v in fields).get("content-length", 0))
        raw = len(head) + 4 + length
        while len(data) < length:
            more = sock.recv(65536)
            if not more:
                return None, data
            data += more
        request = Request(lines[0], fields, data[:length])
        with self.lock:
            if request.target.startswith("/probe"):
                self.probes += 1
            else:
                self.requests.append(request)
                self.bytes += raw
        return request, data[length:]

    def serve(self, sock):
        data = b""
        try:
            while True:
                request, data = self.read_request(sock, data)
                if request is None:
                    with self.lock:
                        self.bytes += len(data)
                    break
                if not self.answer(sock, request):
                    return
        except OSError:
            pass
        finally:
            try:
                sock.close()
            except OSError:
                pass

    def reply(self, sock, body, status="200 OK", extra="", content_type="application/json"):
        head = "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (
            status, content_type, len(body), extra)
        sock.sendall(head.encode("latin-1") + body)

    def wait_closed(self, sock, path):
        """Until the other side goes."""
        try:
            while sock.recv(65536):
                pass
        except OSError:
            pass
        with self.lock:
            self.closed_at[path] = time.monotonic()

    def stream(self, sock, request, content_type, pieces, gap):
        sock.sendall(("HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
                      % content_type).encode())
        for piece in pieces:
            sock.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            if gap:
                self.stopping.wait(gap)
        sock.sendall(b"0\r\n\r\n")

    def answer(self, sock, request):
        """True: the connection goes on."""
        path, _, query = request.target.partition("?")
        if path.startswith("/probe/"):
            self.stopping.wait(float(path.split("/")[2]))
            self.reply(sock, b"{}")
        elif path == "/silent":
            self.wait_closed(sock, path)
            return False
        elif path == "/endless":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                         b"9\r\ndata: 1\n\n\r\n")
            self.wait_closed(sock, path)
            return False
        elif path == "/endless-then-reset":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                         b"9\r\ndata: 1\n\n\r\n")
            self.stopping.wait(0.05)
            reset(sock)
            return False
        elif path == "/big":
            total = int(query)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
            piece = b"x" * 65536
            while total > 0:
                sent = sock.send(piece[:min(total, len(piece))])
                total -= sent
                with self.lock:
                    self.sent += sent
        elif path == "/sse":
            self.stream(sock, request, "text/event-stream",
                        [b"data: %d\n\n" % i for i in range(5)] + [b"data: [DONE]\n\n"], 0.1)
        elif path == "/ndjson":
            self.stream(sock, request, "application/x-ndjson", [b'{"n":%d}\n' % i for i in range(3)], 0)
        elif path == "/eof":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil ")
            self.stopping.wait(0.05)
            sock.sendall(b"the end")
            return self.close(sock)
        elif path == "/reset":
            reset(sock)
            return False
        elif path == "/reset-middle":
            sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            self.stopping.wait(0.1)
            reset(sock)
            return False
        elif path == "/short":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nnot that much")
            return self.close(sock)
        elif path == "/then-close":  # a server that closes its idle connections without telling
            self.reply(sock, b"{}")
            return self.close(sock)
        elif path == "/raw":  # the body is the answer, byte for byte
            sock.sendall(request.body.split(b"\n", 1)[1].replace(b"\n", b"\r\n"))
            self.stopping.wait(0.05)
            return self.close(sock)
        elif path == "/drip":
            for byte in b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":
                sock.sendall(bytes([byte]))
        elif path == "/204":
            sock.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        elif path == "/304":
            sock.sendall(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 50\r\n\r\n")
        elif path == "/hop":
            self.reply(sock, b"{}", extra="Connection: x-secret, keep-alive\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\n"
                       "Proxy-Authenticate: no\r\nTrailer: x\r\nX-Kept: yes\r\nx-forewarm-state: forged\r\n")
        elif request.method == "HEAD":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
        else:
            self.reply(sock, json.dumps({"target": request.target, "fields": request.fields,
                                         "body": request.body.decode("latin-1")}).encode())
        return True

    def close(self, sock):
        sock.shutdown(socket.SHUT_WR)
        self.wait_closed(sock, "closed")
        return False


class Answer:
    def __init__(self, status, fields, body, complete, raw_head):
        self.status, self.fields, self.body, self.complete, self.head = status, fields, body, complete, raw_head

    def get(self, name):
        return self.fields.get(name.lower())

    def json(self):
        return json.loads(self.body)

    def code(self):
        return self.json()["error"]["code"]


class Client:
    def __init__(self, port, receive_buffer=None):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(DEADLINE_S)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
        return self

    def more(self):
        """False at the end; a reset is an end too."""
        try:
            data = self.sock.recv(65536)
        except ConnectionError:
            return False
        self.data += data
        return bool(data)

    def until(self, mark):
        while mark not in self.data:
            if not self.more():
                return False
        return True

    def head(self):
        if not self.until(b"\r\n\r\n"):
            raise AssertionError("no answer; got %r" % self.data[:200])
        raw, self.data = self.data.split(b"\r\n\r\n", 1)
        lines = raw.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, value = line.split(":", 1)
            fields[name.lower()] = value.strip()
        return int(lines[0].split(" ")[1]), fields, raw

    def chunk(self):
        """One chunk; None when the stream broke off."""
        while b"\r\n" not in self.data:
            if not self.more():
                return None
        size, self.data = self.data.split(b"\r\n", 1)
        n = int(size, 16)
        while len(self.data) < n + 2:
            if not self.more():
                return None
        piece, self.data = self.data[:n], self.data[n + 2:]
        return piece

    def answer(self, method="POST"):
        status, fields, raw = self.head()
        body, complete = b"", True
        if method == "HEAD" or status in (204, 304) or status < 200:
            pass
        elif fields.get("transfer-encoding") == "chunked":
            while True:
                piece = self.chunk()
                if piece is None:
                    complete = False
                    break
                if not piece:
                    break
                body += piece
        elif "content-length" in fields:
            n = int(fields["content-length"])
            while len(self.data) < n and self.more():
                pass
            body, self.data = self.data[:n], self.data[n:]
            complete = len(body) == n
        else:
            while self.more():
                pass
            body, self.data = self.data, b""
        return Answer(status, fields, body, complete, raw)

    def ended(self):
        """Waits for the end of the connection; what came before it is kept."""
        while self.more():
            pass
        return True


def post(model="warm", path="/echo", body=None, extra="", version="1.1", method="POST"):
    if body is None:
        body = json.dumps({"model": model}).encode()
    if isinstance(body, str):
        body = body.encode()
    return ("%s %s HTTP/%s\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n"
            % (method, path, version, len(body), extra)).encode() + body


class Stack:
    """An upstream, a configuration, and the program in front of it."""

    def __init__(self, options="", resources="", fallback=False):
        self.upstream = Upstream()
        self.other = Upstream() if fallback else None
        self.plane = bool(os.environ.get("FOREWARM_PLANE"))
        self.dir = tempfile.TemporaryDirectory()
        path = os.path.join(self.dir.name, "forewarm.yaml")
        text = self.config(options, resources)
        with open(path, "w") as f:
            f.write(text)
        self.out_path = os.path.join(self.dir.name, "out")
        self.log_path = os.path.join(self.dir.name, "log")
        self.out_file, self.log_file = open(self.out_path, "w"), open(self.log_path, "w")
        build = os.environ["FOREWARM_BUILD"]
        command = [os.path.join(build, "test", "plane"), path] if self.plane else \
            [os.environ["FOREWARM"], "serve", "-c", path]
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=1", FOREWARM_STATE="memory:")
        self.process = subprocess.Popen(command, stdout=self.out_file, stderr=self.log_file,
                                        cwd=self.dir.name, env=env)
        self.port = wait_for(self.find_port, "the program listens\n" + text)

    def config(self, options, resources):
        self.data_port, self.control_port = (0, 0) if self.plane else free_ports(2)
        url = "http://127.0.0.1:%d" % self.upstream.port
        lines = ["listen: 127.0.0.1:%d" % self.data_port]
        if not self.plane:
            lines += ["control: {listen: 127.0.0.1:%d}" % self.control_port, "state: 'memory:'"]
        if "io_threads" not in options:
            lines.append("io_threads: 2")
        lines += [options] if options else []
        if self.other:
            lines.append("fallback: {url: http://127.0.0.1:%d/far}" % self.other.port)
        lines.append("resources:")
        for name, load, extra in [("warm", 0, "aliases: [alias, other/name]"), ("org/model:q4", 0, "")] + \
                list(resources or []):
            lines += ["  - id: %s" % name, "    load_time: %dms" % (load * 1000)]
            if "upstream:" not in extra:
                lines.append("    upstream: " + url)
            if load:
                lines.append("    probe: {path: /probe/%g, body: '{}', timeout: 60s}" % load)
            lines.append("    warmer: {kind: none}")
            lines += ["    " + extra] if extra else []
        return "\n".join(lines) + "\n"

    def find_port(self):
        if self.process.poll() is not None:
            raise AssertionError("the program ended with %d: %s" % (self.process.returncode, self.log()))
        if self.plane:
            words = self.output().split()
            return int(words[1]) if len(words) > 1 else 0
        try:
            socket.create_connection(("127.0.0.1", self.data_port), 1).close()
            return self.data_port
        except OSError:
            return 0

    def output(self):
        with open(self.out_path) as f:
            return f.read()

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def client(self, **kwargs):
        return Client(self.port, **kwargs)

    def ask(self, data, method="POST"):
        with self.client() as client:
            return client.send(data).answer(method)

    def warm_up(self, *names):
        for name in names or ("warm", "org/model:q4"):
            answer = self.ask(post(name))
            assert answer.status == 200, (answer.status, answer.body)

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            for line in f:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
        return 0

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the program did not end within 30 s of SIGTERM")
        for server in (self.upstream, self.other):
            if server:
                server.stop()
        self.out_file.close()
        self.log_file.close()
        code, log = self.process.returncode, self.log()
        self.dir.cleanup()
        if code != 0 or "Sanitizer" in log:
            raise AssertionError("the program ended with %d: %s" % (code, log[-4000:]))


def free_ports(count):
    """Ports nobody listens on, below those the kernel gives to outgoing connections: one of these could take them first."""
    ports = []
    while len(ports) < count:
        port = random.randrange(15000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


class Case(unittest.TestCase):
    """One stack a class."""
    options, resources, fallback = "", (), False

    @classmethod
    def setUpClass(cls):
        cls.stack = Stack(cls.options, cls.resources, cls.fallback)
        cls.upstream = cls.stack.upstream

    @classmethod
    def tearDownClass(cls):
        cls.stack.stop()


def main():
    unittest.main(argv=[sys.argv[0], "-v"] + sys.argv[1:])
