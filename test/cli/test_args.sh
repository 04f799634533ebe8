#!/bin/bash
# The command line: help everywhere, unknown words answered with a suggestion and status 2, nothing but the
# document on standard output.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
# expect STATUS TEXT COMMAND...: the status, and TEXT somewhere in what was printed
expect() {
    local status=$1 text=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null
    local found=$?
    if [ $found -ne "$status" ] || ! grep -qF -- "$text" "$work/out" "$work/err"; then
        echo "$*: status $found, expected $status and \"$text\""
        cat "$work/out" "$work/err"
        failed=1
    fi
}
expect 2 "usage: forewarm COMMAND" "$FOREWARM"
expect 0 "replay" "$FOREWARM" --help
expect 0 "forewarm 0" "$FOREWARM" --version
expect 2 'did you mean "replay"?' "$FOREWARM" reply
expect 2 "forewarm --help" "$FOREWARM" zzzzzz
expect 2 "say which: synth requests" "$FOREWARM" synth
expect 2 "there is no flag --polcy; did you mean --policy?" "$FOREWARM" replay --polcy x trace
expect 2 "there is no flag --frobnicate" "$FOREWARM" errors --frobnicate
expect 2 "--policy needs a value" "$FOREWARM" replay trace --policy
expect 2 "--load-time" "$FOREWARM" replay trace --load-time 10
expect 2 "expected TRACE" "$FOREWARM" replay
expect 2 'found the operand "extra"' "$FOREWARM" errors extra
expect 2 "policy: found 'nonsense'" "$FOREWARM" replay "$FOREWARM_SOURCE/test/cli/small.csv" --policy nonsense
expect 2 "no-such-file" "$FOREWARM" replay "$work/no-such-file"
expect 2 "--memory and --sizes go together" "$FOREWARM" replay "$FOREWARM_SOURCE/test/cli/small.csv" --memory 4GiB

# Every command of the list has a help of its own, on standard output, with its flags.
"$FOREWARM" --help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p' >"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 8 ] || { echo "--help lists no commands"; failed=1; }
while read -r command; do
    # shellcheck disable=SC2086
    expect 0 "usage: forewarm $command" "$FOREWARM" $command --help
    grep -q -- "--json" "$work/out" || { echo "$command --help does not know --json"; failed=1; }
done <"$work/commands"
exit $failed
