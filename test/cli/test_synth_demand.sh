#!/bin/bash
# D12 from outside: the columns of D1, the same bytes from the same seed, labels and calendar that others read, and what it makes goes
# into forecast and detect.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() { echo "$*"; failed=1; }
demand() { "$FOREWARM" synth demand "$@"; }

demand --seed 5 --labels "$work/labels.csv" --events "$work/events.yaml" --json -o "$work/a.csv" >"$work/summary.json" || complain "synth demand failed"
demand --seed 5 >"$work/b.csv" || complain "standard output failed"
cmp "$work/a.csv" "$work/b.csv" || complain "the same seed wrote something else"
demand --seed 6 | cmp -s - "$work/a.csv" && complain "another seed wrote the same"
[ "$(head -1 "$work/a.csv")" = timestamp,compute_tflops,request_count,avg_tokens_per_request,p95_latency_ms,queue_depth ] ||
    complain "the header is $(head -1 "$work/a.csv")"
python3 - "$work" <<'PYTHON' || failed=1
import collections, csv, json, sys
work = sys.argv[1]
summary = json.load(open(f"{work}/summary.json"))
rows = list(csv.DictReader(open(f"{work}/a.csv")))
labels = list(csv.DictReader(open(f"{work}/labels.csv")))
assert len(rows) == summary["rows"] == 730 * 24 and rows[0]["timestamp"] == "2024-01-01T00:00:00Z", summary
assert collections.Counter(row["class"] for row in labels) == summary["events"], summary
assert summary["events"]["viral_event"] == 15 and summary["events"]["feature_launch"] == 8 and summary["synthetic"] is True, summary
at = {row["timestamp"]: float(row["compute_tflops"]) for row in rows}
assert all(row["start"] in at for row in labels)
abuse = [row for row in labels if row["class"] == "api_abuse"]
assert all(1 <= float(row["duration_hours"]) <= 6 for row in abuse), abuse
PYTHON

demand --days 200 --seed 5 --with-labels --events "$work/events.yaml" -o "$work/labelled.csv" || complain "200 days failed"
"$FOREWARM" detect "$work/labelled.csv" --events "$work/events.yaml" -q -o "$work/found.csv" >"$work/words" || complain "detect failed: $(cat "$work/words")"
python3 - "$work" <<'PYTHON' || failed=1
import csv, sys
found = list(csv.DictReader(open(f"{sys.argv[1]}/found.csv")))
truth = list(csv.DictReader(open(f"{sys.argv[1]}/labelled.csv")))
alerts = [(f["class"], t["class"]) for f, t in zip(found, truth) if f["is_anomaly"] == "1" and t["class"] in ("feature_launch", "api_abuse", "viral_event")]
assert len(alerts) >= 6 and sum(a == b for a, b in alerts) >= .8 * len(alerts), alerts
PYTHON
# Growth goes on over launches to come; it is none of them.
demand --events "$work/events.yaml" -o "$work/years.csv"
"$FOREWARM" detect "$work/years.csv" --events "$work/events.yaml" --json -q >"$work/found.json" || complain "detect of two years failed"
python3 - "$work/found.json" <<'PYTHON' || failed=1
import json, sys
grown = [event for event in json.load(open(sys.argv[1]))["methods"][0]["events"] if event["seen_by"] == "growth" and event["begin"].startswith("2024-06")]
assert [(event["class"], event["planned"]) for event in grown] == [("gradual_growth", None)], grown
PYTHON
demand --days 30 --launches 1 --events "$work/events.yaml" -o "$work/short.csv"
"$FOREWARM" forecast "$work/short.csv" --events "$work/events.yaml" --horizon 1d -q >/dev/null || complain "forecast does not read the calendar"
demand --days 60 --seed 5 | "$FOREWARM" detect - -q >"$work/found.csv" || complain "detect of a pipe failed"
[ "$(wc -l <"$work/found.csv")" -eq 1441 ] || complain "detect wrote $(wc -l <"$work/found.csv") lines"
demand --days 25 --seed 5 | "$FOREWARM" forecast - --horizon 7d -q >"$work/ahead.csv" || complain "forecast of a pipe failed"
[ "$(wc -l <"$work/ahead.csv")" -eq 169 ] || complain "forecast wrote $(wc -l <"$work/ahead.csv") lines"

refused() { # WORD ARGS...
    local word=$1
    shift
    demand "$@" >"$work/out" 2>"$work/err"
    [ $? -eq 2 ] && grep -q -- "$word" "$work/err" && [ ! -s "$work/out" ] || complain "$*: $(cat "$work/err")"
}
refused "found room for" --days 40 --launches 20
refused "LO,HI" --growth 100
refused "LO,HI" --growth 100,-5
refused "divides a day" --every 7h
refused "YYYY-MM-DD" --start yesterday
refused "beside --days" --days 3 --hours 5
refused "with -o" --json
[ "$(demand --hours 5 | wc -l)" -eq 6 ] || complain "five hours are not five rows"
demand --days 2 --every 10m --start 2026-03-01 | sed -n 3p | grep -q ^2026-03-01T00:10:00Z || complain "--every or --start is not heeded"
exit $failed
