"""The example model server by itself: everything the other tests, and a user's eyes, rely on it for."""

import base64
import json
import os
import signal
import socket
import struct
import subprocess
import threading

from harness import MODELSERVER, Bench, Program, answers, chat, free_port, main, request, shape, skip_without, wait_for, weights

CHAT = "/v1/chat/completions"


def events(body):
    """The data of a stream of server-sent events."""
    parts = body.decode().split("\n\n")
    assert parts[-1] == "", "the stream ends inside an event"
    return [part.removeprefix("data: ") for part in parts[:-1]]


def read(path):
    with open(path, "rb") as file:
        return file.read()


class ModelServer(Bench):
    def state(self, server):
        return request(server.port, "GET", "/state").json()

    def test_health_lies_until_the_first_inference(self):
        server = self.start_modelserver()
        self.assertEqual(request(server.port, "GET", "/health").status, 200)
        state = self.state(server)
        self.assertEqual((state["loaded"], state["packed"], state["loads"]), (False, False, 0))
        self.assertLess(state["resident_bytes"], 32 << 20)
        answer = request(server.port, "POST", CHAT, chat("m"))
        self.assertEqual(answer.status, 200)
        state = self.state(server)
        self.assertEqual((state["loaded"], state["packed"], state["loads"]), (True, True, 1))
        self.assertGreater(state["resident_bytes"], 64 << 20)
        self.assertGreater(state["load_s"], 0)
        self.assertGreater(state["pack_s"], 0)

    def test_loading_alone_does_not_pack(self):
        server = self.start_modelserver()
        answer = request(server.port, "POST", "/load").json()
        self.assertEqual((answer["loaded"], answer["packed"]), (True, False))
        request(server.port, "POST", CHAT, chat("m"))
        self.assertTrue(self.state(server)["packed"])
        self.assertEqual(request(server.port, "POST", "/load").json()["loads"], 1, "a second load has nothing to do")

    def test_unload_gives_the_memory_back(self):  # W6: cold is really cold, or a test of warming proves nothing
        server = self.start_modelserver()
        before = self.state(server)["resident_bytes"]
        request(server.port, "POST", CHAT, chat("m"))
        self.assertGreater(self.state(server)["resident_bytes"], before + (48 << 20))
        state = request(server.port, "POST", "/unload").json()
        self.assertEqual((state["loaded"], state["packed"], state["unloads"]), (False, False, 1))
        self.assertLess(state["resident_bytes"], before + (16 << 20))
        self.assertEqual(request(server.port, "POST", CHAT, chat("m")).status, 200)
        self.assertEqual(self.state(server)["loads"], 2)

    def test_the_same_request_gets_the_same_answer(self):
        server = self.start_modelserver()
        ask = chat("m", 24, "tell me of the river")
        first = request(server.port, "POST", CHAT, ask).json()
        self.assertEqual(first["object"], "chat.completion")
        self.assertEqual(first["usage"]["completion_tokens"] <= 24, True)
        text = first["choices"][0]["message"]["content"]
        self.assertGreater(len(set(text.split())), 4, text)
        # alone, beside others, and after a fresh load
        results = []
        threads = [threading.Thread(target=lambda i=i: results.append(
            (i % 2, request(server.port, "POST", CHAT, ask if i % 2 == 0 else chat("m", 24, f"other {i}")).json()))) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({r["choices"][0]["message"]["content"] for odd, r in results if not odd}, {text})
        self.assertGreater(len({r["choices"][0]["message"]["content"] for odd, r in results if odd}), 4)
        request(server.port, "POST", "/unload")
        self.assertEqual(request(server.port, "POST", CHAT, ask).json()["choices"][0]["message"]["content"], text)

    def test_streams_say_what_whole_answers_say(self):
        server = self.start_modelserver()
        whole = request(server.port, "POST", CHAT, chat("m", 12, temperature=0)).json()
        answer = request(server.port, "POST", CHAT, chat("m", 12, temperature=0, stream=True, stream_options={"include_usage": True}))
        self.assertEqual(answer.headers["content-type"], "text/event-stream")
        data = events(answer.body)
        self.assertEqual(data[-1], "[DONE]")
        chunks = [json.loads(text) for text in data[:-1]]
        text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
        self.assertEqual(text, whole["choices"][0]["message"]["content"])
        self.assertEqual(chunks[-1]["usage"], whole["usage"])
        self.assertEqual(chunks[-2]["choices"][0]["finish_reason"], whole["choices"][0]["finish_reason"])

    def test_completions_and_embeddings(self):
        server = self.start_modelserver()
        answer = request(server.port, "POST", "/v1/completions", {"model": "m", "prompt": "once", "max_tokens": 5}).json()
        self.assertEqual(answer["object"], "text_completion")
        self.assertEqual(answer["usage"]["completion_tokens"], 5)
        one = request(server.port, "POST", "/v1/embeddings", {"model": "m", "input": "a river"}).json()
        two = request(server.port, "POST", "/v1/embeddings", {"model": "m", "input": ["a river", "x"], "encoding_format": "base64"}).json()
        vector = one["data"][0]["embedding"]
        self.assertEqual(len(vector), 256)
        self.assertAlmostEqual(sum(v * v for v in vector), 1.0, places=4)
        raw = base64.b64decode(two["data"][0]["embedding"])
        for a, b in zip(struct.unpack(f"<{len(raw) // 4}f", raw), vector):
            self.assertAlmostEqual(a, b, places=5)
        self.assertEqual(two["data"][1]["index"], 1)

    def test_many_at_once_make_one_load(self):
        server = self.start_modelserver()
        statuses = []
        threads = [threading.Thread(target=lambda: statuses.append(request(server.port, "POST", CHAT, chat("m", 3)).status)) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [200] * 100)
        self.assertEqual(self.state(server)["loads"], 1)

    def test_refuses_while_loading_when_told_to(self):
        server = self.start_modelserver("m", "--refuse-while-loading")
        answer = request(server.port, "POST", CHAT, chat("m"))
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.json()["error"]["code"], "loading")
        wait_for("the load that the refused request began", lambda: self.state(server)["loaded"])
        self.assertEqual(request(server.port, "POST", CHAT, chat("m")).status, 200)

    def test_wrong_requests_are_named(self):
        server = self.start_modelserver()
        for status, code, path, body in [
            (404, "model_not_found", CHAT, chat("other")),
            (404, "model_not_found", CHAT, {}),
            (400, "invalid_json", CHAT, "{"),
            (400, "invalid_json", CHAT, "[1]"),
            (400, "invalid_value", CHAT, {"model": "m", "messages": []}),
            (400, "invalid_value", CHAT, chat("m", 0)),
            (400, "invalid_value", CHAT, chat("m", "x")),
            (400, "invalid_value", "/v1/embeddings", {"model": "m", "input": [1]}),
            (400, "invalid_value", "/v1/completions", {"model": "m"}),
            (404, "not_found", "/nowhere", {"model": "m"}),
        ]:
            answer = request(server.port, "POST", path, body)
            self.assertEqual((answer.status, answer.json()["error"]["code"]), (status, code), (path, body))
        self.assertFalse(self.state(server)["loaded"], "a wrong request loads nothing")

    def test_reads_requests_in_pieces_and_behind_each_other(self):
        server = self.start_modelserver()
        ask = json.dumps(chat("m", 2)).encode()
        one = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(ask), ask)
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            for i in range(0, len(one), 7):
                client.sendall(one[i : i + 7])
            client.sendall(one + b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            got = b""
            while piece := client.recv(65536):
                got += piece
        self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 3)

    def test_a_client_that_leaves_frees_its_place(self):
        server = self.start_modelserver()
        request(server.port, "POST", CHAT, chat("m"))
        ask = json.dumps(chat("m", 4000, stream=True)).encode()
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (CHAT.encode(), len(ask), ask))
        client.recv(100)
        client.close()
        # An unload waits for what runs: it would wait for thousands of words had the client's leaving gone unseen.
        request(server.port, "POST", "/unload")
        self.assertLess(self.state(server)["tokens"], 3500)

    def test_damaged_weights_are_refused(self):
        path = self.path("w")
        subprocess.run([MODELSERVER, "--model", "m", "--weights", path, "--create-only", *shape()], check=True)
        good = read(path)
        other = [a if a != "1" else "2" for a in shape(seed=1)]
        cases = [
            ("damaged", good[: len(good) // 2] + bytes([good[len(good) // 2] ^ 1]) + good[len(good) // 2 + 1 :], shape(), "checksum differs"),
            ("cut", good[:-1000], shape(), "ends early"),
            ("longer", good + b"x", shape(), "more than expected"),
            ("header", good[:20] + b"\xff" + good[21:], shape(), "header is damaged"),
            ("foreign", b"GGUF" + good[4:], shape(), "left as it is"),
            ("empty", b"", shape(), "too short"),
            ("seed", good, other, "expected"),
        ]
        for name, data, size, words in cases:
            with self.subTest(name):
                with open(path, "wb") as out:
                    out.write(data)
                port = free_port()
                server = self.start([MODELSERVER, "--model", "m", "--port", str(port), "--weights", path, *size], "m.log")
                wait_for("listens", lambda: answers(port, "/health"))
                answer = request(port, "POST", CHAT, chat("m"))
                self.assertEqual(answer.status, 503)
                self.assertIn(words, answer.json()["error"]["message"])
                self.assertIn(path, answer.json()["error"]["message"])
                self.assertEqual(read(path), data, "the file was touched")
                self.assertEqual(server.stop(), 0)
        self.assertEqual([n for n in os.listdir(self.folder) if n.endswith(".tmp")], [])

    def test_stops_cleanly(self):
        server = self.start_modelserver()
        request(server.port, "POST", CHAT, chat("m"))
        results = []
        thread = threading.Thread(target=lambda: results.append(request(server.port, "POST", CHAT, chat("m", 300))))
        before = self.state(server)["tokens"]
        thread.start()
        wait_for("the answer is under way", lambda: self.state(server)["tokens"] > before + 2)
        self.assertEqual(server.stop(), 0)
        thread.join()
        self.assertEqual(results[0].status, 200, "an answer under way is finished")
        self.assertFalse(answers(server.port, "/health"))

    def test_says_what_is_wrong_with_its_command_line(self):
        taken = self.start_modelserver()
        common = ["--model", "m", "--weights", weights()]
        for more, status, words in [
            (["--port", str(taken.port)], 3, "address already in use"),
            (["--size", "5"], 2, 'found "5"'),
            (["--size", "1MiB"], 2, "expected at least"),
            (["--width", "100"], 2, "width"),
            (["--port", "x"], 2, 'found "x"'),
            (["--weigth", "x"], 2, "usage:"),
        ]:
            result = subprocess.run([MODELSERVER, *common, *more], capture_output=True, text=True, timeout=30)
            self.assertEqual(result.returncode, status, (more, result.stderr))
            self.assertIn(words, result.stderr)
        self.assertEqual(subprocess.run([MODELSERVER, "--help"], capture_output=True, timeout=30).returncode, 0)


if __name__ == "__main__":
    skip_without(MODELSERVER)
    main()
