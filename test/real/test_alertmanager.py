#!/usr/bin/env python3
"""A real Alertmanager (D15): told again and again that an alert is open, it notifies its own receiver once, and once more when it is over."""

import http.server
import json
import os
import re
import shutil
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from harness import Bench, answers, free_port, main, request, resource, wait_for  # noqa: E402

ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
if not ALERTMANAGER:
    print("SKIPPED: prometheus-alertmanager is not installed (scripts/packages test)", flush=True)
    sys.exit(77)


class Server(http.server.ThreadingHTTPServer):
    """Keeps what it is sent; calls of the path /load fail while it is broken."""

    daemon_threads = True

    def __init__(self):
        outer = self
        self.seen, self.broken = [], False

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.seen.append((self.path, body))
                self.send_response(500 if outer.broken and self.path == "/load" else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def notifications(self):
        return [json.loads(body) for path, body in self.seen if path == "/notify"]


class RealAlertmanager(Bench):
    def start_alertmanager(self, receiver):
        port = free_port()
        with open(self.path("alertmanager.yml"), "w") as out:
            json.dump({"route": {"receiver": "ours", "group_by": ["alertname", "subject"], "group_wait": "100ms", "group_interval": "500ms", "repeat_interval": "1h"},
                       "receivers": [{"name": "ours", "webhook_configs": [{"url": receiver.url + "/notify", "send_resolved": True}]}]}, out)
        program = self.start([ALERTMANAGER, f"--config.file={self.path('alertmanager.yml')}", f"--storage.path={self.path('alertmanager')}",
                              f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="], "alertmanager.log")
        wait_for("Alertmanager is ready", lambda: answers(port, "/-/ready") or not program.alive())
        self.assertTrue(program.alive(), program.output())
        program.port = port
        return program

    def received(self, manager, status):
        text = request(manager.port, "GET", "/metrics").body.decode()
        return sum(float(value) for value in re.findall(rf'alertmanager_alerts_received_total{{status="{status}",version="v2"}} (\S+)', text))

    def test_one_notification_an_end(self):
        server = Server()
        manager = self.start_alertmanager(server)
        broken = {"warmer": {"kind": "http", "load": {"path": "/load", "method": "POST"}, "unload": {"path": "/unload", "method": "POST"}}}
        daemon = self.start_forewarm(self.config(
            [resource("a", server.server_address[1], probe={"path": "/v1/chat/completions", "body": "{}"}, **broken)],
            alerts={"every": "100ms", "repeat": "200ms", "instance": "here", "link": "http://dash.example/",
                    "receivers": [{"kind": "alertmanager", "url": f"http://127.0.0.1:{manager.port}"}]}))
        server.broken = True
        daemon.api("POST", "/v1/resources/a/warm")
        wait_for("the notification", server.notifications)
        wait_for("repetitions", lambda: self.received(manager, "firing") >= 8)
        held = request(manager.port, "GET", "/api/v2/alerts").json()
        self.assertEqual(len(held), 1, held)
        self.assertEqual(held[0]["labels"], {"alertname": "ForewarmWarmupFailed", "severity": "error", "subject": "a", "instance": "here", "job": "forewarm"})
        self.assertEqual(held[0]["generatorURL"], "http://dash.example/")
        server.broken = False
        daemon.api("POST", "/v1/resources/a/warm")
        wait_for("the other end", lambda: len(server.notifications()) >= 2)
        self.assertEqual(self.received(manager, "resolved"), 1)
        self.assertEqual([(one["status"], len(one["alerts"])) for one in server.notifications()], [("firing", 1), ("resolved", 1)])
        self.assertEqual(daemon.stop(), 0)
        server.shutdown()


if __name__ == "__main__":
    main()
