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
assert list(of) == ["mix", "mix-user", "markov1", "sequential", "pattern", "user", "stride", "repeat-last"], list(of)
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
# holdout: counts from the first two sessions alone. 1 -> 2 and 2 -> 3 are right, 4 is unknown, 1 -> 3 is not foretold, of 3
# nothing is known, though it came before in the test.
printf '1 2 3\n1 2 3\n1 2 3\n4 5\n1 3 2\n1 3 2\n' >"$work/held"
eval_next "$work/held" --protocol holdout --train-sessions 2 --apart 2 --predictor markov1,mix,stride --json -q >"$work/held.json" || complain "holdout failed"
python3 - "$work/held.json" <<'PYTHON' || failed=1
import json, sys
answer = json.load(open(sys.argv[1]))
of = {row["name"]: row for row in answer["predictors"]}
markov = of["markov1"]
assert answer["protocol"] == "holdout" and markov["positions"] == 7, markov
assert (markov["accuracy"], markov["hit_at_20"], markov["coverage"]) == (0.2857, 0.2857, 0.5714), markov
assert (markov["first"]["positions"], markov["first"]["accuracy"]) == (2, 1), markov
assert of["mix"]["coverage"] == 1 and of["mix"]["first"]["accuracy"] == 1
assert of["stride"]["coverage"] == 0  # 1 2 3 is two steps, and nothing is asked after it
PYTHON

# CSV, rows in any order, two users at once: x x y and z z.
printf 'at,who,what\n2024-01-01T00:00:00Z,a,x\n2024-01-01T00:00:02Z,a,x\n2024-01-01T00:00:01Z,b,z\n2024-01-01T00:00:03Z,a,y\n2024-01-01T00:00:04Z,b,z\n' >"$work/rows.csv"
told() { eval_next "$work/rows.csv" --columns "${columns:-time=at,user=who,item=what}" --predictor repeat-last,markov1 --json -q "$@" |
    python3 -c 'import json, sys; a = json.load(sys.stdin); print(a["sessions"], a["users"], *(x for p in a["predictors"] for x in (p["positions"], p["accuracy"], p["coverage"])))'; }
equal() { [ "$1" = "$2" ] || complain "found $1, expected $2"; }
equal "$(told)" "2 2 3 0.6667 1.0 3 0.0 0.3333"
equal "$(told --score-from 2024-01-01T00:00:03Z)" "2 2 2 0.5 1.0 2 0.0 0.5"
equal "$(told --firsts)" "2 2 5 0.4 0.6 5 0.0 0.2"
equal "$(told --idle 2s)" "4 2 1 0.0 1.0 1 0.0 0.0"
equal "$(columns=item=what,session=who told)" "2 2 3 0.6667 1.0 3 0.0 0.3333"
printf '2024-01-01T00:00:09Z,a,\nnever,a,x\n' >>"$work/rows.csv"
equal "$(told --skip-bad-rows)" "2 2 3 0.6667 1.0 3 0.0 0.3333"

# F1: each user has habits: a goes x y, b goes x z, who comes is drawn; with users both are foretold, without only one can be.
python3 -c '
import random
draw = random.Random(1)
print("t,u,i")
for n in range(400):
    user = draw.choice("ab")
    print(f"{10 * n},{user},x\n{10 * n + 1},{user},{chr(ord(user) + 24)}")' >"$work/habits.csv"
eval_next "$work/habits.csv" --columns time=t,user=u,item=i --idle 5s --score-from 2000 --predictor mix,mix-user --json -q >"$work/habits.json" || complain "habits failed"
python3 - "$work/habits.json" <<'PYTHON' || failed=1
import json, sys
answer = json.load(open(sys.argv[1]))
mix, own = answer["predictors"]
assert (answer["users"], answer["sessions"], own["positions"]) == (2, 400, 200), answer
assert own["accuracy"] == 1 and mix["accuracy"] < 0.7, (mix, own)
PYTHON

shuffled() { eval_next "$work/ends" --protocol p1 --folds 2 --suffix 2 --window 3 --shuffles 3 --seed "$1" --json -q | grep -v _ns_; }
shuffled 5 >"$work/a"; shuffled 5 >"$work/b"
cmp -s "$work/a" "$work/b" || complain "the same seed shuffles differently"
grep -q '"positions": 18' "$work/a" || complain "three shuffles do not count three times"

python3 - "$work/a" <<'PYTHON' || failed=1
import json, statistics, sys
for row in json.load(open(sys.argv[1]))["predictors"]:
    orders = row["accuracy_by_order"]
    assert len(orders) == 3 and abs(statistics.mean(orders) - row["accuracy"]) < 2e-4, row
    assert abs(statistics.stdev(orders) - row["accuracy_sd"]) < 2e-4, row
    if row["name"] == "markov1":
        assert orders[0] == 0.6667, orders  # the file's own order is the first
PYTHON

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
refused "--protocol holdout: found no part to learn from" "$work/same" --protocol holdout
refused "found nothing after the part to learn from, of 12 items" "$work/same" --protocol holdout --train-sessions 4
refused "--score-from: found no time=" "$work/same" --score-from 2024-01-01
refused 'rows.csv:7: item: found "", expected something' "$work/rows.csv" --columns time=at,user=who,item=what
sed -i 7d "$work/rows.csv"
refused 'rows.csv:7: time: found "never", expected a time' "$work/rows.csv" --columns time=at,user=who,item=what
refused 'rows.csv:1: found no column "model" for item' "$work/rows.csv" --columns user=who,item=model
refused '--columns: found "thing=what", expected item=' "$work/rows.csv" --columns thing=what
refused '--columns: found "item=what", expected item= and one of user=' "$work/rows.csv" --columns item=what
refused "--idle: found no time= in --columns" "$work/rows.csv" --columns item=what,user=who --idle 1s
refused '--score-from: found "soon", expected an instant' "$work/rows.csv" --columns time=at,user=who,item=what --skip-bad-rows --score-from soon
# Little, huge and strange input, every predictor and protocol: read or refused with file and line, never more.
accepted() { eval_next "$@" -q >/dev/null 2>"$work/err" || complain "$*: $(cat "$work/err")"; }
echo 7 >"$work/item"
printf '1\n2\n3\n4\n' >"$work/ones"
printf '99999999999999999999999999 18446744073709551615 4294967296\n99999999999999999999999999 18446744073709551615 4294967296\n' >"$work/huge"
printf '\xff\xfe \xc3\x28\n\xff\xfe_1 \xff\xfe_2 \xff\xfe_3 \xff\xfe_4' >"$work/bytes"
printf 'a b\r\nc d\r\n' >"$work/crlf"
for file in item ones huge bytes crlf; do
    accepted "$work/$file"
    [ "$file" = item ] || accepted "$work/$file" --protocol p1 --folds 2 --suffix 3
    [ "$file" = item ] || accepted "$work/$file" --protocol holdout --train-sessions 1 --firsts
done
refused "found nothing after the part to learn from, of 1 items" "$work/item" --protocol holdout --train-sessions 1
seq -s ' ' 1 1500000 >"$work/line" # 10 MB
accepted "$work/line" --predictor markov1,repeat-last
printf '1 2\n1 \0 2\n' >"$work/bad"
refused "bad:2: item: found the control character 0, expected words" "$work/bad"
{ echo a b; head -c 65536 /dev/zero | tr '\0' x; echo; } >"$work/bad"
refused "bad:2: found an item of 65536 bytes, expected at most 255" "$work/bad"
seq -s ' ' 1 1000 | gzip >"$work/whole.gz"
head -c 300 "$work/whole.gz" >"$work/torn.gz"
refused "torn.gz: the compressed data ends early, after" "$work/torn.gz"
: | gzip >"$work/empty.gz"
refused "empty.gz:1: found nothing, expected a session a line" "$work/empty.gz"
refused "empty.gz:1: found nothing, expected CSV with a header" "$work/empty.gz" --columns item=i,user=u
printf '\n\n' >"$work/bad"
refused "bad:1: found an empty line" "$work/bad"
printf 'i,u\n' >"$work/bad"
refused "bad: found no event, expected a header and rows" "$work/bad" --columns item=i,user=u
printf 'i,u\nx,a\ny\n' >"$work/bad"
refused 'bad:3: user: found "", expected a row with as many fields as the header' "$work/bad" --columns item=i,user=u
printf 'i,u\n"x,a\n' >"$work/bad"
refused "bad:2:" "$work/bad" --columns item=i,user=u
"$FOREWARM" eval next "$work/none" >/dev/null 2>&1
[ $? -ge 2 ] || complain "a file that is not there is accepted"
exit $failed
