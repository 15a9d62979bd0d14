#!/usr/bin/env bash
# Installs the Debian packages that the tests use: a C compiler for the cgo and
# race fixtures, gdb to open captured cores, git and make, a browser for the
# page. Does nothing where all of them are there, and says so where it may not
# install.
set -euo pipefail

missing=()
for tool in gcc gdb make git; do
  command -v "$tool" >/dev/null || missing+=("$tool")
done
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
browser=
for name in chromium google-chrome google-chrome-stable chromium-browser; do # as internal/browsertest looks for it
  command -v "$name" >/dev/null && browser=$name
done
[ -n "$browser" ] || missing+=(chromium)
if [ "${#missing[@]}" -eq 0 ]; then
  echo "every package is there"
  exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing: ${missing[*]}; install them (apt-get install ${missing[*]}), or the cgo and race fixtures and the tests with gdb and a browser are skipped" >&2
  exit 0
fi
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
