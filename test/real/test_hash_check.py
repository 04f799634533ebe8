"""The journal of a live run, told again, ends in the decisions the daemon made: the same hash, in every build there is."""

import os
import subprocess
import threading

from harness import FOREWARM, MODELSERVER, SOURCE, Bench, chat, free_port, main, modelserver_command, resource, skip_without

CHAT = "/v1/chat/completions"


class HashCheck(Bench):
    def test_a_live_run_decides_the_same_when_replayed(self):
        models = ["a", "b", "c"]
        resources = [resource(m, port := free_port(), modelserver_command(m, port, seed=i + 1), memory="100MiB") for i, m in enumerate(models)]
        journal = self.path("journal")
        config = self.config(resources, memory="210MiB", journal=journal, wait_price=2)
        daemon = self.start_forewarm(config)

        def user(number):
            for i in range(12):
                daemon.ask("POST", CHAT, chat(models[(number * i + i // 4) % 3], 2), {"x-session-id": f"s{number}"})

        threads = [threading.Thread(target=user, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        daemon.api("POST", "/v1/hints", {"resource": "c", "eta_s": 1, "probability": 0.9})
        daemon.api("POST", "/v1/resources/b/pin")
        for thread in threads:
            thread.join()
        daemon.api("POST", "/v1/resources/b/unpin")
        self.assertGreater(sum(daemon.resource(m)["accounts"]["requests"] for m in models), 40)
        self.assertEqual(daemon.stop(), 0, daemon.output()[-2000:])
        result = subprocess.run([os.path.join(SOURCE, "scripts", "hash-check"), journal], capture_output=True, text=True, timeout=300)
        print(result.stdout, result.stderr)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("decide alike", result.stdout)
        self.assertRegex(result.stdout, r"\([1-9]\d* of the daemon's hashes met\)")

    def test_a_journal_that_was_altered_is_found_out(self):
        journal = self.path("journal")
        port = free_port()
        daemon = self.start_forewarm(self.config([resource("a", port, modelserver_command("a", port))], journal=journal))
        for _ in range(5):
            daemon.ask("POST", CHAT, chat("a"))
        self.assertEqual(daemon.stop(), 0)
        with open(journal, "r+b") as file:
            data = bytearray(file.read())
            data[len(data) // 2] ^= 0x10
            file.seek(0)
            file.write(data)
        result = subprocess.run([FOREWARM, "replay", "--format", "journal", "--quiet", journal], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertIn("journal", result.stderr)


if __name__ == "__main__":
    skip_without(FOREWARM, MODELSERVER)
    main()
