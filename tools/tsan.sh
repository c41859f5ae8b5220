#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests of what threads share under ThreadSanitizer: tools/tsan.sh BUILD_DIR
set -eu
B=$1
make --no-print-directory -s -j"$(nproc)" B="$B" SAN=thread "$B/tsan/unit-runtime"
# The library of TLS is not instrumented: what orders its threads is not seen, so its calls are not judged.
TSAN_OPTIONS=halt_on_error=1:ignore_noninstrumented_modules=1
export TSAN_OPTIONS
exec tests/unit/run "$B/tsan" thread shared takeover pool task buf listener log log_writer checkpoint
