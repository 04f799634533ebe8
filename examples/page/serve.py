#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Serves this folder, and passes what begins with /v1/ on to forewarm, as an application's own server would.
Standard library only."""
import argparse
import http.client
import http.server
import os
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = {".html": "text/html; charset=utf-8"}
KEPT = ("content-type", "x-forewarm-state", "x-forewarm-resource", "x-forewarm-wait-ms")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, fields, body):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        name = urllib.parse.urlsplit(self.path).path.lstrip("/") or "index.html"
        if name not in PAGES:
            self.reply(404, [("Content-Type", "text/plain")], b"There is no such page.\n")
            return
        with open(os.path.join(HERE, name), encoding="utf-8") as file:
            text = file.read().replace("http://127.0.0.1:7701", options.control).replace("qwen-7b", options.model)
        self.reply(200, [("Content-Type", TYPES[".html"]), ("Cache-Control", "no-store")], text.encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.startswith("/v1/"):
            self.reply(404, [("Content-Type", "text/plain")], b"Only /v1/ is passed on.\n")
            return
        data = urllib.parse.urlsplit(options.data)
        connection = http.client.HTTPConnection(data.hostname, data.port, timeout=600)
        try:
            connection.request("POST", self.path, body, {"Content-Type": self.headers.get("Content-Type", "application/json")})
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() in KEPT]
            self.reply(answer.status, kept, answer.read())
        except OSError as error:
            message = f'{{"error":{{"message":"forewarm cannot be reached: {type(error).__name__}"}}}}'
            self.reply(502, [("Content-Type", "application/json")], message.encode())
        finally:
            connection.close()

    def log_message(self, *arguments):
        pass


PAGES = sorted(name for name in os.listdir(HERE) if name.endswith(".html"))
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--port", type=int, default=8000)
parser.add_argument("--data", default="http://127.0.0.1:7700", help="forewarm's data plane")
parser.add_argument("--control", default="http://127.0.0.1:7701", help="forewarm's control plane, as browsers reach it")
parser.add_argument("--model", default="qwen-7b")
options = parser.parse_args()
with http.server.ThreadingHTTPServer(("127.0.0.1", options.port), Handler) as server:
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)
