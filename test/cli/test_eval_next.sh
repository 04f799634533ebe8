#!/bin/bash
# eval next from outside: sessions whose scores are worked out by hand, both protocols, plain and zipped, bad files.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() { echo "$*"; failed=1; }
eval_next() { "$FOREWARM" eval next "$@"; }

# p2, markov1 on "1 2 3" four times: the first session has no answers, the other three both right: 6 of 8.
for i in 1 2 3 4; do echo "1 2 3"; done >"$work/same"
eval_next "$work/same" --protocol p2 --json -q >"$work/p2.json" 2>"$work/err" || complain "p2 failed: $(cat "$work/err")"
python3 - "$work/p2.json" <<'PYTHON' || failed=1
import json, sys
answer = json.load(open(sys.argv[1]))
assert answer["protocol"] == "p2" and answer["sessions"] == 4 and answer["items"] == 3, answer
of = {row["name"]: row for row in answer["predictors"]}
assert list(of) == ["mix", "markov1", "sequential", "pattern", "user", "stride", "repeat-last"], list(of)
assert of["markov1"]["accuracy"] == 0.75 and of["markov1"]["coverage"] == 0.75 and of["markov1"]["positions"] == 8
assert of["user"]["accuracy"] == 0.75 and of["mix"]["accuracy"] >= 0.5
# sequential takes 7 as item_7 and needs no history: always right, 3 issued each time, of which 1 is used.
assert of["sequential"]["accuracy"] == 1, of["sequential"]
everything = of["sequential"]["admission"][0]
assert (everything["issued_per_request"], everything["precision"], everything["coverage"]) == (3, 0.3333, 1), everything
for row in of.values():
    assert row["observe_ns_p50"] >= 0 and row["predict_ns_p50"] >= 0 and row["bytes"] >= 0
PYTHON

# F1, F2: strides in names, zeros kept, other strides than one; sequential knows neither zeros nor hyphens.
for i in 1 2 3; do
    echo "img_007 img_008 img_009 img_010 img_011"
    echo "page-100 page-90 page-80 page-70 page-60"
    echo "x_+5 x_+6 x_+7 x_+8 x_+9"
done >"$work/named"
eval_next "$work/named" --predictor stride,repeat-last,sequential --json -q >"$work/named.json" || complain "names failed"
python3 - "$work/named.json" <<'PYTHON' || failed=1
import json, sys
of = {row["name"]: row for row in json.load(open(sys.argv[1]))["predictors"]}
# of a session's four questions the first two come before two confirmations; "+5" is no number.
assert of["stride"]["positions"] == 36 and of["stride"]["coverage"] == round(12 / 36, 4), of["stride"]
assert of["stride"]["accuracy"] == round(12 / 36, 4), of["stride"]
assert of["repeat-last"]["accuracy"] == 0 and of["repeat-last"]["coverage"] == 1
assert of["sequential"]["accuracy"] == 0, of["sequential"]  # it drops the zeros: img_9
PYTHON
gzip -c "$work/same" >"$work/same.gz"
accuracy() { python3 -c 'import json, sys; print(*(p["accuracy"] for p in json.load(sys.stdin)["predictors"]))'; }
[ "$(eval_next - --predictor markov1 --json -q <"$work/same.gz" | accuracy)" = 0.75 ] || complain "zipped sessions on standard input read differently"

# p1 in 2 folds, suffix 2 of 1 2 3 4: after 2 markov1 says 3, which is among the last two; 7 8 is too small; 5 6 5 6 is
# unknown to the fold that tests it.
printf '1 2 3 4\n1 2 3 4\n7 8\n1 2 3 4\n1 2 3 4\n5 6 5 6\n' >"$work/ends"
eval_next "$work/ends" --protocol p1 --folds 2 --suffix 2 --window 3 --predictor markov1,pattern --json -q >"$work/p1.json" || complain "p1 failed"
python3 - "$work/p1.json" <<'PYTHON' || failed=1
import json, sys
markov = json.load(open(sys.argv[1]))["predictors"][0]
assert markov["positions"] == 6 and markov["accuracy"] == 0.6667 and markov["coverage"] == 0.6667, markov
PYTHON
shuffled() { eval_next "$work/ends" --protocol p1 --folds 2 --suffix 2 --shuffles 3 --seed "$1" --json -q | grep -v _ns_; }
shuffled 5 >"$work/a"; shuffled 5 >"$work/b"
cmp -s "$work/a" "$work/b" || complain "the same seed shuffles differently"
grep -q '"positions": 18' "$work/a" || complain "three shuffles do not count three times"

eval_next "$work/same" >"$work/table" 2>/dev/null || complain "the table failed"
for word in "4 sessions of 3 items, protocol p2" "predictor" "hit@1 %" "mix" "markov1" "sequential" "pattern" "user"; do
    grep -qF "$word" "$work/table" || complain "the table lacks \"$word\""
done

refused() { # sentence, arguments
    local sentence=$1
    shift
    eval_next "$@" >/dev/null 2>"$work/err"
    [ $? -eq 2 ] || complain "$*: not status 2"
    grep -qF -- "$sentence" "$work/err" || complain "$*: $(cat "$work/err")"
}
printf '1 2\n\n3 4\n' >"$work/bad"
refused "bad:2: found an empty line, expected a session's items" "$work/bad"
printf '1 2\n3\t4\n' >"$work/bad"
refused "bad:2: item: found the control character 9, expected words" "$work/bad"
{ echo 1; head -c 300 /dev/zero | tr '\0' x; echo; } >"$work/bad"
refused "bad:2: found an item of 300 bytes, expected at most 255" "$work/bad"
: >"$work/bad"
refused "bad:1: found nothing, expected a session a line" "$work/bad"
refused "found 4 sessions, expected at least 14" "$work/same" --protocol p1
refused '--predictor: found "oracle", expected mix' "$work/same" --predictor mix,oracle
"$FOREWARM" eval next "$work/none" >/dev/null 2>&1
[ $? -ge 2 ] || complain "a file that is not there is accepted"
exit $failed
