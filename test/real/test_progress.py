"""What people who wait are told: the time left is learned from past loads, and is less than 25 % wrong by the fifth (W5);
held streams get comments that say it, and then the model's own stream, or an error (a raw socket sees every byte)."""

import json
import socket
import statistics
import sys
import time

from harness import FOREWARM, MODELSERVER, PATIENCE_S, Bench, chat, free_port, main, modelserver_command, resource, skip_without, wait_for


def strict_events(body):
    """What a strict reader of server-sent events makes of a body: comments, and the data of events (WHATWG, 9.2.6)."""
    text = body.decode()
    assert text.endswith("\n\n"), text[-80:]
    comments, events, data = [], [], []
    for line in text.split("\n"):
        field, colon, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            if data:
                events.append("\n".join(data))
            data = []
        elif field == "" and colon:
            comments.append(value)
        else:
            assert field == "data", line
            data.append(value)
    return comments, events


class Progress(Bench):
    def serve(self, size="384MiB", **more):
        port = free_port()
        self.daemon = self.start_forewarm(self.config([resource("m", port, modelserver_command("m", port, size=size), **more)], cooldown="0s"))

    def load_once(self):
        """The samples (instant, eta, progress) of one load, and when it was ready."""
        samples = []
        self.assertEqual(self.daemon.api("POST", "/start-warmup", {"resource": "m"}).status, 202)
        begun = time.monotonic()
        while True:
            status = self.daemon.api("GET", "/warmup-status?resource=m").json()
            now = time.monotonic()
            if status["ready"]:
                break
            self.assertTrue(status["in_progress"], status)
            if status["eta_s"] is not None:
                samples.append((now - begun, status["eta_s"], status["progress"]))
            self.assertLess(now - begun, PATIENCE_S)
            time.sleep(0.02)
        self.daemon.api("POST", "/v1/resources/m/unload")
        wait_for("it is unloaded", lambda: self.daemon.state("m") == "cold")
        return samples, now - begun

    def test_the_eta_by_the_fifth_load(self):
        self.serve()
        first, mean, times = [], [], []
        for number in range(7):
            samples, took = self.load_once()
            wrong = [abs(eta - (took - at)) / took for at, eta, _ in samples]
            first.append(wrong[0])
            mean.append(statistics.mean(wrong))
            times.append(took)
            shares = [share for _, _, share in samples]
            self.assertEqual(shares, sorted(shares), "progress does not go back")
            self.assertGreater(len(set(shares)), 3)
            print(f"load {number + 1}: {took:.2f} s; the ETA is {100 * first[-1]:.0f} % wrong at the start, {100 * mean[-1]:.0f} % on average", flush=True)
        # The machine of a test does other things too: the middle one of the fifth and the two that follow, and where
        # loads themselves differ by more from those before, no ETA can know it.
        astray = statistics.median(abs(times[i] - statistics.median(times[:i])) / times[i] for i in range(4, 7))
        print(f"loads differ by {100 * astray:.0f} % from those before", flush=True)
        self.assertLess(statistics.median(first[4:]), max(0.25, 1.5 * astray))
        self.assertLess(statistics.median(mean[4:]), max(0.25, 1.5 * astray))

    def stream(self, headers=""):
        """A streamed request over a raw socket; every byte of the answer with its instant."""
        body = json.dumps(chat("m", max_tokens=4, stream=True))
        with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=PATIENCE_S) as client:
            client.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}"
                           f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            begun, data, instants = time.monotonic(), b"", []
            while piece := client.recv(65536):
                data += piece
                instants.append((time.monotonic() - begun, piece))
        head, _, rest = data.partition(b"\r\n\r\n")
        self.assertIn(b"transfer-encoding: chunked", head.lower())
        answer = b""
        while True:
            size, _, rest = rest.partition(b"\r\n")
            if int(size, 16) == 0:
                self.assertEqual(rest, b"\r\n")
                return head.decode(), answer, instants
            answer, rest = answer + rest[: int(size, 16)], rest[int(size, 16) + 2 :]

    def test_comments_tell_how_long(self):
        self.serve(hold_comments="300ms")
        _, took = self.load_once()
        head, body, instants = self.stream()
        self.assertTrue(head.startswith("HTTP/1.1 200"), head)
        self.assertIn("x-forewarm-state: cold", head)
        comments, events = strict_events(body)
        self.assertLess(instants[0][0], took / 2, "the first comment came long before the answer")
        self.assertTrue(comments and all(c.startswith("waiting: m is being made ready") for c in comments), comments)
        told = [c for c in comments if " s left, " in c]
        self.assertGreaterEqual(len(told), 2, comments)
        shares = [int(c.rsplit(", ", 1)[1].removesuffix(" %")) for c in told]
        self.assertEqual(shares, sorted(shares))
        self.assertEqual(events[-1], "[DONE]")
        self.assertTrue(all("choices" in json.loads(e) for e in events[:-1]))
        self.assertGreaterEqual(len(events), 4)

    def test_a_load_that_fails_ends_the_stream_with_an_error(self):
        port = free_port()
        broken = resource("m", port, [sys.executable, "-c", "'import time; time.sleep(0.4); raise SystemExit(3)'"], hold_comments="20ms")
        self.daemon = self.start_forewarm(self.config([broken]))
        head, body, _ = self.stream()
        comments, events = strict_events(body)
        self.assertTrue(head.startswith("HTTP/1.1 200"), head)
        self.assertGreaterEqual(len(comments), 1)
        self.assertEqual(len(events), 1, events)
        error = json.loads(events[0])["error"]
        self.assertEqual(error["code"], "model_failed", error)
        self.assertIn("m", error["message"])

    def test_who_wants_no_comments_gets_the_plain_status(self):
        port = free_port()
        self.daemon = self.start_forewarm(self.config([resource("m", port, ["sh", "-c", "'exit 3'"], hold_comments="20ms")]))
        answer = self.daemon.ask("POST", "/v1/chat/completions", chat("m", stream=True), {"X-Forewarm-Comments": "no"})
        self.assertEqual(answer.status, 503, answer)


if __name__ == "__main__":
    skip_without(FOREWARM, MODELSERVER)
    main()
