#!/bin/bash
# The public GenTD26 trace (alibaba/clusterdata, cluster-trace-v2026-GenAI) up to 2024-12-01: figures that were worked out
# without this program, first touches cold, idle counted to the end of the trace. Needs FOREWARM_DATA.
data=${FOREWARM_DATA:-$FOREWARM_SOURCE/../shared/data}
trace=$data/arrivals/gentd26_requests_to_20241201.csv.gz
if [ ! -f "$trace" ]; then
    echo "SKIPPED: no trace at $trace; set FOREWARM_DATA to the folder that holds arrivals/"
    exit 77
fi
exec python3 - "$trace" <<'PYTHON'
import csv, datetime, gzip, json, os, subprocess, sys, time

def replay(*flags):
    command = [os.environ["FOREWARM"], "replay", sys.argv[1], "--columns",
               "time=gmt_create,resource=checkpoint_model_version_id,session=groupId", "--skip-bad-rows", "--json", *flags]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

# Independently: requests by model, and what a time to live comes to when loading takes no time.
stamps, without, last = {}, 0, 0
for row in csv.DictReader(gzip.open(sys.argv[1], "rt")):
    at = datetime.datetime.fromisoformat(row["gmt_create"] + "+00:00").timestamp()
    if row["checkpoint_model_version_id"]:
        stamps.setdefault(row["checkpoint_model_version_id"], []).append(at)
        last = max(last, at)
    else:
        without += 1
requests = sum(map(len, stamps.values()))

def expected(ttl):
    cold = idle = 0
    for times in map(sorted, stamps.values()):
        cold += 1
        for a, b in zip(times, times[1:]):
            cold += b - a >= ttl
            idle += min(b - a, ttl)
        idle += min(ttl, last - times[-1])
    return cold, idle

ttls = (60, 300, 600, 1800, 3600)
found = replay("--load-time", "0s", "--policy", ",".join(f"ttl:{t}s" for t in ttls))
assert found["trace"]["skipped"] == without and found["trace"]["requests"] == requests, found["trace"]
for ttl, policy in zip(ttls, found["policies"]):
    assert (policy["cold"], policy["idle_s"]) == expected(ttl), (policy, expected(ttl))
    print(f"ttl {ttl} s: cold {policy['cold_pct']:.2f} %, idle {policy['idle_s'] / requests:.1f} s a request")
# The figures that are quoted for this trace.
for ttl, cold, idle in ((300, 23.8, 127), (600, 17.3, 187), (3600, 7.1, 485)):
    policy = found["policies"][ttls.index(ttl)]
    assert abs(policy["cold_pct"] - cold) < 0.1 and abs(policy["idle_s"] / requests - idle) < 1, policy

began = time.monotonic()
table = replay("--load-time", "11s")
print(f"the whole table of {len(table['policies'])} policies in {time.monotonic() - began:.2f} s")
assert len(table["policies"]) >= 10
by_name = {policy["name"]: policy for policy in table["policies"]}
assert by_name["cold"]["cold"] == requests
assert by_name["oracle"]["cost"] < by_name["oracle-reactive"]["cost"] < by_name["ttl:10m"]["cost"]
assert by_name["planner"]["cost"] < by_name["ttl:10m"]["cost"]
PYTHON
