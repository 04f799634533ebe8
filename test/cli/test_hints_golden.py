#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""H1, H2: hints learn and hints lookup against what the two reference programs answered, to 1e-9: tries, what calls
contributed, accumulators with their centroids, default hints after every run, look-ups and the hints made of them. A few sets
lie in test/golden/hints; all of shared/golden/hints are taken where they are (beside FOREWARM_DATA)."""
import gzip
import json
import math
import os
import subprocess
import sys
import tempfile

SOURCE = os.environ["FOREWARM_SOURCE"]
FOREWARM = os.environ["FOREWARM"]
DATA = os.environ.get("FOREWARM_DATA", os.path.join(SOURCE, "..", "shared", "data"))
SHARED = os.path.join(DATA, "..", "golden", "hints")
OWN = os.path.join(SOURCE, "test", "golden", "hints")
problems = []


def differ(found, expected, where):
    """The first place where two documents differ; numbers by value, maps without order."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if set(found) != set(expected):
            return f"{where}: keys {sorted(set(found) ^ set(expected))}"
        return next(filter(None, (differ(found[k], expected[k], f"{where}.{k}") for k in expected)), None)
    if isinstance(expected, list) and isinstance(found, list):
        if len(found) != len(expected):
            return f"{where}: {len(found)} elements, not {len(expected)}"
        return next(filter(None, (differ(f, e, f"{where}[{i}]") for i, (f, e) in enumerate(zip(found, expected)))), None)
    number = (int, float)
    if isinstance(expected, number) and isinstance(found, number) and not isinstance(expected, bool):
        return None if math.isclose(found, expected, rel_tol=1e-9, abs_tol=1e-300) else f"{where}: {found}, not {expected}"
    return None if found == expected else f"{where}: {found!r}, not {expected!r}"


def run(*arguments):
    done = subprocess.run([FOREWARM, "hints", *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"hints {' '.join(arguments)}: {done.returncode}: {done.stderr}")
    return done.stdout


def check(kind, folder, name, work):
    source = os.path.join(folder, kind, f"{name}.input.json.gz")
    with gzip.open(os.path.join(folder, kind, f"{name}.expected.json.gz")) as file:
        expected = json.load(file)
    trie, state = os.path.join(work, "trie.json"), os.path.join(work, "state.json")
    summary = json.loads(run("learn", source, "--compat", kind, "-o", trie, "--state", state, "--json", "--quiet"))
    answers = json.loads(run("lookup", trie, "--lookups", source, "--compat", kind))
    with open(trie, encoding="utf-8") as file:
        envelope = json.load(file)
    with open(state, encoding="utf-8") as file:
        kept = json.load(file)
    envelope["generated_at"] = expected["envelope"]["generated_at"]
    hints = "nat_transport_hints" if kind == "nat" else "hints"
    pairs = [("envelope", envelope, expected["envelope"]),
             ("lookups", [{k.replace("hints", hints) if k == "hints" else k: v for k, v in a.items()} for a in answers],
              expected["lookups"])]
    if kind == "nat":
        pairs.append(("contexts", kept["contexts_per_run"], expected["contexts_per_run"]))
    else:
        pairs.append(("accumulators", kept, expected["accumulators"]))
        pairs.append(("default hints", summary["agent_hints_default"], expected["agent_hints_default"]))
        pairs.append(("after each run", summary["after_each_run"], expected["after_each_run"]))
    for part, found, wanted in pairs:
        problem = differ(found, wanted, part)
        if problem:
            problems.append(f"{kind}/{name}: {problem}")
    return len(expected["lookups"])


def main():
    sets = {}
    for folder in (OWN, SHARED):
        for kind in ("nat", "relay"):
            place = os.path.join(folder, kind)
            for file in sorted(os.listdir(place)) if os.path.isdir(place) else ():
                if file.endswith(".input.json.gz"):
                    sets[kind, file.removesuffix(".input.json.gz")] = folder
    if not os.path.isdir(SHARED):
        print(f"SKIPPED the shared sets: none at {SHARED}; set FOREWARM_DATA to the folder beside golden/")
    lookups = 0
    with tempfile.TemporaryDirectory() as work:
        for (kind, name), folder in sorted(sets.items()):
            lookups += check(kind, folder, name, work)
    for problem in problems:
        print(problem)
    print(f"{len(sets)} sets, {lookups} look-ups, {len(problems)} problems")
    return 1 if problems or len(sets) < 5 else 0


if __name__ == "__main__":
    sys.exit(main())
