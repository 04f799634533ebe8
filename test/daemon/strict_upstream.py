# SPDX-License-Identifier: MIT
"""An upstream that is strict about call hints: what it does not know, or knows otherwise, it answers with 400, as some
providers do. What it was sent is kept, as bytes. Standard library only."""
import http.server
import json
import threading

U32 = 2 ** 32
FIELDS = {
    # NvExt of ai-dynamo/dynamo: priority i32, osl u32; nothing else is written by us.
    "dynamo": {"priority": (int, 0, 6), "osl": (int, 0, U32)},
    "strict": {"strict_priority": (int, 0, 6), "osl": (int, 0, U32)},
    # NeMo-Agent-Toolkit and NeMo-Relay.
    "legacy": {"priority": (int, 0, 6), "osl": (int, 0, U32), "iat": (int, 0, U32), "latency_sensitivity": (int, 1, 6),
               "prefix_id": (str, None, None), "total_requests": (int, 1, U32)},
}
TOP = {"model", "messages", "stream", "nvext", "temperature", "big"}


def no_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(keys) != len(set(keys)):
        raise ValueError(f"a member is there twice: {keys}")
    return dict(pairs)


def complaint(dialect, body):
    """What is wrong with a body, or ""."""
    try:
        document = json.loads(body, object_pairs_hook=no_duplicates)
    except ValueError as error:
        return str(error)
    if not isinstance(document, dict) or set(document) - TOP:
        return f"members {document}"
    nvext = document.get("nvext", {})
    unknown = set(nvext) - ({"agent_hints", "cache_control", "annotations"} if dialect == "legacy"
                            else {"agent_hints", "annotations"})
    if unknown:
        return f"nvext: unknown {sorted(unknown)}"
    for name, value in nvext.get("agent_hints", {}).items():
        kind, least, beyond = FIELDS[dialect].get(name, (None, None, None))
        if kind is None:
            return f"agent_hints: unknown {name}"
        if type(value) is not kind or (kind is int and not least <= value < beyond):
            return f"agent_hints.{name}: {value!r}"
    return ""


class StrictUpstream:
    """One server for one dialect. `usage`: completion tokens that its answers say, by call."""

    def __init__(self, dialect, tokens=100):
        self.dialect, self.tokens, self.seen = dialect, tokens, []
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                wrong = complaint(upstream.dialect, body)
                upstream.seen.append((body, {k.lower(): v for k, v in self.headers.items()}))
                answer = {"error": wrong} if wrong else {"choices": [], "usage": {"prompt_tokens": 3,
                                                         "completion_tokens": upstream.tokens, "total_tokens": 9}}
                data = json.dumps(answer).encode()
                self.send_response(400 if wrong else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def last(self):
        return self.seen[-1][0]

    def last_json(self):
        return json.loads(self.seen[-1][0])

    def last_headers(self):
        return self.seen[-1][1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
