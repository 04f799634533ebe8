#!/bin/bash
# eval forecast from outside (D2, D3, D14): scores worked out by hand, the boosted model against the naive, bad files.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() { echo "$*"; failed=1; }
eval_forecast() { "$FOREWARM" eval forecast "$@"; }

# A season of 2: the last season again misses 10 by 2 and 8 by 4.
printf 'id,V1,V2,V3,V4,V5\na,10,20,12,20,\nb,1,2,3,4,4\n' >"$work/train.csv"
printf 'id,V1,V2\na,10,20\nb,4,8\n' >"$work/test.csv"
eval_forecast --train "$work/train.csv" --test "$work/test.csv" --season 2 --horizon 2 --model naive2,seasonal-naive --json -q \
    >"$work/out.json" 2>"$work/err" || complain "failed: $(cat "$work/err")"
python3 - "$work/out.json" <<'PYTHON' || failed=1
import json, sys
answer = json.load(open(sys.argv[1]))
assert (answer["series"], answer["horizon"], answer["season"]) == (2, 2, 2), answer
of = {row["name"]: row for row in answer["models"]}
# means over two values and two series; the units of MASE are (2 + 0) / 2 and (2 + 2 + 1) / 3
assert of["seasonal-naive"]["smape"] == round(200 * (2 / 22 + 4 / 12) / 2 / 2, 3), of
assert of["seasonal-naive"]["mase"] == round((1 / 1 + 2 / (5 / 3)) / 2, 4), of
assert of["seasonal-naive"]["msis"] is None and of["naive2"]["owa"] == 1
PYTHON

# Hourly series with a day, a week and noise that remembers: boosted is better than the last day, and as wide as it should be.
python3 - "$work" <<'PYTHON'
import math, random, sys
random.seed(5)
train, test = open(sys.argv[1] + "/hours.csv", "w"), open(sys.argv[1] + "/later.csv", "w")
print("id,values", file=train)
print("id,values", file=test)
for name in range(5):
    noise, values = 0.0, []
    for t in range(748):
        noise = .8 * noise + random.gauss(0, .05)
        values.append(f"{math.exp(4 + name / 3 + .4 * math.sin(t * math.pi / 12 + name) + .2 * math.sin(t * math.pi / 84) + noise):.4f}")
    print(f"s{name}", *values[:700], sep=",", file=train)
    print(f"s{name}", *values[700:], sep=",", file=test)
PYTHON
for threads in 1 2; do
    eval_forecast --train "$work/hours.csv" --test "$work/later.csv" --threads $threads --json -q >"$work/hours$threads.json" || complain "hours failed"
done
cmp <(grep -v cpu "$work/hours1.json") <(grep -v cpu "$work/hours2.json") || complain "two threads give another answer than one"
python3 - "$work/hours1.json" <<'PYTHON' || failed=1
import json, sys
of = {row["name"]: row for row in json.load(open(sys.argv[1]))["models"]}
assert list(of) == ["naive2", "seasonal-naive", "ridge", "boost"], of
assert of["boost"]["mase"] < of["seasonal-naive"]["mase"] and of["ridge"]["mase"] < of["seasonal-naive"]["mase"], of
assert .8 <= of["boost"]["coverage"] <= 1 and of["boost"]["msis"] > 0, of
PYTHON
eval_forecast --train "$work/hours.csv" --test "$work/later.csv" --model ridge 2>/dev/null | grep -q "5 series, 48 steps ahead" || complain "no table"

# One series, walked through: hourly with a day in it; the naive is beaten, P95 holds most of the time.
python3 - "$work" <<'PYTHON'
import math, random, sys
random.seed(8)
noise = 0.0
with open(sys.argv[1] + "/one.csv", "w") as file:
    print("timestamp,value", file=file)
    for t in range(24 * 40):
        noise = .9 * noise + random.gauss(0, .1)
        print(f"{1767225600 + 3600 * t},{100 * math.exp(.5 * math.sin(t * math.pi / 12) + noise):.3f}", file=file)
PYTHON
eval_forecast "$work/one.csv" --horizon 24 --spacing 12 --origins 50 --json -q >"$work/one.json" || complain "one series failed"
python3 - "$work/one.json" <<'PYTHON' || failed=1
import json, sys
answer = json.load(open(sys.argv[1]))
assert answer["origins"] == 50 and answer["scored_origins"] == 19, answer
assert answer["mase_ratio_to_naive"] < .9 and min(v for v in answer["members_ratio_to_naive"].values() if v) < 1, answer
assert [step["steps_ahead"] for step in answer["p95"]] == [1, 6, 24, 0] and .8 < answer["p95"][3]["coverage"] <= 1, answer
PYTHON
eval_forecast "$work/one.csv" --origins 5 2>/dev/null | grep -q "P95, 6 ahead: covers" || complain "no table of one series"

refused() { # sentence, arguments
    local sentence=$1
    shift
    eval_forecast "$@" >/dev/null 2>"$work/err"
    [ $? -eq 2 ] || complain "$*: not status 2"
    grep -qF -- "$sentence" "$work/err" || complain "$*: $(cat "$work/err")"
}
refused "at least 120 are needed" <(head -n 20 "$work/one.csv")
refused "--train and --test: both files are needed" --train "$work/train.csv"
refused '--model: found "oracle", expected naive2' --train "$work/train.csv" --test "$work/test.csv" --model oracle
printf 'id,V1,V2\na,10,20\n' >"$work/bad.csv"
refused 'bad.csv: series "b" of' --train "$work/train.csv" --test "$work/bad.csv" --season 2 --horizon 2
refused 'test.csv: series "a" has 2 values, expected 3' --train "$work/train.csv" --test "$work/test.csv" --season 2 --horizon 3
refused 'train.csv: series "a" has 4 values, expected more than a season of 24' --train "$work/train.csv" --test "$work/test.csv" --horizon 2
printf 'id,V1,V2\na,10,x\n' >"$work/bad.csv"
refused 'bad.csv:2: value 2: found "x", expected a number' --train "$work/bad.csv" --test "$work/test.csv"
printf 'id,V1,V2\na,10\na,11\n' >"$work/bad.csv"
refused 'bad.csv:3: series "a" stands there twice' --train "$work/bad.csv" --test "$work/test.csv"
printf 'id,V1\n' >"$work/bad.csv"
refused 'bad.csv:1: found no series' --train "$work/bad.csv" --test "$work/test.csv"
printf 'id,V1\na,,\n' >"$work/bad.csv"
refused 'bad.csv:2: found no values' --train "$work/bad.csv" --test "$work/test.csv"
refused 'at least 360' --train "$work/train.csv" --test "$work/test.csv" --season 2 --horizon 2 --model boost
exit $failed
