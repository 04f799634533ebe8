"""The demo, shortened: it ends with the summary when asked to or without a terminal; on a terminal it stays until Ctrl-C; and
whatever happens, nothing of it is left running."""

import glob
import os
import pty
import re
import select
import signal
import subprocess
import time
import unittest

from harness import BUILD, FOREWARM, MODELSERVER, PATIENCE_S, SOURCE, main, pid_alive, skip_without, wait_for

RUN = os.path.join(SOURCE, "scripts", "run")
ENVIRONMENT = {**os.environ, "FOREWARM_BUILD": BUILD, "DEMO_SECONDS": "12", "DEMO_MIB": "64", "SEED": "1"}


def left_running():
    """Pids of what the demo starts."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                line = file.read()
        except OSError:
            continue
        pid = int(path.split("/")[2])
        if os.path.join(BUILD, "demo").encode() in line and pid_alive(pid):
            found.append(pid)
    return found


class Demo(unittest.TestCase):
    def test_ends_with_the_summary_from_any_folder(self):
        result = subprocess.run([RUN], cwd="/", env={**ENVIRONMENT, "ONCE": "1"}, capture_output=True, text=True, timeout=5 * PATIENCE_S)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        for words in ("reactive", "predictive", "met a cold model", "model loads", "waited in all"):
            self.assertIn(words, result.stdout)
        requests = re.search(r"requests +(\d+) +(\d+)", result.stdout)
        self.assertEqual(requests.group(1), requests.group(2), "both runs play the same traffic")
        self.assertRegex(result.stdout, r"failures +0 +0 *\n")
        self.assertEqual(left_running(), [])

    def interactive(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(RUN, [RUN], ENVIRONMENT)
        return pid, terminal

    def read_until(self, terminal, words):
        text = b""
        deadline = time.monotonic() + 5 * PATIENCE_S
        while words not in text:
            self.assertLess(time.monotonic(), deadline, text)
            if select.select([terminal], [], [], 1)[0]:
                try:
                    text += os.read(terminal, 65536)
                except OSError:
                    break
        self.assertIn(words, text)
        return text

    def end(self, pid):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)
        raise AssertionError("it did not end on Ctrl-C")

    def test_stays_on_a_terminal_until_ctrl_c(self):
        pid, terminal = self.interactive()
        text = self.read_until(terminal, b"logs, config").decode()
        self.assertGreater(len(left_running()), 0, "the daemon should still run")
        ask = re.search(r"curl -i (http://\S+/v1/chat/completions) -d '([^']*)'", text)
        answer = subprocess.run(["curl", "-sS", "-w", "%{http_code}", ask.group(1), "-d", ask.group(2)], capture_output=True, text=True, timeout=60)
        self.assertTrue(answer.stdout.endswith("200"), answer.stdout + answer.stderr)
        why = re.search(r"why +(\S+ why .*)\r", text)
        self.assertEqual(subprocess.run(why.group(1), shell=True, capture_output=True, timeout=30).returncode, 0)
        os.write(terminal, b"\x03")
        self.assertEqual(self.end(pid), 0)
        os.close(terminal)
        wait_for("everything has stopped", lambda: not left_running())

    def test_ctrl_c_in_the_middle_stops_all(self):
        pid, terminal = self.interactive()
        self.read_until(terminal, b"answered")  # traffic is under way
        os.write(terminal, b"\x03")
        self.assertNotEqual(self.end(pid), 0)
        os.close(terminal)
        wait_for("everything has stopped", lambda: not left_running())


if __name__ == "__main__":
    skip_without(FOREWARM, MODELSERVER, os.path.join(BUILD, "examples", "loadgen", "loadgen"))
    main()
