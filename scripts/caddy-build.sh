#!/usr/bin/env bash
# Builds caddy with its standard modules from its module, with default flags:
#
# scripts/caddy-build.sh DIRECTORY
#
# leaves DIRECTORY/bin and prints its version. Of the versions of caddy's modules only
# its own is pinned here: with it they follow (minimal version selection). The
# program is scripts/testdata/caddy; its modules are none of sdcore's.
set -euo pipefail
cd "$(dirname "$0")/.."

version=v2.11.9
dir=${1:?usage: caddy-build.sh DIRECTORY}
mkdir -p "$dir/src"
if [ ! -x "$dir/bin" ]; then
  cp scripts/testdata/caddy/main.go "$dir/src/"
  (
    cd "$dir/src"
    rm -f go.mod go.sum
    go mod init bench/caddy
    go mod edit -require "github.com/caddyserver/caddy/v2@$version"
    go build -mod=mod -o ../bin .
  ) >"$dir/build.log" 2>&1 || { tail "$dir/build.log" >&2; exit 1; }
fi
echo "$version"
