#!/bin/bash
# The pure layers call nothing impure, and the check that says so can fail.
set -eu
build=${FOREWARM_BUILD:?} source=${FOREWARM_SOURCE:?}
"$source/scripts/symbols" "$build" || exit $?

# A clock smuggled into a library must be found.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for library in "$build"/lib*.a; do cp "$library" "$work"; done
cp "$build/forewarm" "$work"
printf '#include <time.h>\nlong smuggled(void);\nlong smuggled(void) { return (long)time(0); }\n' >"$work/smuggled.c"
printf 'void *json_object(void);\nvoid *json_object(void) { return 0; }\n' >"$work/twice.c"
${CC:-cc} -c "$work/smuggled.c" -o "$work/smuggled.o"
${CC:-cc} -c "$work/twice.c" -o "$work/twice.o"
ar q "$work/libcore.a" "$work/smuggled.o" 2>/dev/null
ar q "$work/libforecast.a" "$work/smuggled.o" 2>/dev/null
ar q "$work/libsim.a" "$work/twice.o" 2>/dev/null
if "$source/scripts/symbols" "$work" >"$work/said"; then
    echo "a call of time() was not found" >&2
    exit 1
fi
grep -q 'not allowed in a pure layer: time,.*core.a:smuggled.o' "$work/said"
grep -q 'not allowed in a pure layer: time,.*forecast.a:smuggled.o' "$work/said"
grep -q 'defined twice: json_object,' "$work/said"
