#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Are the files of generated/ what re2c and Lemon make of grammar/? Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp -R grammar generated GNUmakefile compiler runtime bench tests docs stdlib "$dir" 2>/dev/null
make --no-print-directory -s -C "$dir" generated || exit 1
passed=0
failed=0
for f in generated/*.c generated/*.h; do
	if cmp -s "$f" "$dir/$f"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $f is not current: make generated"
		diff -u "$f" "$dir/$f" | head -20
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
