#!/bin/bash
# replay from outside: the JSON of a small trace worked out by hand (small.expected.json), the same from a zipped file and
# from standard input, the table, the CSV, decisions, bad rows.
set -u
here="$FOREWARM_SOURCE/test/cli"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() { echo "$*"; failed=1; }

# a: loads at 0 (wait 11, runs to 13), idle 47 + 340 + 600, cold again at 1300; b: loads at 40, idle 589, cold again at
# 1200, idle 88 to the last arrival: 1664 s under ttl:10m.
"$FOREWARM" replay "$here/small.csv" --policy cold,ttl:10m --load-time 11s --json >"$work/a.json" 2>"$work/err" || complain "replay failed"
[ -s "$work/err" ] && complain "a short run wrote to standard error: $(cat "$work/err")"
python3 - "$work/a.json" "$here/small.expected.json" <<'PYTHON' || failed=1
import json, re, sys
found, expected = (json.load(open(path)) for path in sys.argv[1:])
hashes = [found["decision_hash"]] + [policy["decision_hash"] for policy in found["policies"]]
assert all(re.fullmatch("[0-9a-f]{16}", h) for h in hashes), hashes
assert found["events_per_s"] > 0

def same(found, expected, where="document"):
    """What is expected is there and equal; more may be there."""
    if isinstance(expected, dict):
        for key in expected:
            same(found[key], expected[key], f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for i, pair in enumerate(zip(found, expected)):
            same(*pair, f"{where}[{i}]")
    else:
        assert found == expected, f"{where}: found {found}, expected {expected}"

same(found, expected)
PYTHON

gzip -c "$here/small.csv" >"$work/small.gz"
"$FOREWARM" replay - --policy cold,ttl:10m --load-time 11s --json <"$work/small.gz" | grep -v events_per_s >"$work/b.json"
grep -v events_per_s "$work/a.json" | cmp -s - "$work/b.json" || complain "a zipped trace on standard input reads differently"

"$FOREWARM" replay "$here/small.csv" --load-time 11s >"$work/table" || complain "the table failed"
for word in "6 requests for 2 resources in 2 sessions" "policy" "planner" "oracle" "best ttl" "Against a fixed 10 minutes" "In all that costs"; do
    grep -qF "$word" "$work/table" || complain "the table lacks \"$word\""
done
"$FOREWARM" replay "$here/small.csv" --policy ttl:10m,lru --csv "$work/out.csv" --decisions "$work/decisions" >/dev/null
[ "$(wc -l <"$work/out.csv")" -eq 3 ] || complain "the CSV has not a row a policy"
python3 - "$work/decisions" <<'PYTHON' || failed=1
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
assert {row["policy"] for row in rows} == {"ttl:10m", "lru"}
warm = [row for row in rows if row["action"] == "warm"]
assert all(row["cause"] == "request" and row["because"] for row in warm) and len(warm) >= 4
assert sum(row["action"] == "release" for row in rows) == 12
PYTHON

# Planned events and forecasts from files (P10): what was announced is loaded in time; what is in nobody's trace is counted;
# bad rows are named with their line, field and what was expected.
printf 'time,resource\n' >"$work/rare.csv"
for day in 0 1 2 3 4 5; do echo "$((day * 86400 + 36000 + day * 3000)),a"; done >>"$work/rare.csv"
{ echo "resource,start,end,expected_requests,source,known"
  for day in 1 2 3 4 5; do at=$((day * 86400 + 36000 + day * 3000)); echo "a,$((at - 5)),$((at + 600)),20,launches,$((at - 40000))"; done
  echo "nobody,100,200,1,,"; } >"$work/events.csv"
rare() { "$FOREWARM" replay "$work/rare.csv" --load-time 30s --policy planner --json -q "$@"; }
rare >"$work/without.json" && rare --events "$work/events.csv" >"$work/with.json" || complain "planned events failed"
python3 - "$work/without.json" "$work/with.json" <<'PYTHON' || failed=1
import json, sys
without, told = (json.load(open(path))["policies"][0] for path in sys.argv[1:])
assert without["cold"] == 6 and told["cold"] == 1, (without["cold"], told["cold"])
assert told["prewarms"]["hit"] == 5 and told["cost"] < without["cost"], told
PYTHON
sed 's/,start,/,timestamp,/; s/,known$/,later/' "$work/events.csv" >"$work/forecasts.csv"
rare --forecasts "$work/forecasts.csv" >"$work/forecast.json" || complain "forecasts failed"
bad() { # row, sentence
    for option in --events --forecasts; do
        printf 'resource,start,end,expected_requests,source,known\na,100,200,1,,\n%s\n' "$1" >"$work/bad.csv"
        rare $option "$work/bad.csv" >"$work/said" 2>&1 && complain "$option: \"$1\" was accepted"
        grep -qF "bad.csv:3: $2" "$work/said" || complain "$option: \"$1\": $(cat "$work/said")"
    done
}
bad "a,soon,200,1,," 'start: found "soon", expected a time'
bad "a,100,later,1,," 'end: found "later", expected a time'
bad "a,100,100,1,," 'end: found "100", expected an instant after start'
bad "a,100,200,-1,," 'expected_requests: found "-1", expected a number from 0 to 1e9'
bad "a,100,200,many,," 'expected_requests: found "many", expected a number from 0 to 1e9'
bad "a,100,200,1,,x" 'known: found "x", expected a time'
printf 'start,end\n1,2\n' >"$work/bad.csv"
rare --events "$work/bad.csv" >"$work/said" 2>&1 && complain "events without resources were accepted"
grep -qF 'bad.csv:1: header: found "start", expected resource' "$work/said" || complain "a missing column: $(cat "$work/said")"

# What each policy cost for each resource adds up to what the table says it cost.
"$FOREWARM" replay "$here/small.csv" --load-time 11s --policy planner,ttl:10m --csv "$work/all.csv" --per-resource "$work/each.csv" -q >/dev/null
python3 - "$work/all.csv" "$work/each.csv" <<'PYTHON' || failed=1
import csv, sys
total = {row["policy"]: row for row in csv.DictReader(open(sys.argv[1]))}
each = list(csv.DictReader(open(sys.argv[2])))
assert {row["policy"] for row in each} == {"planner", "ttl:10m", "best-ttl"}
for policy in total:
    for key in ("requests", "cold", "idle_s", "cost"):
        found = sum(float(row[key]) for row in each if row["policy"] == policy)
        assert abs(found - float(total[policy][key])) < 1e-6 * max(1, found), (policy, key, found)
PYTHON
"$FOREWARM" replay "$here/small.csv" --csv - --per-resource - >/dev/null 2>&1 && complain "two files on standard output are accepted"

# Where memory is short for hours the report says so and by how much; where it is not it does not.
python3 -c 'print("time,resource"); [print(f"{t},{m}") for t in range(0, 14400, 20) for m in "ab"]' >"$work/busy.csv"
printf 'resource,memory\n*,10GB\n' >"$work/sizes.csv"
overload() { "$FOREWARM" replay "$work/busy.csv" --time-style offset-s --load-time 30s --policy planner,lru --memory "$1" --sizes "$work/sizes.csv" -q; }
overload 15GB | grep -qF "needs up to 5.0 GB more than --memory" || complain "a shortage of memory is not named"
overload 20GB | grep -q "Overloaded" && complain "a shortage is named where there is none"
"$FOREWARM" replay "$work/busy.csv" --time-style offset-s --load-time 30s --policy lru --memory 15GB --sizes "$work/sizes.csv" --json |
    python3 -c 'import json, sys; p = json.load(sys.stdin)["policies"][0]["overload"]; assert 170 <= p["minutes"] <= 185 and p["short_bytes"] == 5e9, p' || failed=1

# A level between cold and warm is paid for, loads from there are shorter, and wrong ones are named.
half() { "$FOREWARM" replay "$here/small.csv" --load-time 10s --policy ttl:10s "$@"; }
half --half-load 0.1 --half-price 0.2 --json -q | python3 -c '
import json, sys
p = json.load(sys.stdin)["policies"][0]
assert p["half_s"] > 0 and 0 < p["half_loads"] <= p["loads"], p
cost = p["idle_s"] + p["load_s"] + 54 * p["wait_s"]["total"] + 0.2 * p["half_s"]
assert abs(cost - p["cost"]) < 1e-6 * cost, (cost, p)' || failed=1
half --half-load 0.1 -q | grep -q "ttl:10s: half warm for" || complain "the table does not tell of half warm hours"
half --half-load fast 2>&1 | grep -qF 'half-load: found "fast", expected a duration such as 2s or a share' || complain "a wrong --half-load is not named"
half --host-memory 4GiB 2>&1 | grep -qF "means nothing without --half-load" || complain "--host-memory alone is accepted"

printf 'time,resource\n1,a\nsoon,b\n' >"$work/bad.csv"
"$FOREWARM" replay "$work/bad.csv" 2>"$work/err"
[ $? -eq 2 ] || complain "a bad row does not end with status 2"
grep -qF "bad.csv:3: time (time): found \"soon\", expected" "$work/err" || complain "a bad row is not named: $(cat "$work/err")"
"$FOREWARM" replay "$work/bad.csv" --skip-bad-rows --policy cold --json | grep -q '"skipped": 1' || complain "a skipped row is not counted"

# Load times are drawn from what was measured, the same for the same seed.
printf 'value\n500\n20000\n' >"$work/loads.csv"
draw() { "$FOREWARM" replay "$here/small.csv" --policy cold --load-times "$work/loads.csv" --seed "$1" --json | grep -v events_per_s; }
draw 1 >"$work/drawn.a"
draw 1 >"$work/drawn.b"
draw 2 >"$work/drawn.c"
cmp -s "$work/drawn.a" "$work/drawn.b" || complain "the same seed drew other load times"
cmp -s "$work/drawn.a" "$work/drawn.c" && complain "another seed drew the same load times"
exit $failed
