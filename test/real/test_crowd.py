"""Many clients at one cold model: one load, nobody lost; whoever leaves is dropped and the load goes on (P6, W3)."""

import json
import socket
import threading

from harness import FOREWARM, MODELSERVER, Bench, chat, free_port, main, modelserver_command, request, resource, skip_without, wait_for

CHAT = "/v1/chat/completions"
CLIENTS = 200


def in_parallel(count, act):
    results = [None] * count

    def run(i):
        try:
            results[i] = act(i)
        except Exception as error:  # noqa: BLE001  what went wrong is the result
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def park(port, model, headers=""):
    """A raw client that has asked and waits."""
    body = json.dumps(chat(model)).encode()
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\n{headers}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    client.sendall(head.encode() + body)
    return client


class Crowd(Bench):
    def start_one(self, **more):
        port = free_port()
        daemon = self.start_forewarm(self.config([resource("m", port, modelserver_command("m", port, size="256MiB"), **more)]))
        daemon.upstream = port
        return daemon

    def test_200_requests_make_one_load_and_all_are_answered(self):
        daemon = self.start_one()
        results = in_parallel(CLIENTS, lambda i: daemon.ask("POST", CHAT, chat("m", 2, f"request {i}", stream=i % 2 == 0)))
        bad = [r for r in results if isinstance(r, Exception) or r.status != 200]
        self.assertEqual(bad, [])
        for i, answer in enumerate(results):
            whole = answer.body.endswith(b"data: [DONE]\n\n") if i % 2 == 0 else "choices" in answer.json()
            self.assertTrue(whole, answer)
        self.assertEqual(request(daemon.upstream, "GET", "/state").json()["loads"], 1)
        accounts = daemon.resource("m")["accounts"]
        self.assertEqual(accounts["warmups_ok"], 1, accounts)
        self.assertEqual(accounts["requests"], CLIENTS, accounts)
        self.assertEqual(daemon.metric("forewarm_held_requests"), 0)
        # The first to come waited, and its header says so.
        self.assertTrue(any(r.headers["x-forewarm-state"] == "cold" and float(r.headers["x-forewarm-wait-ms"]) > 0 for r in results))
        warm = daemon.ask("POST", CHAT, chat("m"))
        self.assertEqual(warm.headers["x-forewarm-state"], "warm")

    def test_who_leaves_is_dropped_and_the_others_are_served(self):
        daemon = self.start_one()
        stay = [park(daemon.port, "m") for _ in range(20)]
        leave = [park(daemon.port, "m") for _ in range(30)]
        wait_for("all are held", lambda: daemon.metric("forewarm_held_requests") == 50)
        for client in leave:
            client.close()
        wait_for("those who left are dropped", lambda: daemon.metric("forewarm_held_requests") <= 20)
        for client in stay:
            self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 200 "))
            client.close()
        state = request(daemon.upstream, "GET", "/state").json()
        self.assertEqual(state["loads"], 1)
        accounts = daemon.resource("m")["accounts"]
        self.assertEqual(accounts["cancelled"], 30, accounts)
        self.assertEqual(accounts["released"], 20, accounts)

    def test_the_load_goes_on_when_the_only_client_leaves(self):
        daemon = self.start_one()
        client = park(daemon.port, "m")
        wait_for("it is held", lambda: daemon.metric("forewarm_held_requests") == 1)
        client.close()
        wait_for("it is dropped", lambda: daemon.metric("forewarm_held_requests") == 0)
        wait_for("the load is finished all the same", lambda: daemon.state("m") == "warm")
        answer = daemon.ask("POST", CHAT, chat("m"))
        self.assertEqual((answer.status, answer.headers["x-forewarm-state"]), (200, "warm"))
        self.assertEqual(request(daemon.upstream, "GET", "/state").json()["loads"], 1)

    def test_warm_up_calls_and_requests_share_the_load(self):
        """W1, W3: many warm-up calls and health checks start one load; an already warm one takes no time."""
        daemon = self.start_one()

        def act(i):
            if i % 3 == 0:
                return daemon.ask("POST", CHAT, chat("m"))
            if i % 3 == 1:
                return daemon.api("POST", "/warmup", {"resource": "m"})
            return daemon.api("GET", "/healthz")

        results = in_parallel(60, act)
        self.assertEqual([r for r in results if isinstance(r, Exception) or r.status != 200], [])
        self.assertEqual(request(daemon.upstream, "GET", "/state").json()["loads"], 1)
        answers = [r.json() for i, r in enumerate(results) if i % 3 == 1]
        self.assertTrue(all(a["ready"] and a["status"] in ("warmed", "already_warm") for a in answers), answers)
        again = daemon.api("POST", "/warmup", {"resource": "m"}).json()
        self.assertEqual((again["status"], again["ready"]), ("already_warm", True))

    def test_a_full_house_refuses_with_retry_after(self):
        daemon = self.start_forewarm(self.config([resource("m", port := free_port(), modelserver_command("m", port, size="256MiB"))], hold_limit=5))
        results = in_parallel(20, lambda _: daemon.ask("POST", CHAT, chat("m")))
        self.assertEqual([r for r in results if isinstance(r, Exception)], [])
        served = [r for r in results if r.status == 200]
        refused = [r for r in results if r.status == 503]
        self.assertEqual(len(served) + len(refused), 20, results)
        self.assertGreaterEqual(len(served), 5)
        self.assertGreater(len(refused), 0)
        for answer in refused:
            self.assertEqual(answer.json()["error"]["code"], "overloaded")
            self.assertGreater(int(answer.headers["retry-after"]), 0)


if __name__ == "__main__":
    skip_without(FOREWARM, MODELSERVER)
    main()
