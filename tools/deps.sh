#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that the named uses of Weir need and this machine lacks; silent when nothing is missing.
#   tools/deps.sh [build] [run] [check] [bench]
set -eu

packages() {
	case $1 in
	build) echo gcc make libc6-dev libssl-dev libpcre2-dev pkg-config ;;
	run) echo curl python3 graphviz ;;
	check) echo check clang clang-format re2c lemon varnish curl nghttp2-client openssl valgrind strace git python3 libclang-rt-14-dev procps graphviz ;;
	bench) echo haproxy nginx-light valgrind strace python3 ;;
	*) echo "deps.sh: unknown use '$1'" >&2; exit 2 ;;
	esac
}

missing=
for use in "$@"; do
	for p in $(packages "$use"); do
		dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
	done
done
[ -z "$missing" ] && exit 0
if ! command -v apt-get >/dev/null; then
	echo "deps.sh: please install:$missing" >&2
	exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing missing packages:$missing"
$sudo apt-get update -qq >/dev/null 2>&1 || true
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/tmp/weir-deps.$$.log 2>&1 || {
	tail -20 /tmp/weir-deps.$$.log >&2
	exit 1
}
rm -f /tmp/weir-deps.$$.log
