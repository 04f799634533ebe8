"""kill -9 in the middle of traffic, twenty times: what was learned and promised is there after the restart, children are
adopted or gone, and a client whose answer was cut can see that it was."""

import glob
import http.client
import json
import os
import random
import threading
import time

from harness import FOREWARM, MODELSERVER, PATIENCE_S, Bench, chat, free_port, main, modelserver_command, pid_alive, resource, skip_without, wait_for

CHAT = "/v1/chat/completions"
KILLS = 20
SAVED_WITHIN_S = 2  # the daemon saves every second; the rest is for a busy machine


def children_on(ports):
    """Pids of model servers that were started for one of these ports."""
    found = {}
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if words and os.path.basename(words[0]) == b"modelserver" and b"--port" in words:
            port = int(words[words.index(b"--port") + 1])
            pid = int(path.split("/")[2])
            if port in ports and pid_alive(pid):
                found.setdefault(port, []).append(pid)
    return found


class Clients:
    """Streams and whole answers without pause; every outcome is one of whole, visibly cut, refused."""

    def __init__(self, port, models):
        self.port, self.models = port, models
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.whole = self.cut = self.refused = 0
        self.whole_at = []     # when whole answers ended
        self.hidden_cuts = []  # an answer that looked whole and was not
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(6)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        choice = random.Random(number)
        while not self.stop.is_set():
            model, stream = choice.choice(self.models), choice.random() < 0.5
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
            try:
                connection.request("POST", CHAT, json.dumps(chat(model, 200, stream=stream)), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                body = answer.read()  # raises when the framing says there should be more
                with self.lock:
                    if answer.status != 200:
                        self.refused += 1
                    elif stream and not body.endswith(b"data: [DONE]\n\n"):
                        self.hidden_cuts.append(body[-80:])
                    else:
                        if not stream:
                            json.loads(body)
                        self.whole += 1
                        self.whole_at.append(time.monotonic())
            except (OSError, http.client.HTTPException):
                with self.lock:
                    self.cut += 1
                self.stop.wait(0.02)
            except ValueError as error:
                with self.lock:
                    self.hidden_cuts.append(str(error))
            finally:
                connection.close()

    def answered_between(self, begin, end):
        with self.lock:
            return sum(1 for at in self.whole_at if begin <= at < end)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


class Kill(Bench):
    def requests_of(self, daemon, models):
        return sum(daemon.resource(m)["accounts"]["requests"] for m in models)

    def test_twenty_kills(self):
        models = ["a", "b"]
        ports = {m: free_port() for m in models}
        config = self.config([resource(m, ports[m], modelserver_command(m, ports[m], seed=i + 1)) for i, m in enumerate(models)])
        config["resources"].append(resource("seen", free_port()))
        daemon = self.start_forewarm(config)
        clients = Clients(daemon.port, models)
        self.addCleanup(clients.end)
        moments = random.Random(7)
        answered = observed = 0  # what must not be missing: acknowledged, and at least SAVED_WITHIN_S before a kill
        for kill in range(KILLS):
            started_at = time.monotonic()
            before = clients.whole
            wait_for("some answers", lambda: clients.whole >= before + 5)
            moment = time.monotonic() + moments.uniform(0, 3)  # of the kill: drawn, not awaited
            observed_at = []
            while time.monotonic() < moment:
                answer = daemon.api("POST", "/v1/observations", {"resource": "seen"})
                self.assertEqual(answer.status, 200, answer)
                observed_at.append(time.monotonic())
                threading.Event().wait(0.05)
            killed_at = time.monotonic()
            daemon.kill()
            answered += clients.answered_between(started_at, killed_at - SAVED_WITHIN_S)
            observed += sum(1 for at in observed_at if at < killed_at - SAVED_WITHIN_S)
            daemon = self.start_forewarm(config)
            self.assertGreaterEqual(self.requests_of(daemon, models), answered, f"kill {kill}: learning was lost")
            self.assertGreaterEqual(self.requests_of(daemon, ["seen"]), observed, f"kill {kill}: an observation was lost")
            running = children_on(ports.values())
            self.assertTrue(all(len(pids) == 1 for pids in running.values()), f"kill {kill}: two servers on one port: {running}")
        before = clients.whole
        wait_for("answers after the last kill", lambda: clients.whole >= before + 5)
        clients.end()
        self.assertEqual(clients.hidden_cuts, [], "a cut answer looked whole")
        self.assertGreater(clients.whole, 5 * KILLS)
        self.assertGreater(observed, KILLS, "the runs were too short to prove anything")
        self.assertGreater(clients.cut, 0, "no client was ever cut: the kills came at the wrong moments")
        wait_for("nothing is in use", lambda: all(daemon.resource(m)["in_use"] == 0 for m in models))
        self.assertEqual(daemon.stop(), 0, daemon.output()[-2000:])
        wait_for("no child is left", lambda: not children_on(ports.values()))

    def test_a_torn_state_file_is_refused_and_left_alone(self):
        config = self.config([resource("a", free_port(), modelserver_command("a", free_port()))])
        with open(self.path("state.db"), "wb") as out:
            out.write(b"this is somebody's diary, not a database\n" * 100)
        with self.assertRaises(AssertionError) as caught:
            self.start_forewarm(config)
        self.assertIn("state.db", str(caught.exception))
        with open(self.path("state.db"), "rb") as file:
            self.assertTrue(file.read().startswith(b"this is somebody's diary"))


if __name__ == "__main__":
    skip_without(FOREWARM, MODELSERVER)
    main()
