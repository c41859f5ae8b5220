#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Include direction: base < core < net < http < proxy < ops in runtime/, arrows only leftward; the compiler sees of the
# runtime only site.h and base/; the runtime never sees the compiler. Prints what breaks it, then "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
git ls-files -co --exclude-standard 'runtime/*.[ch]' 'compiler/*.[ch]' | xargs awk '
function rank(l) { return l == "base" ? 1 : l == "core" ? 2 : l == "net" ? 3 : l == "http" ? 4 : l == "proxy" ? 5 : l == "ops" ? 6 : 0 }
function layer(path,   p) { split(path, p, "/"); return p[1] == "runtime" && p[3] != "" ? p[2] : p[1] == "runtime" ? "site" : p[1] }
function resolve(from, inc,   dir, n, parts, out, i, k) {
	dir = from; sub(/\/[^\/]*$/, "", dir)
	n = split(dir "/" inc, parts, "/"); k = 0
	for (i = 1; i <= n; i++) { if (parts[i] == "..") k--; else if (parts[i] != ".") out[++k] = parts[i] }
	dir = out[1]; for (i = 2; i <= k; i++) dir = dir "/" out[i]
	return dir
}
FNR == 1 { files++ }
/^#[ \t]*include "/ {
	inc = $0; sub(/^[^"]*"/, "", inc); sub(/".*/, "", inc)
	to = resolve(FILENAME, inc); a = layer(FILENAME); b = layer(to); bad = 0
	if (a == "compiler" && to ~ /^runtime\// && b != "base" && to != "runtime/site.h") bad = 1
	if (rank(a) && b == "compiler") bad = 1
	if (rank(a) && rank(b) > rank(a)) bad = 1
	if (a == "base" && b == "site") bad = 1
	if (bad) { printf "%s:%d: a file of %s includes %s\n", FILENAME, FNR, a, to; wrong++ }
}
END { printf "%d passed, %d failed\n", files - wrong, wrong + 0; exit wrong > 0 }'
