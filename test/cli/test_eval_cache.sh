#!/bin/bash
# eval cache: small traces by hand, errors with their place, and on the public traces LRU against stack distances that are
# counted here, and the published rows of libCacheSim (0252dcf) for cloudPhysicsIO. The public part needs FOREWARM_DATA.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() { echo "$*"; failed=1; }
printf '1\n2\n1\n3\n1\n2\n' >"$work/six"
"$FOREWARM" eval cache "$work/six" --size 2 --cache lru --prefetch none | grep -qE '^lru +none +0\.6667 ' || complain "LRU of two keys does not miss 4 of 6"
"$FOREWARM" eval cache "$work/six" --size 50% --json | python3 -c '
import json, sys
answer = json.load(sys.stdin)
assert answer["capacity"] == 1 and answer["unit"] == "keys" and answer["renumbered"], answer
assert len(answer["runs"]) == 16 and set(answer["bounds"]) == {"belady", "seen", "clairvoyant"}, answer
for run in answer["runs"]:
    assert run["issued"] == run["used"] + run["late"] + run["unused"] + run["pending"], run' || complain "the summary is wrong"
refused() { # FILE FLAGS WORDS: exit status 2 and the words
    "$FOREWARM" eval cache "$work/$1" $2 >/dev/null 2>"$work/err"
    [ $? -eq 2 ] && grep -qF -- "$3" "$work/err" || complain "$1 $2: $(cat "$work/err")"
}
printf '1\n2\nx9\n' >"$work/bad"
printf 'key,size\n1,5\n2\n' >"$work/short.csv"
refused bad "--size 5" "bad:3: key: found \"x9\", expected a whole number"
refused short.csv "--size 5" "short.csv:3: found 1 fields, expected 2"
refused six "" "--size is missing"
refused six "--size 1MiB" "the trace has no sizes"
refused six "--size 0" "--size: found \"0\""
printf '1\n2\0003\n' >"$work/nul"
printf 'key,time\n1,5\n2,-1\n' >"$work/minus.csv"
printf 'key,time\n1,5\n2,1e300\n' >"$work/huge.csv"
printf '*\n*\n' >"$work/marks"
seq 5000 | gzip | head -c 3000 >"$work/cut.gz"
refused nul "--size 5" 'nul:2: key: found "2?3", expected a whole number'
refused minus.csv "--size 5" 'minus.csv:3: time: found "-1"'
refused huge.csv "--size 5" 'huge.csv:3: time: found "1e300"'
refused marks "--size 5" "found no requests"
refused cut.gz "--size 5" "the compressed data ends early"
refused six "--size 5 --interval 3601s" "--interval"
refused six "--size 5 --score-from 1" "--score-from"
"$FOREWARM" eval cache "$work/none" --size 5 2>"$work/err"
[ $? -ne 0 ] && grep -q "$work/none" "$work/err" || complain "a file that is not there: $(cat "$work/err")"
data=${FOREWARM_DATA:-$FOREWARM_SOURCE/../shared/data}/cache
if [ ! -f "$data/lirs_sprite.trace.gz" ]; then
    [ $failed -eq 0 ] || exit 1
    echo "SKIPPED the public traces: none at $data; set FOREWARM_DATA to the folder that holds cache/"
    exit 77
fi
python3 - "$data" <<'PYTHON' || failed=1
import gzip, json, os, subprocess, sys

def evaluate(name, size, prefetch="all"):
    command = [os.environ["FOREWARM"], "eval", "cache", f"{sys.argv[1]}/{name}", "--size", str(size), "--prefetch", prefetch, "--json"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer, {(run["cache"], run["prefetch"]): run for run in answer["runs"]}

def lru_misses(keys, sizes):
    """Stack distances (Mattson et al., 1970) with a Fenwick tree, O(n log n)."""
    tree, last, misses = [0] * (len(keys) + 1), {}, dict.fromkeys(sizes, 0)
    def add(at, by):
        while at < len(tree):
            tree[at] += by
            at += at & -at
    def below(at):
        total = 0
        while at:
            total += tree[at]
            at &= at - 1
        return total
    for at, key in enumerate(keys, 1):
        before = last.get(key)
        distance = below(at - 1) - below(before) if before else float("inf")
        for size in sizes:
            misses[size] += distance >= size
        if before:
            add(before, -1)
        add(at, 1)
        last[key] = at
    return misses

worst = 0
for name in ("sprite", "2_pools", "multi2", "cs", "gli", "ps"):
    name = f"lirs_{name}.trace.gz"
    keys = [int(line) for line in gzip.open(f"{sys.argv[1]}/{name}", "rt") if line.strip() not in ("", "*")]
    different = len(set(keys))
    sizes = (different // 100, different // 10) if different < 5000 else (different // 10 if "sprite" in name else different // 100,)
    for size, misses in lru_misses(keys, sizes).items():
        answer, runs = evaluate(name, size)
        assert answer["requests"] == len(keys) and answer["keys"] == different, answer
        assert runs["lru", "none"]["misses"] == misses, (name, size, misses, runs["lru", "none"])
        best = min(runs[cache, "none"]["miss_ratio"] for cache in ("lru", "sieve", "s3fifo"))
        if "2_pools" in name:  # nothing to foresee: little is loaded for it, and nobody waits longer
            for cache in ("lru", "sieve", "s3fifo"):
                run = runs[cache, "mix"]
                worst = max(worst, run["extra_traffic"], runs[cache, "sequential"]["extra_traffic"])
                assert run["wait_s"]["mean"] <= 1.002 * run["wait_without_s"]["mean"], (name, run)
                assert run["wait_s"]["p95"] <= run["wait_without_s"]["p95"], (name, run)
        else:
            assert runs["s3fifo", "mix"]["miss_ratio"] <= best, (name, size, best, runs["s3fifo", "mix"])
            assert runs["s3fifo", "mix"]["accuracy"] >= .7, (name, size, runs["s3fifo", "mix"])
        if "cs" in name or "gli" in name:
            assert best > .98 and runs["lru", "sequential"]["miss_ratio"] < .2 and runs["s3fifo", "mix"]["miss_ratio"] < .1, (name, runs)
assert worst <= .02, worst
published = {20: (.8330, .8226, .8220), 40: (.8287, .8185, .8173), 200: (.8003, .7807, .7270), 410: (.7272, .6789, .6710),
             800: (.6330, .5734, .6197)}
best_published_ahead = {20: .7189, 40: .7103, 200: .6809, 410: .6265, 800: .562}
for size, ratios in published.items():
    _, runs = evaluate("cloudPhysicsIO.csv.gz", f"{size}MiB", "all" if size in (20, 800) else "none")
    for cache, ratio in zip(("lru", "sieve", "s3fifo"), ratios):
        assert abs(runs[cache, "none"]["miss_ratio"] - ratio) < .0001, (size, cache, runs[cache, "none"])
        if size not in (20, 800):
            continue
        assert runs[cache, "sequential"]["miss_ratio"] < best_published_ahead[size], (size, cache)
        for prefetch in ("sequential", "mix"):
            assert runs[cache, prefetch]["accuracy"] >= .7, (size, cache, prefetch)
        assert runs[cache, "mix"]["misses"] < runs[cache, "sequential"]["misses"], (size, cache)
        assert runs[cache, "pattern"]["misses"] > runs[cache, "mix"]["misses"], (size, cache)
    assert abs(runs["lirs", "none"]["miss_ratio"] - {20: .8207, 40: .8154, 200: .7181, 410: .6410, 800: .5531}[size]) < .03, size
PYTHON
exit $failed
