# SPDX-License-Identifier: MIT
"""A web server whose pages a test writes: each path has a function that answers, and every request is noted."""
import http.server
import socket
import ssl
import threading
import time


class Pages:
    """`pages[path] = fn(handler, request)`; a path that ends in * stands for all that begin so."""

    def __init__(self, certificate=None):
        self.pages, self.seen, self.open, self.lock = {}, [], [], threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def setup(self):
                super().setup()
                with outer.lock:
                    outer.open.append(self.connection)

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                note = {"method": self.command, "path": self.path, "body": body, "at": time.monotonic(),
                        "headers": {k.lower(): v for k, v in self.headers.items()}}
                with outer.lock:
                    outer.seen.append(note)
                answer = outer.find(self.path)
                if answer is None:
                    self.say(404, b"no such page\n")
                else:
                    answer(self, note)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_one

            def say(self, status, body, **headers):
                self.send_response(status)
                for name, value in headers.items():
                    for one in value if isinstance(value, list) else [value]:
                        self.send_header(name.replace("_", "-"), one)
                if status not in (204, 304):
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD" and status not in (204, 304):
                    self.wfile.write(body)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass  # clients that leave are part of the tests

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # closed already

    def find(self, path):
        path = path.partition("?")[0]
        if path in self.pages:
            return self.pages[path]
        for known, answer in self.pages.items():
            if known.endswith("*") and path.startswith(known[:-1]):
                return answer
        return None

    def count(self, path, ahead=None):
        """Requests for it; of ours that were made ahead, or of those that were not."""
        with self.lock:
            return sum(1 for n in self.seen if n["path"] == path and
                       (ahead is None or ("sec-purpose" in n["headers"]) == ahead))

    def last(self, path):
        with self.lock:
            return [n for n in self.seen if n["path"] == path][-1]
