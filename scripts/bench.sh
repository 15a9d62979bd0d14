#!/usr/bin/env bash
# Times sdcore beside dlv and viewcore on a generated core, in one run.
#
# scripts/bench.sh [GOROUTINES]   default 10000
#
# The same volume of output is asked of everybody: every goroutine with every
# frame. Minimum of five rounds, alternated, warm cache. dlv is installed into
# bin/ from its module (the version in go.mod), viewcore is a tool of go.mod.
set -euo pipefail
cd "$(dirname "$0")/.."

n=${1:-10000}
rounds=${SDCORE_BENCH_ROUNDS:-5}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

go build -o bin/sdcore ./cmd/sdcore
go build -o bin/compare ./scripts/compare
go build -o bin/viewcore golang.org/x/debug/cmd/viewcore
version=$(go list -m -f '{{.Version}}' github.com/go-delve/delve)
[ -x bin/dlv ] && bin/dlv version | grep -q "${version#v}" ||
  GOBIN="$PWD/bin" go install "github.com/go-delve/delve/cmd/dlv@$version"
(cd fixtures && go build -o "$scratch/bin" ./many)
(cd safedump && go build -o "$scratch/withcore" ./cmd/withcore)

# The kernel's own core where it writes one here, else the ptrace parent's.
(
  cd "$scratch"
  ulimit -c unlimited 2>/dev/null || true
  GOTRACEBACK=crash ./bin "$n" 2>/dev/null || true
  set -- core*
  if [ -f "$1" ]; then
    [ "$1" = core ] || mv "$1" core
  else
    GOTRACEBACK=crash ./withcore -o core -- ./bin "$n" 2>/dev/null || true
  fi
)
core=$scratch/core bin=$scratch/bin
printf 'core: %s goroutines, %s on disk, %s apparent\n' "$n" \
  "$(du -h "$core" | cut -f1)" "$(du -h --apparent-size "$core" | cut -f1)"
printf 'machine: %s cores, %s; %s\n\n' "$(nproc)" \
  "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs)" "$(go version)"

printf 'goroutines -t %d\nexit\n' 64 >"$scratch/stacks.dlv"
printf 'bt -full\nexit\n' >"$scratch/crash.dlv"
printf 'goroutines -exec stack 64 -full\nexit\n' >"$scratch/locals.dlv"

bin/compare -n "$rounds" -title "all stacks of $n goroutines" \
  sdcore="bin/sdcore goroutines --all $core $bin" \
  dlv="bin/dlv core $bin $core --init $scratch/stacks.dlv --allow-non-terminal-interactive=true </dev/null" \
  viewcore="bin/viewcore $core --exe $bin goroutines"

bin/compare -n "${SDCORE_BENCH_SLOW_ROUNDS:-$rounds}" -title "all locals of all frames of $n goroutines" \
  sdcore="bin/sdcore goroutines --all --locals --max-size 0 $core $bin" \
  dlv="bin/dlv core $bin $core --init $scratch/locals.dlv --allow-non-terminal-interactive=true </dev/null"

bin/compare -n "$rounds" -title "report of the crash among $n goroutines: sdcore also lists, groups and redacts the others" \
  sdcore="bin/sdcore analyze --no-save $core $bin" \
  dlv="bin/dlv core $bin $core --init $scratch/crash.dlv --allow-non-terminal-interactive=true </dev/null" \
  viewcore="bin/viewcore $core --exe $bin goroutines"
