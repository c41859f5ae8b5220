#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of what threads share under ThreadSanitizer: tools/tsan.sh BUILD_DIR
set -eu
B=$1
make --no-print-directory -s -j"$(nproc)" B="$B" SAN=thread "$B/tsan/unit-runtime"
cd tests/unit
bin=$(cd "$OLDPWD" && cd "$(dirname "$B/tsan/unit-runtime")" && pwd)/unit-runtime
rc=0
for suite in thread shared takeover pool task buf listener log checkpoint; do
	CK_RUN_SUITE=$suite TSAN_OPTIONS=halt_on_error=1 "$bin" || rc=1
done
exit $rc
