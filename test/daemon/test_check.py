#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""forewarm check and what serve says of a configuration it cannot use."""
import json
import os
import subprocess
import tempfile

from harness import FOREWARM, main

GOOD = "resources:\n  - {id: a, upstream: 'http://127.0.0.1:1'}\n"
BAD = "memory: 24\nresources:\n  - {id: a, upstream: 'http://127.0.0.1:1', memroy: 1GiB}\n"


def run(*words, text=None):
    with tempfile.TemporaryDirectory() as folder:
        if text is not None:
            with open(os.path.join(folder, "f.yaml"), "w") as f:
                f.write(text)
        return subprocess.run([FOREWARM, *words], cwd=folder, capture_output=True, text=True, timeout=60)


def check_says_yes_and_no():
    good = run("check", "-c", "f.yaml", text=GOOD)
    assert good.returncode == 0 and good.stdout == "f.yaml: right; 1 resource\n", good
    assert run("check", "-c", "f.yaml", "--quiet", text=GOOD).stdout == ""
    bad = run("check", "-c", "f.yaml", text=BAD)
    assert bad.returncode == 1, bad
    lines = bad.stdout.splitlines()
    assert lines[0].startswith('f.yaml:1:9: memory: found "24", expected a size'), lines
    assert lines[1] == "f.yaml:3:45: memroy: unknown key, did you mean memory?", lines
    assert lines[2] == "f.yaml: 2 problems", lines
    answer = run("check", "-c", "f.yaml", "--json", text=BAD)
    assert answer.returncode == 1
    document = json.loads(answer.stdout)
    assert document["ok"] is False and len(document["problems"]) == 2, document


def serve_refuses_with_every_problem_and_the_next_step():
    bad = run("serve", "-c", "f.yaml", text=BAD)
    assert bad.returncode == 2 and bad.stdout == "", bad
    assert "f.yaml:1:9: memory" in bad.stderr and "f.yaml:3:45: memroy" in bad.stderr, bad
    assert "the configuration has 2 problems" in bad.stderr, bad
    missing = run("serve", "-c", "nothing.yaml")
    assert missing.returncode == 2 and "nothing.yaml: cannot be read: No such file or directory" in missing.stderr, missing
    assert run("serve", "--no-such-flag").returncode == 2
    assert "usage" in run("serve", "--help").stdout.lower()


if __name__ == "__main__":
    main([check_says_yes_and_no, serve_refuses_with_every_problem_and_the_next_step])
