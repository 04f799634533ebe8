#!/bin/bash
# hints learn and hints lookup from outside, default mode: fixed pipelines, names with slashes, files of every kind, state, and
# what is said of bad input: file, line or run, call, field, what was found and what was expected.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() { echo "$*"; failed=1; }
hints() { "$FOREWARM" hints "$@"; }

python3 - "$work" <<'PYTHON'
import gzip, json, sys
work = sys.argv[1]
def at(s): return f"2026-03-31T12:{int(s) // 60:02d}:{s % 60:06.3f}Z"
runs = []
for number in range(20):
    calls = [{"kind": "llm", "name": name, "path": ["wf", "team/α"], "started_at": at(3 * i), "ended_at": at(3 * i + 1),
              "output_tokens": 10 * (i + 1)} for i, name in enumerate(["plan", "meta/llama-3.1-8b", "tell"])]
    calls.insert(1, {"kind": "tool", "name": "search", "started_at": at(1), "ended_at": at(2)})
    runs.append({"id": f"r{number}", "agent_id": "a", "calls": calls, "started_at": at(0), "ended_at": at(9)})
with open(f"{work}/runs.jsonl", "w") as out:
    out.writelines(json.dumps(run) + "\n" for run in runs)
with open(f"{work}/runs.json", "w") as out:
    json.dump({"agent_id": "a", "config": {"sensitivity_scale": 7}, "runs": runs,
               "lookups": [{"path": ["wf", "team/α", "plan"], "call_index": 1}, {"path": [], "call_index": 2}]}, out, indent=1)
with gzip.open(f"{work}/runs.jsonl.gz", "wt") as out:
    out.writelines(json.dumps(run) + "\n" for run in runs + runs[:3])
PYTHON

hints learn "$work/runs.jsonl" -o "$work/a.json" --state "$work/a.state" || complain "learn failed"
hints learn "$work/runs.jsonl.gz" -o "$work/b.json" --json -q >"$work/b.summary" || complain "learn of .gz failed"
hints learn - -o "$work/c.json" <"$work/runs.json" || complain "learn of a document from standard input failed"
hints lookup "$work/a.json" --call 1 --path wf --path "team/α" --path=meta/llama-3.1-8b --ordinal 2 >"$work/one" || complain "lookup failed"
hints lookup "$work/c.json" --lookups "$work/runs.json" >"$work/many" || complain "lookups failed"
hints lookup "$work/a.json" --call 1 --path wf --path "team/α" --path tell --ordinal 3 --mark 1 --dialect legacy >"$work/last" || complain "lookup failed"
python3 - "$work" <<'PYTHON' || failed=1
import json, sys
work = sys.argv[1]
read = lambda name: json.load(open(f"{work}/{name}"))
a, b = read("a.json"), read("b.json")
assert a["version"] == "1.0" and a["workflow_name"] == "a" and a["root"] == b["root"], "the same runs, another trie"
summary = read("b.summary")
assert (summary["runs"], summary["calls"], summary["duplicates"]) == (20, 60, 3), summary
one = read("one")
assert one["path"] == ["wf", "team/α", "meta/llama-3.1-8b"] and one["matched"] == {"depth": 3, "call_index": 1, "sample_count": 20}
assert one["prediction"]["remaining_calls"] == {"sample_count": 20, "mean": 1, "p50": 1, "p90": 1, "p95": 1}, one
hints = one["hints"]
assert (hints["osl"], hints["iat"], hints["total_requests"], hints["last"]) == (20, 2000, 3, False), hints
assert 1 <= hints["latency_sensitivity"] == hints["priority"] <= 5 and len(hints["prefix_id"]) == 16, hints
many = read("many")
assert [m["call_index"] for m in many] == [1, 2] and many[0]["hints"]["total_requests"] == 3, many
assert many[1]["path"] == [] and many[1]["matched"] == {"depth": 0, "call_index": None, "sample_count": 60}, many
last = read("last")["hints"]  # D15: no calls remain; D16: the mark wins; D3: lower matters more
assert last["last"] is True and last["total_requests"] == 3 and "iat" not in last, last
assert (last["latency_sensitivity"], last["priority"]) == (1, 4), last
PYTHON

# A fixed pipeline, other runs than those learned: nothing is off. Groups stay on one side.
"$FOREWARM" eval hints "$work/runs.jsonl" --split 0.8 --json >"$work/eval" || complain "eval failed"
"$FOREWARM" eval hints "$work/runs.jsonl" --split 0.25 --group agent_id 2>"$work/err" && complain "one group is parted"
grep -q 'found 1 groups, expected enough for both sides' "$work/err" || complain "found: $(cat "$work/err")"
python3 - "$work/eval" <<'PYTHON' || failed=1
import json, sys
answer = json.load(open(sys.argv[1]))
assert (answer["runs_learned"], answer["runs_asked"], answer["calls"]) == (16, 4, 12), answer
of = {way["name"]: way for way in answer["ways"]}
ours = of["ours"]
assert ours["answered"] == 1 and ours["remaining_mae"] == 0 and ours["total_requests_mae"] == 0, ours
assert ours["output_tokens_pinball_90"] == 0 and ours["interarrival_ms_mae"] == 0, ours
assert of["average"]["remaining_mae"] > 0.6 and of["relay-as-wired"]["total_requests_mae"] > 4, of  # D1, D2
PYTHON

# What lies beside calls: tools side by side, and prompts that stay the same.
python3 - "$work" <<'PYTHON'
import json, sys
def at(s): return f"2026-03-31T12:00:{s:06.3f}Z"
with open(sys.argv[1] + "/beside.jsonl", "w") as out:
    for number in range(30):
        request = {"tools": [{"name": "web", "text": "t" * 6000}],
                   "messages": [{"role": "system", "content": "s" * 2000}, {"role": "user", "content": f"question {number}"}]}
        calls = [{"kind": "llm", "name": "m", "model_name": "gpt", "started_at": at(0), "annotated_request": request},
                 {"kind": "tool", "name": "web", "started_at": at(1), "ended_at": at(3)},
                 {"kind": "tool", "name": "db", "started_at": at(2), "ended_at": at(4)},
                 {"kind": "llm", "name": "m", "model_name": "gpt", "started_at": at(5)}]
        out.write(json.dumps({"id": str(number), "agent_id": "a", "started_at": at(0), "calls": calls}) + "\n")
PYTHON
hints groups "$work/beside.jsonl" --json >"$work/groups" || complain "groups failed"
hints prompts "$work/beside.jsonl" --json >"$work/prompts" || complain "prompts failed"
hints groups "$work/beside.jsonl" | grep -q 'db|web' || complain "groups says nothing of db|web"
hints prompts "$work/beside.jsonl" | grep -q 'the first 2 blocks stay' || complain "prompts says nothing of 2 blocks"
hints prompts "$work/runs.jsonl" | grep -q 'no call has' || complain "prompts without requests"
python3 - "$work" <<'PYTHON' || failed=1
import hashlib, json, sys
groups = json.load(open(sys.argv[1] + "/groups"))["groups"]
wanted = "fanout:" + hashlib.sha256(b"db|web").hexdigest()[:12]
assert groups == [{"group_id": wanted, "tool_names": ["db", "web"], "seen": 30, "warm_first_from": 5}], groups
answer = json.load(open(sys.argv[1] + "/prompts"))
assert answer["calls_without_request"] == 30, answer
prompt, = answer["prompts"]
assert (prompt["agent"], prompt["model"], prompt["requests"], prompt["stable_blocks"]) == ("a", "gpt", 30, 2), prompt
assert prompt["worth_caching"] and 2000 < prompt["stable_tokens"] < 2100, prompt
assert [b["class"] for b in prompt["blocks"]] == ["stable", "stable", "variable"], prompt
PYTHON

# bad ERROR_PART LINE...: the file of these lines is refused with exit status 2 and these words.
bad() {
    local words=$1
    shift
    printf '%s\n' "$@" >"$work/bad"
    hints learn "$work/bad" -o "$work/none.json" 2>"$work/err"
    local status=$?
    [ $status -eq 2 ] || complain "exit $status, not 2, for: $words"
    grep -qF -- "$words" "$work/err" || complain "expected \"$words\", found: $(cat "$work/err")"
    [ ! -e "$work/none.json" ] || complain "a trie of bad runs was written"
}
good='{"id":"r","agent_id":"a","started_at":"2026-03-31T12:00:00Z","calls":[]}'
run() { echo "{\"id\":\"r\",\"agent_id\":\"a\",\"started_at\":\"2026-03-31T12:00:00Z\",\"calls\":[$1]}"; }
bad 'bad:2:' "$good" '{"id":'
bad 'bad:2: found [], expected an object' "$good" '[]'
bad 'bad:2: calls: found nothing, expected a list of calls' "$good" '{"agent_id":"a"}'
bad 'bad:1: agent_id: found nothing' '{"started_at":"2026-03-31T12:00:00Z","calls":[]}'
bad 'bad:1: calls[0].kind: found "rpc", expected "llm" or "tool"' "$(run '{"kind":"rpc","name":"x"}')"
bad 'calls[0].started_at: found "soon", expected an RFC 3339 time' "$(run '{"kind":"llm","name":"x","started_at":"soon"}')"
bad 'calls[0].ended_at: found "2026-03-31T11:00:00Z", expected a time at or after started_at' \
    "$(run '{"kind":"llm","name":"x","started_at":"2026-03-31T12:00:00Z","ended_at":"2026-03-31T11:00:00Z"}')"
bad 'calls[0].started_at: found "1749-01-01T00:00:00Z", expected a time since 1970' \
    "$(run '{"kind":"llm","name":"x","started_at":"1749-01-01T00:00:00Z"}')"
bad 'calls[0].output_tokens: found -1, expected a whole number' \
    "$(run '{"kind":"llm","name":"x","started_at":"2026-03-31T12:00:00Z","output_tokens":-1}')"
bad 'duplicate object key' '{"id":"r","id":"s"}'
bad '\u0000' "$(run '{"kind":"llm","name":"x\u0000y"}')"
bad 'calls[0].name: found "nnnn' "$(run "{\"kind\":\"llm\",\"name\":\"$(head -c 1048576 /dev/zero | tr '\0' n)\"}")"
bad 'calls[0].path: found 10000 scopes, expected at most 1024' "$(run "{\"kind\":\"llm\",\"name\":\"x\",\"started_at\":\"2026-03-31T12:00:00Z\",\"path\":[$(yes '"s"' | head -10000 | paste -sd,)]}")"
bad 'calls: found 1000000 calls, expected at most 65536' "$(run "$(yes '{}' | head -1000000 | paste -sd,)")"
bad 'runs of the agents "a" and "b": say which with --agent' "$good" "${good/\"a\"/\"b\"}"
bad 'config.w_critical: found -1, expected a number from 0' '{"config":{"w_critical":-1},"runs":[]}'
bad 'runs[0].calls[0].name: found nothing' "{\"runs\":[$(run '{"kind":"llm"}')]}"
hints learn "$work/runs.jsonl" -o "$work/x.json" --w-critical 0 --w-fanout 0 --w-position 0 2>"$work/err"
[ $? -eq 2 ] && grep -q 'at least one above' "$work/err" || complain "weights of 0 are taken: $(cat "$work/err")"

# Cyclic parents and unfinished calls are no harm: parents only say who are siblings.
run '{"kind":"llm","name":"x","id":"1","parent_id":"2","started_at":"2026-03-31T12:00:00Z"},{"kind":"llm","name":"y","id":"2","parent_id":"1","started_at":"2026-03-31T12:00:01Z"}' >"$work/cycle"
hints learn "$work/cycle" -o "$work/cycle.json" --w-parallel 1 || complain "cyclic parents are refused"

# lookup BAD: a trie that is none.
lookup_bad() {
    printf '%s' "$2" >"$work/trie"
    hints lookup "$work/trie" 2>"$work/err"
    [ $? -eq 2 ] || complain "a bad trie is taken: $2"
    grep -qF -- "$1" "$work/err" || complain "expected \"$1\", found: $(cat "$work/err")"
}
lookup_bad 'version: found "2.0", expected "1.0"' '{"version":"2.0","root":{}}'
lookup_bad 'root: found nothing' '{"version":"1.0"}'
lookup_bad 'root.children["a"].predictions_any_index.output_tokens.mean: found "x", expected a number' \
    '{"version":"1.0","root":{"children":{"a":{"predictions_any_index":{"output_tokens":{"mean":"x"}}}}}}'
lookup_bad 'predictions_by_call_index["one"]' '{"version":"1.0","root":{"predictions_by_call_index":{"one":{}}}}'
[ $failed -eq 0 ] && echo "ok"
exit $failed
