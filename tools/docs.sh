#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks the documentation against the code: tools/docs.sh BUILD_DIR. See tools/docs.py.
exec python3 "$(dirname "$0")/docs.py" "$@"
