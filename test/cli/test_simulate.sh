#!/bin/bash
# simulate from outside: many seeds pass, every fault is met, the same seed prints the same, the log is written.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$FOREWARM" simulate --seeds 60 --seed 1000 --json --quiet >"$work/a.json" || { cat "$work/a.json"; exit 1; }
python3 - "$work/a.json" <<'PYTHON' || exit 1
import json, sys
found = json.load(open(sys.argv[1]))
assert found["failed"] is None and found["seeds"] == 60 and found["first_seed"] == 1000, found
missed = [name for name, count in found["faults"].items() if count == 0]
assert not missed, f"no seed met {missed}"
assert found["snapshots"] > 200 and found["actions"] > 10000, found
PYTHON
"$FOREWARM" simulate --seeds 3 --seed 7 --json --quiet --log "$work/log" >"$work/b.json" || exit 1
"$FOREWARM" simulate --seeds 3 --seed 7 --json --quiet >"$work/c.json" || exit 1
cmp "$work/b.json" "$work/c.json" || exit 1
grep -q -- "-> warm r0" "$work/log" || { echo "the log tells no action"; exit 1; }
