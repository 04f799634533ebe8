#!/bin/bash
# Several devices in `replay` and `check`: where loads go, and what nonsense gets for an answer (issue: bad input).
set -u
failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

expect() { # STATUS TEXT COMMAND...
    local status=$1 text=$2 out got
    shift 2
    out=$("$@" 2>&1)
    got=$?
    [ $got = "$status" ] && [[ "$out" == *"$text"* ]] && return
    echo "$*: status $got, expected $status and \"$text\""
    echo "$out"
    failed=1
}

# Three models of 10 GiB in turn: two devices hold two of them, four hold all.
{ echo time,resource; for i in $(seq 0 29); do echo "$((i * 120)),m$((i % 3))"; done; } > "$dir/trace.csv"
printf 'resource,memory\n*,10GiB\n' > "$dir/sizes.csv"
replay() { "$FOREWARM" replay -q "$dir/trace.csv" --sizes "$dir/sizes.csv" --policy lru --json "$@"; }
loads() { replay "$@" | python3 -c 'import json, sys; print(json.load(sys.stdin)["policies"][0]["loads"])'; }
two=$(loads --devices 2x12GiB) four=$(loads --devices 4x12GiB) one=$(loads --memory 24GiB)
[ "$two" = "$one" ] && [ "$two" -gt 20 ] || { echo "2x12GiB: $two loads, one of 24GiB: $one"; failed=1; }
[ "$four" = 3 ] || { echo "4x12GiB: $four loads, expected 3"; failed=1; }

# 20 GiB fit on no device of 12, but on two of them together; a bandwidth says what loading takes.
printf 'resource,memory,span\n*,20GiB,2\n' > "$dir/sizes.csv"
wait_s=$(replay --devices 2x12GiB@1GiB/s | python3 -c 'import json, sys
print(json.load(sys.stdin)["policies"][0]["wait_s"]["mean"])')
[ "$wait_s" = 10.0 ] || [ "$wait_s" = 10 ] || { echo "two parts of 10 GiB at 1 GiB/s: $wait_s s, expected 10"; failed=1; }
printf 'resource,memory,span\n*,20GiB,17\n' > "$dir/sizes.csv"
expect 2 'span: found "17", expected 1 to 16 devices' replay --devices 2x12GiB
printf 'resource,memory\n*,-3GiB\n' > "$dir/sizes.csv"
expect 2 'memory: found "-3GiB", expected a size with a unit' replay --devices 2x12GiB
printf 'resource,memory\n*,20GiB\n' > "$dir/sizes.csv"

expect 2 'devices: found "2x24", expected a size with a unit' replay --devices 2x24
expect 2 'devices: found "x24GiB", expected a size with a unit' replay --devices x24GiB
expect 2 'expected 1 to 16 devices before x' replay --devices 99x24GiB
expect 2 'found memory too' replay --devices 2x24GiB --memory 3GiB
expect 2 '--devices and --sizes go together' "$FOREWARM" replay -q "$dir/trace.csv" --devices 2x24GiB
expect 2 '--memory: memory: found "24"' replay --memory 24
expect 2 '--wait-price: wait_price: found "-1"' replay --memory 24GiB --wait-price -1
expect 2 '--idle-price: idle_price: found "-1"' replay --memory 24GiB --idle-price -1
expect 2 '--load-time: load_time: found "11"' replay --memory 24GiB --load-time 11
expect 2 '--load-time: load_time: found "25h"' replay --memory 24GiB --load-time 25h

config() { # what is added at the top, what is added to the resource
    printf '%s\nresources:\n  - {id: a, upstream: "http://127.0.0.1:1", warmer: {kind: none}, %s}\n' "$1" "$2" \
        > "$dir/c.yaml"
}
gpus='devices: [{name: gpu0, memory: 24GiB}, {name: gpu1, memory: 16GiB, bandwidth: 3GB/s, loads: 2}]'
right() { config "$1" "$2"; expect 0 'right' "$FOREWARM" check -c "$dir/c.yaml"; }
wrong() { config "$1" "$2"; expect 1 "$3" "$FOREWARM" check -c "$dir/c.yaml"; }
right "$gpus" 'memory: 20GiB, devices: gpu0'
right "$gpus" 'memory: 30GiB, span: 2, pin: true'
right 'devices: 2x24GiB' 'memory: 20GiB, devices: [device0, device1]'
wrong "$gpus" 'memory: 30GiB' 'memory: found 30GiB, which needs 30GiB on each of 1 device: more than'
wrong "$gpus" 'memory: 34GiB, span: 2' 'which needs 17GiB on each of 2 devices'
wrong "$gpus" 'memory: 20GiB, devices: gpu1' 'more than those it may go to have'
wrong "$gpus" 'memory: 2GiB, devices: gpu7' 'devices: "gpu7" is no device that is configured'
wrong "$gpus" 'memory: 2GiB, span: 2, devices: gpu1' 'span: found 2, but it may go to 1 device only'
wrong '' 'memory: 2GiB, devices: gpu1' 'devices: "gpu1" is no device that is configured'
wrong 'devices: [{name: a, memory: 24}]' 'memory: 2GiB' 'devices: found "a=24", expected a size with a unit'
wrong 'devices: [{name: a}]' 'memory: 2GiB' 'devices.memory: missing'
wrong 'devices: [{name: a, memory: 2GiB, speed: 3}]' 'memory: 2GiB' 'speed: unknown key'
wrong 'devices: [{name: "a b", memory: 2GiB}]' 'memory: 2GiB' 'devices: found'
wrong 'devices: [{memory: 2GiB}, {name: device0, memory: 2GiB}]' 'memory: 2GiB' 'is there twice'
printf 'devices: 2x24GiB\nmemory: 3GiB\n' > "$dir/top"
wrong "$(cat "$dir/top")" 'memory: 2GiB' 'found memory too'

# Load times: none at all and a day are allowed, more is not, wherever they are given.
for time in 0s 24h; do
    right "load_time: $time" "memory: 2GiB, load_time: $time, levels: [{name: host, host_memory: 1GiB, load_time: $time, up: x}]"
done
wrong 'load_time: 25h' 'memory: 2GiB' 'load_time: found "25h", expected a duration with its unit, such as 90s or 1h30m, from 0s to 1d'
wrong '' 'memory: 2GiB, load_time: 25h' 'load_time: found "25h"'
wrong '' 'memory: 2GiB, load_time: -1s' 'load_time: found "-1s"'
wrong '' 'memory: 2GiB, load_time: 1' 'load_time: found "1"'
loaded() { # POLICY LOAD-TIME: mean wait of four requests, and how many were refused
    "$FOREWARM" replay -q "$dir/four.csv" --sizes "$dir/sizes.csv" --memory 12GiB --policy "$1" --load-time "$2" --json | python3 -c '
import json, sys
policy = json.load(sys.stdin)["policies"][0]
print(policy["requests"], policy["wait_s"]["mean"], policy["cold"])'
}
printf 'resource,memory\n*,10GiB\n' > "$dir/sizes.csv"
printf 'time,resource\n0,a\n100,a\n200,b\n5000,a\n' > "$dir/four.csv"
for policy in planner lru ttl:10m median hybrid breakeven cold; do
    found=$(loaded $policy 0s)
    [[ "$found" == "4 0 "* || "$found" == "4 0.0 "* ]] || { echo "$policy, no load time: found $found, expected 4 requests that wait for nothing"; failed=1; }
done
for policy in planner lru ttl:10m; do # a's three wait for one load of a day, b's for that and its own
    found=$(loaded $policy 24h)
    [ "$found" = "4 106675.0 4" ] || [ "$found" = "4 106675 4" ] || { echo "$policy, a load of a day: found $found, expected 4 106675.0 4"; failed=1; }
done
printf 'load_s\n86400\n0\n' > "$dir/loads.csv"
expect 0 '' replay --memory 24GiB --load-times "$dir/loads.csv"
printf 'load_s\n86401\n' > "$dir/loads.csv"
expect 2 'loads.csv:2: load time: found "86401", expected a number from 0 to a day' replay --memory 24GiB --load-times "$dir/loads.csv"

# A pinned set that fits by the sum of its sizes, but not side by side; and one that does not fit at all.
pins() { # SIZE SIZE SIZE
    printf 'devices: 2x24GiB\nresources:\n'
    for size in "$@"; do
        printf '  - {id: r%s, upstream: "http://127.0.0.1:1", warmer: {kind: none}, memory: %sGiB, pin: true}\n' \
            "$((n += 1))" "$size"
    done
}
n=0
pins 14 14 14 > "$dir/c.yaml"
expect 1 'pin: the pinned resources need 42GiB together and find no place side by side' "$FOREWARM" check -c "$dir/c.yaml"
pins 24 24 24 > "$dir/c.yaml"
expect 1 'pin: the pinned resources need 72GiB together, the devices have 48GiB' "$FOREWARM" check -c "$dir/c.yaml"
pins 24 12 12 > "$dir/c.yaml"
expect 0 'right' "$FOREWARM" check -c "$dir/c.yaml"
exit $failed
