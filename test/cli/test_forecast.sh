#!/bin/bash
# forecast from outside (D1, D2, D8, D16): columns, quantiles in order, the verdict, the same bytes twice, models, bad input.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() { echo "$*"; failed=1; }
forecast() { "$FOREWARM" forecast "$@"; }

python3 - "$work" <<'PYTHON'
import math, random, sys
random.seed(3)
noise, rows = 0.0, []
for t in range(24 * 35):
    noise = .8 * noise + random.gauss(0, .05)
    rows.append((1767225600 + 3600 * t, 200 * math.exp(.5 * math.sin(t * math.pi / 12) + .2 * math.sin(t * math.pi / 84) + noise)))
def write(name, rows, head="timestamp,compute_tflops"):
    with open(f"{sys.argv[1]}/{name}.csv", "w") as file:
        print(head, *(f"{t},{y:.4f}" if not isinstance(y, str) else f"{t},{y}" for t, y in rows), sep="\n", file=file)
write("hours", rows)
write("holes", [row for i, row in enumerate(rows) if i % 40 > 2])
write("shuffled", random.sample(rows, len(rows)))
write("days", [(t, y) for t, y in rows[::24]])
write("one", rows[:1])
write("two", rows[:2])
write("same", [(t, 7) for t, _ in rows])
write("zeros", [(t, 0) for t, _ in rows])
write("negative", [(t, -y) for t, y in rows])
write("infinite", [(t, y if i % 50 != 9 else "inf") if i % 70 else (t, "-inf") for i, (t, y) in enumerate(rows)])
write("missing", [(t, "") for t, _ in rows])
write("huge", [(t, y * 1e300) for t, y in rows])
write("minutes", [(1767225600 + 60 * i, 100 + 50 * math.sin(i * math.pi / 720) + random.gauss(0, 3)) for i in range(210000)])
write("irregular", [(1767225600 + i ** 3, y) for i, (_, y) in enumerate(rows[:50])])
PYTHON

forecast "$work/hours.csv" --horizon 2d >"$work/a.csv" 2>"$work/err" || complain "failed: $(cat "$work/err")"
forecast - --horizon 2d <"$work/shuffled.csv" -q >"$work/b.csv" || complain "standard input failed"
cmp -s "$work/a.csv" "$work/b.csv" || complain "rows in another order give another forecast"
grep -q "how well its own past was foretold, 60 times" "$work/err" || complain "no verdict: $(cat "$work/err")"
grep -qE "up to 6h ahead: off by .* \([0-9]+ % less\)" "$work/err" || complain "not better than the season: $(cat "$work/err")"
python3 - "$work/a.csv" <<'PYTHON' || failed=1
import csv, datetime, math, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert list(rows[0]) == ["timestamp", "baseline", "expected_value", "spike_probability", "p50", "p75", "p90", "p95", "p99", "recommended_capacity"], rows[0]
assert len(rows) == 48 and rows[0]["timestamp"] == "2026-02-05T00:00:00Z", rows[0]
for i, row in enumerate(rows):
    value = {key: float(cell) for key, cell in row.items() if key != "timestamp"}
    assert all(math.isfinite(v) for v in value.values()), row
    assert value["p50"] <= value["p75"] <= value["p90"] <= value["p95"] <= value["p99"], row
    assert 0 <= value["spike_probability"] <= .2, row
    assert abs(value["recommended_capacity"] - 1.3 * max(value["p95"], value["expected_value"])) < .5, row
    t = 24 * 35 + i
    truth = 200 * math.exp(.5 * math.sin(t * math.pi / 12) + .2 * math.sin(t * math.pi / 84))
    assert .6 < value["expected_value"] / truth < 1.5, (i, row, truth)
PYTHON

for model in prophet ridge boost seasonal-naive; do
    forecast "$work/hours.csv" --horizon 12h --model $model --json -q >"$work/$model.json" || complain "$model failed"
    python3 - "$work/$model.json" $model <<'PYTHON' || failed=1
import json, sys
answer = json.load(open(sys.argv[1]))
assert answer["model"] == sys.argv[2] and len(answer["forecast"]) == 12
names = {"prophet": {"prophet"}, "ridge": {"ridge"}, "boost": {"boost"}, "seasonal-naive": {"day", "week"}}[sys.argv[2]]
for block in answer["verdict"]:
    assert {name for name, weight in block["weights"].items() if weight > 0} <= names, block
PYTHON
done
cmp -s "$work/prophet.json" "$work/boost.json" && complain "two models say the same"
forecast "$work/hours.csv" --horizon 6h --blend 0.7,0.3 -q -o "$work/blend.csv" || complain "blend failed"
[ "$(wc -l <"$work/blend.csv")" = 7 ] || complain "blend has not six rows"
forecast "$work/hours.csv" --horizon 3h --quantiles 0.1,0.975 -q | head -n 1 | grep -q ",p10,p97.5,recommended" || complain "quantiles of one's own"

# Spikes (D3, D8): announced an hour ahead they are foretold by trees, and what they add is expected.
python3 - "$work" <<'PYTHON'
import math, random, sys
random.seed(5)
rows, spike = [], False
for t in range(24 * 150 + 9):
    y = 100 * math.exp(.3 * math.sin(t * math.pi / 12) + random.gauss(0, .03)) * (3.5 if spike else 1)
    spike = random.random() < .05 and t < 24 * 150 - 12 or t == 24 * 150 + 8
    rows.append((1767225600 + 3600 * t, y * .6 if spike else y))
for name, end in (("dip", None), ("calm", -1)):
    with open(f"{sys.argv[1]}/{name}.csv", "w") as file:
        print("timestamp,y", *(f"{t},{y:.4f}" for t, y in rows[:end]), sep="\n", file=file)
PYTHON
for name in dip calm; do forecast "$work/$name.csv" --horizon 3d --json -q >"$work/$name.json" || complain "$name failed"; done
python3 - "$work/dip.json" "$work/calm.json" <<'PYTHON' || failed=1
import json, sys
dip, calm = (json.load(open(path)) for path in sys.argv[1:3])
for answer in dip, calm:
    assert answer["spikes"]["past"] > 100 and 2.5 < answer["spikes"]["times_the_usual"] < 4.5, answer["spikes"]
    assert answer["spikes"]["by_trees"][0]["up_to_steps"] == 1 and answer["spikes"]["by_trees"][0]["brier"] < .5 * answer["spikes"]["by_trees"][0]["brier_without"], answer["spikes"]
one, other = dip["forecast"][0], calm["forecast"][0]
assert one["spike_probability"] > .6 and one["expected_value"] > 2 * one["p50"], one
assert other["spike_probability"] < .1 and other["expected_value"] < 1.4 * other["p50"], other
assert one["recommended_capacity"] >= 1.29 * one["expected_value"], one
PYTHON

# Whatever the series is, numbers come out.
for name in holes days one two same zeros negative infinite huge; do
    horizon=1d
    [ $name = days ] && horizon=14d
    if [ $name = one ] || [ $name = two ]; then every="--every 1h"; else every=""; fi
    # shellcheck disable=SC2086
    forecast "$work/$name.csv" --horizon $horizon $every >"$work/out.csv" 2>"$work/err" || complain "$name: $(cat "$work/err")"
    grep -qiE "nan|inf" "$work/out.csv" && complain "$name: not a number: $(grep -iE -m1 'nan|inf' "$work/out.csv")"
done
forecast "$work/one.csv" --every 1h --horizon 2h 2>&1 >/dev/null | grep -q "too short to tell" || complain "one value: nothing is said of it"
forecast "$work/holes.csv" --horizon 2h 2>&1 >/dev/null | grep -q "missing in" || complain "holes are not reported"

# A horizon longer than the history; ten million rows would be cut to the latest 200,000 in the same way.
forecast "$work/hours.csv" --horizon 60d -q -o "$work/far.csv" || complain "a horizon longer than the history failed"
[ "$(wc -l <"$work/far.csv")" = 1441 ] || complain "a horizon longer than the history: not 1440 rows"
grep -qiE "nan|inf" "$work/far.csv" && complain "a horizon longer than the history: not a number"
forecast "$work/minutes.csv" --horizon 1h >"$work/out.csv" 2>"$work/err" || complain "minutes: $(cat "$work/err")"
grep -q "the latest 200000 of 210000 steps are learned from" "$work/err" || complain "a long series: $(cat "$work/err")"

# The same seed gives the same bytes however many threads there may be.
for threads in 1 2; do
    OMP_NUM_THREADS=$threads forecast "$work/hours.csv" --horizon 1d --seed 7 -q -o "$work/threads$threads.csv" || complain "$threads threads failed"
done
cmp -s "$work/threads1.csv" "$work/threads2.csv" || complain "one and two threads say different things"

# Events that are over teach or change nothing, and are told.
echo '[{"date": "2020-02-05 06:00", "name": "old", "class": "feature_launch"}, {"date": "2031-02-05", "name": "far", "class": "feature_launch"}]' >"$work/past.json"
forecast "$work/hours.csv" --horizon 2d --events "$work/past.json" >"$work/past.csv" 2>"$work/err" || complain "past events: $(cat "$work/err")"
grep -q "2 events lie outside the series and the horizon, and change nothing" "$work/err" || complain "past events: $(cat "$work/err")"
cmp -s "$work/past.csv" "$work/a.csv" || complain "events outside the series change the forecast"

# A planned launch is on top, and said in words (D7).
echo '[{"date": "2026-02-05 06:00", "name": "new model", "class": "feature_launch", "expected_multiplier": 5, "expected_duration_hours": 24}]' >"$work/events.json"
forecast "$work/hours.csv" --horizon 1d --events "$work/events.json" >"$work/launch.csv" 2>"$work/err" || complain "events failed: $(cat "$work/err")"
grep -q "feature_launch: 0 past, 1 planned; expected x5, taken for x5" "$work/err" || complain "the launch is not told: $(cat "$work/err")"
python3 - "$work/launch.csv" "$work/a.csv" <<'PYTHON' || failed=1
import csv, sys
launch, calm = (list(csv.DictReader(open(path))) for path in sys.argv[1:3])
times = [float(a["expected_value"]) / float(b["expected_value"]) for a, b in zip(launch, calm)]
assert all(.9 < x < 1.1 for x in times[:6]) and 4 < times[7] < 5.5 and times[15] < times[8], times
assert float(launch[8]["spike_probability"]) > .8, launch[8]
PYTHON
echo '[{"date": "soon", "name": "x"}]' >"$work/bad.json"

refused() { # sentence, arguments
    local sentence=$1
    shift
    forecast "$@" >/dev/null 2>"$work/err"
    [ $? -eq 2 ] || complain "$*: not status 2"
    grep -qF -- "$sentence" "$work/err" || complain "$*: $(cat "$work/err")"
}
refused 'the horizon 30m is shorter than a step of the series, 1h' "$work/hours.csv" --horizon 30m
refused 'at most 20000 can be foretold' "$work/hours.csv" --horizon 3000d
refused 'boost is for steps of 1h, up to 48 ahead' "$work/hours.csv" --model boost --horizon 7d
refused '--quantiles: found "0.9,0.5", expected ascending' "$work/hours.csv" --quantiles 0.9,0.5
refused '--blend: found "0.7", expected two weights' "$work/hours.csv" --blend 0.7
refused '--blend: found "x", expected a number' "$work/hours.csv" --blend 0.7,x
refused 'the rows keep no common step' "$work/irregular.csv"
: >"$work/empty.csv"
refused 'empty.csv' "$work/empty.csv"
printf 'timestamp,y\n2026-01-01,many\n' >"$work/text.csv"
refused 'many' "$work/text.csv" --value y
refused 'none of the 840 rows has a value' "$work/missing.csv"
refused 'events multiply demand' "$work/negative.csv" --events "$work/events.json"
refused 'cannot be multiplied' "$work/negative.csv" --events "$work/events.json"
refused 'not-there.csv' "$work/not-there.csv"
refused 'expected one of ensemble, prophet, ridge, boost, seasonal-naive' "$work/hours.csv" --model guess
refused 'bad.json' "$work/hours.csv" --events "$work/bad.json"
exit $failed
