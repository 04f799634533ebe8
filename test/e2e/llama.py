"""A real llama.cpp server behind forewarm, with models of random weights made here: started by the exec warmer, and as a router
with the llama-server warmer (P8, W1, W5). `make e2e-llama` runs it; LLAMA_SERVER names the program."""

import os
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "real"))

import gguf
from harness import FOREWARM, Bench, chat, free_port, main, pid_alive, request, wait_for

CHAT = "/v1/chat/completions"
SERVER = os.environ["LLAMA_SERVER"]
FOLDER = os.path.join(os.environ.get("FOREWARM_BUILD", "build"), "test-weights")
CONTENT = "hello " * 8


def model(name, seed):
    folder = os.path.join(FOLDER, "gguf")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name + ".gguf")
    return path if os.path.exists(path) else gguf.write(path, seed=seed)


class RealLlama(Bench):
    def ask(self, daemon, name, state="warm"):
        answer = daemon.ask("POST", CHAT, chat(name, content=CONTENT))
        self.assertEqual((answer.status, answer.headers["x-forewarm-state"]), (200, state), (answer, daemon.output()))
        self.assertEqual(len(answer.json()["choices"]), 1)
        return answer.seconds

    def warm(self, daemon, name):
        answer = daemon.api("POST", "/warmup", {"resource": name}).json()
        self.assertEqual((answer["status"], answer["ready"]), ("warmed", True), (answer, daemon.output()))

    def command(self, port, *more):
        return " ".join([SERVER, "--host 127.0.0.1 --port", str(port), "-t 2 --no-warmup", *more])

    def naive_wait(self, command, port):
        """Started, and warm as soon as its port answers /health at all: then the user comes."""
        server = self.start(command.split(), "naive.log")
        wait_for("its port answers", lambda: self.answers(port))
        start = time.monotonic()
        wait_for("the user is served", lambda: request(port, "POST", CHAT, chat("a", content=CONTENT)).status == 200)
        waited_s = time.monotonic() - start
        server.stop()
        return waited_s

    def answers(self, port):
        try:
            request(port, "GET", "/health", timeout_s=5)
            return True
        except OSError:
            return False

    def child(self, daemon):
        """The server's process: the one that listens for it."""
        children = f"/proc/{daemon.pid}/task/{daemon.pid}/children"
        found = []
        for task in os.listdir(f"/proc/{daemon.pid}/task"):
            with open(children.replace(f"task/{daemon.pid}", f"task/{task}")) as text:
                found += [int(pid) for pid in text.read().split()]
        return found

    def test_exec_starts_proves_and_stops_it(self):
        port, weights = free_port(), model("a", 1)
        naive_s = self.naive_wait(self.command(port, "-m", weights), port)
        probe = {"path": CHAT, "body": '{"model":"a","messages":[{"role":"user","content":"%s"}],"max_tokens":1}' % CONTENT, "timeout": "60s"}
        resource = {"id": "a", "upstream": f"http://127.0.0.1:{port}", "warmer": {"kind": "exec", "command": self.command(port, "-m", weights)},
                    "probe": probe, "memory": "auto"}
        daemon = self.start_forewarm(self.config([resource], cooldown="0s"))
        self.warm(daemon, "a")
        ours_s = self.ask(daemon, "a")
        print(f"  a real llama-server, 55 MB: a user waited {naive_s:.3f} s once the port answered, {ours_s:.3f} s after our proof", flush=True)
        self.assertLess(ours_s, naive_s)
        self.assertGreater(daemon.resource("a")["memory_bytes"], 50 << 20, "measured from its processes")
        (pid,) = self.child(daemon)
        os.kill(pid, signal.SIGKILL)  # it crashes: the next request starts it anew
        wait_for("the crash is noticed", lambda: daemon.state("a") != "warm")
        self.ask(daemon, "a", state="cold")
        (pid,) = self.child(daemon)
        self.assertEqual(daemon.api("POST", "/v1/resources/a/unload").status // 100, 2)
        wait_for("it is stopped", lambda: not pid_alive(pid))

    def test_a_request_to_a_cold_model_is_held_and_served(self):
        port = free_port()
        probe = {"path": CHAT, "body": '{"model":"a","messages":[{"role":"user","content":"hi"}],"max_tokens":1}', "timeout": "60s"}
        resource = {"id": "a", "upstream": f"http://127.0.0.1:{port}", "warmer": {"kind": "exec", "command": self.command(port, "-m", model("a", 1))}, "probe": probe}
        daemon = self.start_forewarm(self.config([resource]))
        cold_s, warm_s = self.ask(daemon, "a", state="cold"), self.ask(daemon, "a")
        print(f"  cold {cold_s:.3f} s, warm {warm_s:.3f} s", flush=True)
        self.assertLess(warm_s, cold_s)

    def test_the_router_loads_and_unloads_by_its_api(self):
        port = free_port()
        model("a", 1), model("b", 2)
        self.start(self.command(port, "--models-dir", os.path.join(FOLDER, "gguf"), "--no-models-autoload").split(), "router.log")
        wait_for("the router listens", lambda: self.answers(port))
        url = f"http://127.0.0.1:{port}"
        resources = [{"id": name, "upstream": url, "warmer": {"kind": "llama-server"}} for name in ("a", "b")]
        daemon = self.start_forewarm(self.config(resources, cooldown="0s"))
        loaded = lambda: sorted(m["id"] for m in request(port, "GET", "/models").json()["data"] if m["status"]["value"] == "loaded")
        for name in ("a", "b"):
            self.warm(daemon, name)
            self.ask(daemon, name)
        self.assertEqual(loaded(), ["a", "b"])
        self.assertEqual(daemon.api("POST", "/v1/resources/a/unload").status // 100, 2)
        wait_for("it is unloaded", lambda: daemon.state("a") == "cold")
        self.assertEqual(loaded(), ["b"])
        self.assertEqual(daemon.state("b"), "warm")

    def told(self, daemon, name, session, content):
        """One turn of a session: how many tokens the server had in its cache, and how many it read."""
        answer = daemon.ask("POST", CHAT, chat(name, content=content), {"X-Forewarm-Session": session} if session else {})
        self.assertEqual(answer.status, 200, (answer, daemon.output()))
        timings = answer.json()["timings"]
        return timings["cache_n"], timings["prompt_n"], answer.seconds

    def read_ahead(self, daemon, name):
        """A session whose prompt another has pushed out of the only slot finds it there again; without, it does not."""
        prompt = CONTENT * 8
        for turn in range(3):
            self.told(daemon, name, "s", prompt + "then " * turn)
        self.told(daemon, name, None, "somebody else")
        wait_for("its prompt is read again", lambda: daemon.resource(name)["prefill"]["open"] == 1
                 and not daemon.resource(name)["in_use"] and daemon.resource(name)["prefill"]["spent_s"] > 0)
        cached, read, with_s = self.told(daemon, name, "s", prompt + "then " * 3)
        prefill = daemon.resource(name)["prefill"]
        self.assertEqual((prefill["used"], prefill["failed"]), (1, 0), daemon.output())
        self.told(daemon, name, None, "somebody else")
        cold_cached, cold_read, without_s = self.told(daemon, name, None, prompt + "then " * 3)
        print(f"  {cold_read} tokens to read and {cold_cached} cached: {without_s:.3f} s; {read} and {cached} once it was read ahead: {with_s:.3f} s", flush=True)
        self.assertGreater(cached, 5 * read)
        self.assertLess(cold_cached, cold_read)

    def test_a_sessions_prompt_is_read_ahead(self):
        port = free_port()
        probe = {"path": CHAT, "body": '{"model":"a","messages":[{"role":"user","content":"hi"}],"max_tokens":1}', "timeout": "60s"}
        command = self.command(port, "-m", model("a", 1), "-np 1 --cache-ram 0")
        resource = {"id": "a", "upstream": f"http://127.0.0.1:{port}", "warmer": {"kind": "exec", "command": command}, "probe": probe, "prefill": "1MiB"}
        daemon = self.start_forewarm(self.config([resource]))
        self.warm(daemon, "a")
        self.read_ahead(daemon, "a")

    def test_a_routers_too(self):
        port = free_port()
        model("a", 1)
        self.start(self.command(port, "--models-dir", os.path.join(FOLDER, "gguf"), "--no-models-autoload", "-np 1 --cache-ram 0").split(), "router.log")
        wait_for("the router listens", lambda: self.answers(port))
        resource = {"id": "a", "upstream": f"http://127.0.0.1:{port}", "warmer": {"kind": "llama-server"}, "prefill": "1MiB"}
        daemon = self.start_forewarm(self.config([resource]))
        self.warm(daemon, "a")
        self.read_ahead(daemon, "a")


if __name__ == "__main__":
    if not os.access(FOREWARM, os.X_OK) or not os.access(SERVER, os.X_OK):
        sys.exit("expected FOREWARM and LLAMA_SERVER to be programs")
    main()
