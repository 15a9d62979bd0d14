#!/usr/bin/env bash
# Makes the core of a crash in a large binary: caddy, built from its module with
# default flags, dies of a nil pointer while it serves requests.
#
# scripts/bench-caddy.sh DIRECTORY [CONNECTIONS]   default: 200 requests are open
#
# leaves DIRECTORY/core and DIRECTORY/bin.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=${1:?usage: bench-caddy.sh DIRECTORY [CONNECTIONS]}
connections=${2:-200}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
scratch=$(mktemp -d) # names of sockets must be short
trap 'rm -rf "$scratch"' EXIT

version=$(scripts/caddy-build.sh "$dir")
(cd safedump && go build -o "$scratch/withcore" ./cmd/withcore)

# The kernel's own core where it writes one here, else the ptrace parent's.
# caddy keeps its state in the scratch directory.
export HOME=$scratch XDG_DATA_HOME=$scratch XDG_CONFIG_HOME=$scratch GOTRACEBACK=crash
rm -f "$dir/core"
mkdir "$scratch/cores"
(
  cd "$scratch/cores"
  ulimit -c unlimited 2>/dev/null || true
  timeout 60 "$dir/bin" "$scratch/s" "$connections" >/dev/null 2>"$dir/stderr" || true
  set -- core*
  [ -f "$1" ] || {
    timeout 60 "$scratch/withcore" -o core -- "$dir/bin" "$scratch/s" "$connections" >/dev/null 2>"$dir/stderr" || true
    set -- core
  }
  [ -f "$1" ] && mv "$1" "$dir/core"
) 2>/dev/null || { tail "$dir/stderr" >&2; exit 1; }

printf 'caddy %s: %s MiB, %s goroutines; core: %s on disk\n\n' "$version" \
  "$(du -m --apparent-size "$dir/bin" | cut -f1)" "$(grep -c '^goroutine ' "$dir/stderr")" "$(du -h "$dir/core" | cut -f1)"
