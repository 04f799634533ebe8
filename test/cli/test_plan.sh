#!/bin/bash
# plan from outside (D8-D11): columns, arithmetic by hand from a forecast in a file, prices that change at midnight, days of 23 and 25
# hours, tiers, a series, the pipe, recommendations whose figures are in the rows, bad input.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() { echo "$*"; failed=1; }
plan() { "$FOREWARM" plan "$@"; }
head="timestamp,recommended_gpus,burst_ready_gpus,recommended_cost_per_hour,expected_utilization"

python3 - "$work" <<'PYTHON'
import datetime, math, sys
def write(name, rows, columns="timestamp,baseline,expected_value,spike_probability,p50,p75,p90,p95,p99,recommended_capacity"):
    with open(f"{sys.argv[1]}/{name}.csv", "w") as file:
        print(columns, *(",".join(map(str, row)) for row in rows), sep="\n", file=file)
def forecast(start, hours, value):
    for h in range(hours):
        v = value(h)
        yield (start + datetime.timedelta(hours=h)).isoformat(), v, v, 0, v, v, v, v, v, 1.3 * v
utc = datetime.timezone.utc
write("sure", forecast(datetime.datetime(2026, 3, 28, 22, tzinfo=utc), 4, lambda h: [312, 600, 0, 2652][h]))
write("zero", forecast(datetime.datetime(2026, 1, 1, tzinfo=utc), 3, lambda h: 0))
# The local day of 25 hours, as a wall clock with its offset writes it: 02:00+02:00 and 02:00+01:00 are two hours.
berlin = lambda h: datetime.datetime(2026, 10, 24, 22, tzinfo=utc).astimezone(datetime.timezone(datetime.timedelta(hours=2 if h < 3 else 1))) + datetime.timedelta(hours=h)
rows = [(berlin(h).isoformat(), 200, 200, 0, 200, 200, 200, 200, 200, 260) for h in range(25)]
write("long_day", rows)
write("wide_bounds", [(f"2026-01-01T{h:02}:00:00Z", 1000, 1000, 0.2, 1000, 1500) for h in range(12)], "timestamp,baseline,expected_value,spike_probability,p50,p95")
write("hole", [row for h, row in enumerate(forecast(datetime.datetime(2026, 1, 1, tzinfo=utc), 8, lambda h: 5)) if h != 3])
write("one_quantile", [("2026-01-01T00:00:00Z", 1, 2), ("2026-01-01T01:00:00Z", 1, 2)], "timestamp,expected_value,p95")
write("twice", [("2026-01-01T00:00:00Z", 1, 2, 3), ("2026-01-01T01:00:00Z", 1, 2, 3)], "timestamp,expected_value,p95,P95.0")
write("series", [(1767225600 + 3600 * t, 3000 * (1 + .5 * math.sin(t * math.pi / 12)) + t * 7919 % 101) for t in range(24 * 12)], "timestamp,compute_tflops")
PYTHON

# By hand. 312 at 85 %: 265.2 a GPU; at 70 %: 218.4. 312 -> 2 (target: 1.43), 600 -> 3 (2.75), 0 -> 0, 2652 -> 13 (12.14; 10 at 85 %).
plan "$work/sure.csv" >"$work/out.csv" 2>"$work/err" || complain "failed: $(cat "$work/err")"
cat >"$work/expected.csv" <<END
$head
2026-03-28T22:00:00Z,2,2,7.0000,0.500000
2026-03-28T23:00:00Z,3,3,10.5000,0.641026
2026-03-29T00:00:00Z,0,0,0.0000,0.000000
2026-03-29T01:00:00Z,13,13,45.5000,0.653846
END
cmp "$work/out.csv" "$work/expected.csv" || complain "not what a hand finds: $(cat "$work/out.csv")"
# The buffer: 1.3 x P95, wholly used, unless the target asks for more: 1.3 -> 2, 2.5 -> 3, 11.05 -> 13 (target).
plan "$work/sure.csv" --buffer 1.3 --wide -q | cut -d, -f1-3,14-16 >"$work/buffer.csv"
grep -q "^2026-03-28T22:00:00Z,2,2,405.6000," "$work/buffer.csv" || complain "buffer: $(cat "$work/buffer.csv")"
grep -q "^2026-03-29T01:00:00Z,13,13,3447.6000,target utilisation,0" "$work/buffer.csv" || complain "buffer: $(cat "$work/buffer.csv")"
# An order takes two hours: each row does for the higher of its own hour and the next.
plan "$work/sure.csv" --lead-time 2h -q | cut -d, -f2 | paste -sd' ' | grep -q "^recommended_gpus 3 3 13 13$" || complain "lead time"
plan "$work/zero.csv" -q | grep -q "^2026-01-01T02:00:00Z,0,0,0.0000,0.000000$" || complain "zero demand"
plan "$work/zero.csv" 2>&1 >/dev/null | grep -qiE "nan|inf " && complain "zero demand: not a number in the words"
plan "$work/zero.csv" --least-gpus 2 -q | grep -q "^2026-01-01T02:00:00Z,2,2,7.0000,0.000000$" || complain "least"
plan "$work/sure.csv" --batching-gain 2 -q | cut -d, -f2 | paste -sd' ' | grep -q "^recommended_gpus 1 2 0 7$" || complain "batching"

# A price that changes at midnight, and in the middle of an hour.
cat >"$work/midnight.yaml" <<'END'
offers:
- {tier: on_demand, region: east, price_per_hour: 2, price_changes: [{from: 2026-03-29, price_per_hour: 3}, {from: 2026-03-29 01:30, price_per_hour: 5}]}
END
plan "$work/sure.csv" --offers "$work/midnight.yaml" -q | cut -d, -f4 | paste -sd' ' |
    grep -q "^recommended_cost_per_hour 4.0000 6.0000 0.0000 52.0000$" || complain "price changes: $(plan "$work/sure.csv" --offers "$work/midnight.yaml" -q)"
# The day of 25 hours: 25 rows, 25 hours paid, the price of its second midnight in none of them.
echo '[{"tier": "on_demand", "price_per_hour": 1, "price_changes": [{"from": "2026-10-25T00:00:00+02:00", "price_per_hour": 2}, {"from": "2026-10-26T00:00:00+01:00", "price_per_hour": 9}]}]' >"$work/day.json"
plan "$work/long_day.csv" --offers "$work/day.json" --json -q >"$work/day.out" || complain "the long day failed"
# Tiers: two owned, paid always; the rest from where it is cheapest.
cat >"$work/tiers.yaml" <<'END'
- {tier: owned, region: cellar, price_per_hour: 0.5, most: 2}
- {tier: on_demand, region: east, price_per_hour: 4}
- {tier: on_demand, region: west, price_per_hour: 3, most: 5}
- {tier: spot, region: west, price_per_hour: 1, interruptions_per_hour: 0.1}
END
plan "$work/sure.csv" --offers "$work/tiers.yaml" --json >"$work/tiers.out" 2>"$work/err" || complain "tiers failed: $(cat "$work/err")"
[ -s "$work/err" ] && complain "--json says more: $(cat "$work/err")"
python3 - "$work" <<'PYTHON' || failed=1
import json, sys
day = json.load(open(f"{sys.argv[1]}/day.out"))
assert len(day["plan"]) == 25 and day["input"] == "forecast", len(day["plan"])
assert all(row["recommended_gpus"] == 1 and row["recommended_cost_per_hour"] == 2 for row in day["plan"]), day["plan"]
assert day["fleets"]["recommended"]["cost"] == 50 and day["fleets"]["recommended"]["hours"] == 25
got = json.load(open(f"{sys.argv[1]}/tiers.out"))
# 13 GPUs: 2 owned, of 3 (30 %) spot, at a risk of 1.65 % in 10 minutes, 3 stay with 95.1 %; 8 rented, 5 of them in the west
assert got["plan"][3]["gpus_by_offer"] == [2, 3, 5, 3], got["plan"][3]
assert abs(got["plan"][3]["recommended_cost_per_hour"] - (1 + 12 + 15 + 3)) < 1e-9
assert got["plan"][2]["gpus_by_offer"] == [2, 0, 0, 0] and got["plan"][2]["recommended_cost_per_hour"] == 1
# every figure is a sum over rows
rec = got["fleets"]["recommended"]
assert abs(rec["cost"] - sum(row["recommended_cost_per_hour"] for row in got["plan"])) < .01
assert abs(rec["average_gpus"] - sum(row["recommended_gpus"] for row in got["plan"]) / 4) < 1e-4
assert abs(got["comparison"]["increase_over_baseline"] - (rec["cost"] / got["fleets"]["baseline"]["cost"] - 1)) < 1e-3
assert list(got["recommendations"]) == ["capacity_planning", "cost_analysis", "immediate", "short_term", "long_term"]
assert all(isinstance(sentence, str) for section in got["recommendations"].values() for sentence in section)
assert got["scaling_policy"] is None
PYTHON

# Bounds beyond the two quantiles that are told: P95 is theirs; P99 is further out; a likely spike makes the burst.
plan "$work/wide_bounds.csv" --target-utilization 1 --warning-utilization 1 --wide -q >"$work/bounds.csv"
python3 - "$work/bounds.csv" <<'PYTHON' || failed=1
import csv, math, sys
for row in csv.DictReader(open(sys.argv[1])):
    assert abs(float(row["planned_demand"]) - 1500) < 15 and row["recommended_gpus"] == "5", row
    assert abs(float(row["emergency_demand"]) - (1000 + 500 * 2.326 / 1.645)) < 25, row
    assert int(row["burst_ready_gpus"]) == 7, row  # twice 1000
    assert row["decided_by"] == "service level" and float(row["expected_gpus"]) == 4, row
PYTHON

# A series: forecast first, joint paths by what its past errors do, the scaling policy on its history.
plan "$work/series.csv" --horizon 2d --current-gpus 20 --wide -o "$work/series_plan.csv" >"$work/words" 2>"$work/err" || complain "series failed: $(cat "$work/err")"
[ "$(head -n 1 "$work/series_plan.csv" | cut -d, -f1-5)" = "$head" ] || complain "columns: $(head -n 1 "$work/series_plan.csv")"
[ "$(wc -l <"$work/series_plan.csv")" = 49 ] || complain "not 48 rows"
for words in "Capacity planning" "Cost analysis" "Scaling strategy: immediate" "Scaling strategy: short-term" "Scaling strategy: long-term" "Now: 20 GPUs" "Tuned on the part before it" \
    "Premium for protection against spikes"; do
    grep -qF "$words" "$work/words" || complain "not said: $words: $(cat "$work/words")"
done
python3 - "$work" <<'PYTHON' || failed=1
import csv, re, sys
words = open(f"{sys.argv[1]}/words").read()
rows = list(csv.DictReader(open(f"{sys.argv[1]}/series_plan.csv")))
average, peak, at = re.search(r"Recommended: ([\d.]+) GPUs on average, (\d+) at most, at (\S+), for", words).groups()
gpus = [int(row["recommended_gpus"]) for row in rows]
assert abs(float(average) - sum(gpus) / len(gpus)) <= .051 and int(peak) == max(gpus), (average, peak, gpus)
assert rows[gpus.index(max(gpus))]["timestamp"] == at, at
month = float(re.search(r"recommended: ([\d.]+) USD a month", words).group(1))
assert abs(month - 730 * sum(float(row["recommended_cost_per_hour"]) for row in rows) / len(rows)) < 1, month
assert all(int(row["burst_ready_gpus"]) >= int(row["recommended_gpus"]) for row in rows)
assert all(0 < float(row["expected_utilization"]) <= .7 + 1e-6 for row in rows)
least = int(re.search(r"(\d+) GPUs are needed at every hour", words).group(1))
assert least == min(gpus)
PYTHON
plan "$work/series.csv" --horizon 1d --model ridge -q >"$work/a.csv" && plan - --horizon 1d --model ridge -q <"$work/series.csv" >"$work/b.csv" && cmp "$work/a.csv" "$work/b.csv" || complain "not the same bytes twice"
plan "$work/sure.csv" --history "$work/series.csv" --json -q | grep -q '"later_part_tuned"' || complain "no policy from --history"

# The pipe.
"$FOREWARM" synth demand --days 20 | "$FOREWARM" forecast - --horizon 2d --model ridge -q | plan - -q >"$work/pipe.csv" || complain "the pipe failed"
[ "$(head -n 1 "$work/pipe.csv")" = "$head" ] && [ "$(wc -l <"$work/pipe.csv")" = 49 ] || complain "the pipe: $(head -n 3 "$work/pipe.csv")"

refused() { # sentence, arguments
    local sentence=$1
    shift
    plan "$@" >/dev/null 2>"$work/err"
    [ $? -eq 2 ] || complain "$*: not status 2"
    grep -qF -- "$sentence" "$work/err" || complain "$*: $(cat "$work/err")"
}
offers() { # sentence, text
    printf '%s\n' "$2" >"$work/bad.yaml"
    refused "$1" "$work/sure.csv" --offers "$work/bad.yaml"
}
refused 'two rules: found both, expected one' "$work/sure.csv" --buffer 1.3 --service-level 0.9
refused 'service-level' "$work/sure.csv" --service-level 1.5
refused 'found 0.8, expected at most that of --scale-up' "$work/sure.csv" --scale-down 0.8
refused 'the prices are in --offers' "$work/sure.csv" --offers "$work/tiers.yaml" --unit-cost-per-hour 2
refused 'hole.csv: column "expected_value" has no value at 2026-01-01T03:00:00Z, expected one at every step' "$work/hole.csv"
refused 'found 1 columns of quantiles, expected at least two' "$work/one_quantile.csv"
refused 'found two columns of the quantile p95' "$work/twice.csv"
refused 'is the capacity of a unit in the unit of the demand?' "$work/sure.csv" --unit-capacity 0.0001
refused 'nowhere.csv' "$work/nowhere.csv"
offers 'bad.yaml:1:3: price_per_hour: missing' '- {tier: on_demand, region: east}'
exit $failed
