#!/usr/bin/env bash
# Installs the Debian packages that the tests use: a C compiler for the cgo and
# race fixtures, gdb to open captured cores, git and make. Does nothing where all of them are there, and
# says so where it may not install.
set -euo pipefail

missing=()
for tool in gcc gdb make git; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
if [ "${#missing[@]}" -eq 0 ]; then
  echo "every package is there"
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing: ${missing[*]}; install them (apt-get install ${missing[*]}), or the cgo and race fixtures and the tests with gdb are skipped" >&2
  exit 0
fi
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
