#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every test of Weir. Each step ends with a line "N passed, N failed"; their sum is the last line of all. A step that
# dies without that line, or exits with a failure that it did not count, counts as one failure.
# What a machine lacks is printed by its step as "not run" and is in no sum. WEIR_SOAK=1 runs the full lengths.
set -u
B=${1:-build}
jobs=$(nproc 2>/dev/null || echo 2)
passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() {
	name=$1
	shift
	printf '== %s\n' "$name"
	start=$(date +%s)
	"$@" >"$log" 2>&1 </dev/null
	rc=$?
	p=0
	f=0
	counted=0
	while read -r line; do
		case $line in
		*[0-9]' passed, '[0-9]*' failed'*)
			p=$((p + ${line%% passed*}))
			rest=${line#*passed, }
			f=$((f + ${rest%% failed*}))
			counted=1
			;;
		esac
	done <<-END
		$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log")
	END
	if [ $rc -ne 0 ] && [ $f -eq 0 ]; then f=1; fi
	if [ $rc -eq 0 ] && [ $counted -eq 0 ]; then p=1; fi
	if [ $f -ne 0 ]; then tail -n 400 "$log"; else grep -E '^not run' "$log"; fi
	passed=$((passed + p))
	failed=$((failed + f))
	printf '   %s: %d passed, %d failed (%d s)\n' "$name" $p $f $(($(date +%s) - start))
}

mk() { make --no-print-directory -s -j"$jobs" B="$B" "$@"; }

step 'build, gcc' mk all
step 'build, clang' mk B="$B-clang" CC=clang all unit-bins
step 'layers' mk layers
step 'generated files are current' tools/generated.sh
step 'colours of editors are current' tools/editors.py --check
step 'unit, address and undefined behaviour sanitizers' mk SAN=address unit
step 'unit, thread sanitizer' tools/tsan.sh "$B"
step 'cache lines written by two threads' tests/lines/run "$B"
step 'each mechanism has its test' tools/rows.py
step 'golden' mk golden
step 'language' tests/language/run "$B"
step 'canonical form' tests/fmt/run "$B"
step 'language server' tests/editor/run "$B"
step 'standard library' mk stdlib-tests
step 'reproducible builds, parts, installation' tests/build/run "$B"
step 'differential: interpreter and generated code' tests/differential/run "$B"
step 'end to end' mk e2e
step 'runtime behaviour' tests/runtime/run "$B"
step 'operations' tests/ops/run "$B"
step 'bad configurations' tests/badinput/run "$B"
step 'counted costs' tests/build/costs "$B"
step 'end to end, sanitizers and injected faults' tests/e2e/run_san "$B"
step 'fuzz' tests/fuzz/run "$B"
step 'documentation' tools/docs.sh "$B"

printf '%d passed, %d failed\n' $passed $failed
[ $failed -eq 0 ]
