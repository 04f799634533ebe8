#!/bin/bash
# synth requests: what it writes can be replayed, with the names and load times that were asked for.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() { echo "$*"; failed=1; }
"$FOREWARM" synth requests --seed 5 --duration 60s --compress 60s --rate 5 --think 1s --names small,large,huge \
    --load-law lora --load-times "$work/loads.csv" -o "$work/trace.csv" || complain "synth failed"
"$FOREWARM" synth requests --seed 5 --duration 60s --compress 60s --rate 5 --think 1s --names small,large,huge >"$work/again.csv"
cmp "$work/trace.csv" "$work/again.csv" || complain "the same seed wrote something else"
[ "$(head -1 "$work/trace.csv")" = time,resource,session,duration ] || complain "the header is $(head -1 "$work/trace.csv")"
"$FOREWARM" replay "$work/trace.csv" --load-times "$work/loads.csv" --policy ttl:10s,planner --json >"$work/replay.json" || complain "its trace cannot be replayed"
python3 - "$work/replay.json" <<'PYTHON' || failed=1
import json, sys
trace = json.load(open(sys.argv[1]))["trace"]
assert trace["resources"] == 3 and 150 < trace["requests"] < 600 and trace["skipped"] == 0, trace
PYTHON
printf 'client,t_s,rate_rps,cv,dist,p1,p2\n1,0,0.5,1,Gamma,0.8,1\n' >"$work/clients.csv"
"$FOREWARM" synth requests --profile servegen --clients "$work/clients.csv" | grep -c client-1 | grep -qE '^[23][0-9]{2}$' ||
    complain "600 s at 0.5 a second are not about 300 requests"
"$FOREWARM" synth requests --profile servegen 2>"$work/err"
[ $? -eq 2 ] && grep -q -- "--clients" "$work/err" || complain "servegen without clients: $(cat "$work/err")"
"$FOREWARM" synth requests --start 2024-11-15T00:00:00Z | sed -n 2p | grep -q ^17316 || complain "--start is not heeded"
"$FOREWARM" synth requests -o "$work/none/x" 2>"$work/err"
[ $? -eq 3 ] && grep -q "none/x" "$work/err" || complain "a folder that is not there: $(cat "$work/err")"
"$FOREWARM" synth requests -o /dev/null && [ -c /dev/null ] || complain "a device was replaced by a file"
exit $failed
