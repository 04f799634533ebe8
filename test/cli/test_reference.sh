#!/bin/bash
# docs/reference/ is what the program prints: fails when a table was changed and its page was not.
set -u
failed=0
for page in options metrics errors; do
    if ! "$FOREWARM" $page --markdown | diff -u "$FOREWARM_SOURCE/docs/reference/$page.md" -; then
        echo "docs/reference/$page.md is stale: forewarm $page --markdown > docs/reference/$page.md"
        failed=1
    fi
    "$FOREWARM" $page --json | python3 -c 'import json, sys; rows = json.load(sys.stdin); assert len(rows) > 10, len(rows)' ||
        failed=1
    [ "$("$FOREWARM" $page | wc -l)" -gt 10 ] || { echo "forewarm $page prints no table"; failed=1; }
done
exit $failed
