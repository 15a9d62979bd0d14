#!/usr/bin/env bash
# Measures what the helper's Capture costs a program: the pause by size of
# heap, and what the clients of a busy HTTP server feel while its core is
# written. Needs some 3 GB of memory and an idle machine for numbers that mean
# something. Flags go to the program:
#
#   bench-helper.sh -dir /dev/shm      cores to memory: the cost without a disk
#   bench-helper.sh -heap 2048 -rate 2000
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
(cd "$root/safedump" && go build -o "$tmp/benchcapture" ./internal/benchcapture)
printf '%s, %s, %d processors, load %s\n\n' "$(go version)" "$(uname -sr)" "$(nproc)" "$(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null || echo unknown)"
"$tmp/benchcapture" "$@"
