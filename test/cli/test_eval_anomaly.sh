#!/bin/bash
# eval anomaly (D5): errors with their place, and on the Numenta Anomaly Benchmark the scores of its published rules, checked by an
# independent scorer. The benchmark's part needs FOREWARM_DATA.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() { echo "$*"; failed=1; }
mkdir -p "$work/data/a"
python3 - "$work" <<'PYTHON'
import sys
with open(sys.argv[1] + "/data/a/one.csv", "w") as file:
    file.write("timestamp,value\n")
    for i in range(2000):
        file.write(f"2026-01-{1 + i // 288:02d} {i // 12 % 24:02d}:{i % 12 * 5:02d}:00,{(i * 7919) % 13 + (500 if 1500 <= i < 1512 else 0)}\n")
PYTHON
echo '{"a/one.csv": [["2026-01-06 04:00:00.000000", "2026-01-06 07:00:00.000000"]]}' >"$work/labels.json"
"$FOREWARM" eval anomaly "$work/data" --labels "$work/labels.json" -o "$work/out" --json -q | python3 -c '
import json, sys
answer = json.load(sys.stdin)
assert answer["files"] == 1 and answer["rows"] == 2000 and answer["windows"] == 1, answer
assert answer["scores"]["standard"] > 90, answer' || complain "a burst in noise is not found"
[ "$(head -1 "$work/out/a/forewarm_one.csv")" = "timestamp,value,anomaly_score,label" ] || complain "no result file"
[ "$(grep -c ',1$' "$work/out/a/forewarm_one.csv")" = 37 ] || complain "the labels of the rows are wrong"
refused() { # LABELS FLAGS STATUS WORDS
    "$FOREWARM" eval anomaly "$work/data" --labels "$work/$1" $2 >/dev/null 2>"$work/err"
    [ $? -eq "$3" ] && grep -qF -- "$4" "$work/err" || complain "$1 $2: $(cat "$work/err")"
}
echo '{"a/one.csv": [["2026-01-06 04:00:01", "2026-01-06 07:00:00"]]}' >"$work/late.json"
echo '{"a/one.csv": [["2026-01-06 04:00:00"]]}' >"$work/half.json"
echo '{"../one.csv": []}' >"$work/out.json"
echo '{"a/two.csv": []}' >"$work/two.json"
echo '{' >"$work/torn.json"
refused late.json "" 2 'late.json: a/one.csv: found "2026-01-06 04:00:01", expected the time of one of its rows'
refused half.json "" 2 "half.json: a/one.csv: window 1: expected [begin, end]"
refused out.json "" 2 'expected folder/file.csv'
refused two.json "" 2 "a/two.csv.gz"
refused torn.json "" 2 "torn.json:"
refused labels.json "--method all" 2 'expected one of n9'
"$FOREWARM" eval anomaly "$work/data" 2>"$work/err"
[ $? -eq 2 ] && grep -q -- "--labels is missing" "$work/err" || complain "no labels: $(cat "$work/err")"
data=${FOREWARM_DATA:-$FOREWARM_SOURCE/../shared/data}/anomaly/nab
scorer=$(dirname "$data")/../../eval/nab_score.py
if [ ! -f "$data/labels/combined_windows.json" ]; then
    [ $failed -eq 0 ] || exit 1
    echo "SKIPPED the benchmark: none at $data; set FOREWARM_DATA to the folder that holds anomaly/nab"
    exit 77
fi
python3 - "$data" "$work" "$scorer" <<'PYTHON' || failed=1
import json, os, subprocess, sys

data, work, scorer = sys.argv[1:]
labels = data + "/labels/combined_windows.json"

def run(*flags):
    command = [os.environ["FOREWARM"], "eval", "anomaly", data + "/data", "--labels", labels, "--json", "-q", *flags]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

answer = run("-o", work + "/nab")
scores = answer["scores"]
assert answer["rows"] == 365558 and answer["windows"] == 116 and answer["files"] == 58, answer
assert scores["standard"] >= 73 and scores["low_FP"] >= 62 and scores["low_FN"] >= 79, scores  # F7
if os.path.exists(scorer):
    other = json.loads(subprocess.run(["python3", scorer, work + "/nab", labels], check=True, capture_output=True, text=True).stdout)
    for profile, score in other.items():
        assert abs(scores[profile] - score) <= .0101, (profile, score, scores)
else:
    print("SKIPPED the independent scorer: not at", scorer)
fixed = run("--refractory", "120")["scores"]
assert fixed["standard"] >= 71, fixed
PYTHON
exit $failed
