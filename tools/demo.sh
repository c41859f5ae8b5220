#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the demo site, starts it with small origins, and shows what happens to some requests: tools/demo.sh WEIR
exec python3 "$(dirname "$0")/demo.py" "$@"
