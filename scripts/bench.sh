#!/usr/bin/env bash
# Times sdcore beside dlv and viewcore on generated cores, in one run, and sets
# the figures against the targets.
#
# scripts/bench.sh [PART...]   default: all of stacks locals crash caddy heap start batch
#
#   stacks  every goroutine with every frame: 100 000, and 1 000 000
#   locals  all locals of all frames of 100 000 goroutines
#   crash   the crash among 10 000 goroutines
#   caddy   a crash in a large binary
#   heap    the objects of a heap, by type and by what they retain: 16.8 million,
#           1 million to 50 million, and heaps of 1, 2 and 4 GB
#   start   the smallest fixture; info on a core of gigabytes
#   batch   10 000 files discovered; an index of a million occurrences (some four
#           minutes to fill it); 200 cores of 40 MB of 5 builds, beside analyze on
#           each (SDCORE_BENCH_CRASHES changes the 200)
#
# Minimum of five rounds, alternated, warm cache; SDCORE_BENCH_ROUNDS and, for
# what takes a peer over ten seconds, SDCORE_BENCH_SLOW_ROUNDS change that.
# SDCORE_BENCH_HEAP_DIVISOR makes the heaps smaller, to try this script.
# dlv is installed into bin/ from its module (the version in go.mod), viewcore
# is a tool of go.mod. docs/benchmarks.md explains the tables.
set -euo pipefail
cd "$(dirname "$0")/.."

parts=("$@")
[ "$#" -gt 0 ] || parts=(stacks locals crash caddy heap start batch)
rounds=${SDCORE_BENCH_ROUNDS:-5}
slow=${SDCORE_BENCH_SLOW_ROUNDS:-$rounds}
divisor=${SDCORE_BENCH_HEAP_DIVISOR:-1}
scratch=$(mktemp -d -p "${SDCORE_BENCH_DIR:-${TMPDIR:-/tmp}}")
trap 'rm -rf "$scratch"' EXIT
record=$scratch/record
: >"$record"

wants() { [[ " ${parts[*]} " == *" $1 "* ]]; }

build() {
  go build -o bin/sdcore ./cmd/sdcore
  go build -o bin/compare ./scripts/compare
  go build -o bin/delvelocals ./scripts/delvelocals
  go build -o bin/viewcore golang.org/x/debug/cmd/viewcore
  local version
  version=$(go list -m -f '{{.Version}}' github.com/go-delve/delve)
  [ -x bin/dlv ] && bin/dlv version | grep -q "${version#v}" ||
    GOBIN="$PWD/bin" go install "github.com/go-delve/delve/cmd/dlv@$version"
  (cd fixtures && go build -o "$scratch/bin" ./many && go build -o "$scratch/heaptree" ./heaptree)
  (cd safedump && go build -o "$scratch/withcore" ./cmd/withcore)
  bin=$scratch/bin
}

# die DIRECTORY PROGRAM ARGUMENT makes the core of a program that crashes,
# DIRECTORY/core: the kernel's own where it writes one here, else the ptrace
# parent's.
die() {
  mkdir -p "$1"
  (
    cd "$1"
    ulimit -c unlimited 2>/dev/null || true
    GOTRACEBACK=crash "$2" "$3" >/dev/null 2>&1 || true
    set -- core* "$@"
    if [ -f "$1" ]; then
      [ "$1" = core ] || mv "$1" core
    else
      GOTRACEBACK=crash "$scratch/withcore" -o core -- "$3" "$4" >/dev/null 2>&1 || true
    fi
  ) 2>/dev/null
}

# describe WHAT CORE
describe() {
  printf 'core: %s, %s on disk, %s apparent\n\n' "$1" "$(du -h "$2" | cut -f1)" "$(du -h --apparent-size "$2" | cut -f1)"
}

# many N makes the core of N goroutines, $scratch/N/core.
many() {
  [ ! -e "$scratch/$1/core" ] || return 0
  die "$scratch/$1" "$bin" "$1"
  describe "$1 goroutines" "$scratch/$1/core"
}

# tree N makes the core of a tree of N nodes, $scratch/tree/core.
tree() {
  rm -rf "$scratch/tree"
  die "$scratch/tree" "$scratch/heaptree" "$1"
  describe "$1 objects of 48 bytes" "$scratch/tree/core"
}

# compare KEY ROUNDS TITLE NAME=COMMAND... times commands under a key.
compare() {
  local key=$1 n=$2 title=$3
  shift 3
  bin/compare -n "$n" -record "$record" -key "$key" -title "$title" "$@"
}

# dlv CORE BIN SCRIPT is the command that puts a script's questions to dlv.
dlv() { printf 'bin/dlv core %s %s --init %s --allow-non-terminal-interactive=true </dev/null' "$2" "$1" "$3"; }

bench_stacks() {
  many 100000
  local core=$scratch/100000/core
  printf 'goroutines -t 64\nexit\n' >"$scratch/stacks.dlv"
  compare stacks "$slow" "all stacks of 100 000 goroutines" \
    sdcore="bin/sdcore goroutines --all $core $bin" \
    dlv="$(dlv "$core" "$bin" "$scratch/stacks.dlv")" \
    viewcore="bin/viewcore $core --exe $bin goroutines"
  many 1000000
  compare million "$rounds" "all stacks of 1 000 000 goroutines" \
    sdcore="bin/sdcore goroutines --all $scratch/1000000/core $bin"
  wants start || rm -r "$scratch/1000000"
}

bench_locals() {
  many 100000
  local core=$scratch/100000/core
  local ask="bin/sdcore goroutines --all --locals --format jsonl --max-size 0"
  compare locals "$slow" "all locals of all frames of 100 000 goroutines as JSON lines (delve loads and prints nothing)" \
    sdcore="$ask --runtime-vars $core $bin" \
    delve-api="bin/delvelocals $core $bin"
  compare program-locals "$slow" "the same without the variables of the Go runtime's own frames" \
    sdcore="$ask $core $bin" \
    delve-api="bin/delvelocals -program $core $bin"
}

bench_crash() {
  many 10000
  local core=$scratch/10000/core
  printf 'bt -full\nexit\n' >"$scratch/crash.dlv"
  compare crash "$rounds" "the crash among 10 000 goroutines: sdcore also lists, decodes, groups and redacts the others" \
    sdcore="bin/sdcore analyze --no-save $core $bin" \
    dlv="$(dlv "$core" "$bin" "$scratch/crash.dlv")" \
    viewcore="bin/viewcore $core --exe $bin goroutines"
}

bench_caddy() {
  scripts/bench-caddy.sh "$scratch/caddy"
  local core=$scratch/caddy/core exe=$scratch/caddy/bin
  printf 'bt -full\nexit\n' >"$scratch/crash.dlv"
  compare caddy "$rounds" "a crash in a binary of $(du -m --apparent-size "$exe" | cut -f1) MB (caddy)" \
    sdcore="bin/sdcore analyze --no-save $core $exe" \
    dlv="$(dlv "$core" "$exe" "$scratch/crash.dlv")" \
    viewcore="bin/viewcore $core --exe $exe goroutines"
}

# gigabyte is how many nodes of 48 bytes it takes for one, in this run.
gigabyte=$(((1 << 30) / 48 / divisor))

bench_heap() {
  local core=$scratch/tree/core exe=$scratch/heaptree millions gigabytes
  tree $(((1 << 24) / divisor))
  compare histogram "$slow" "objects by type, of 16.8 million" \
    sdcore="bin/sdcore heap histogram $core $exe" \
    viewcore="bin/viewcore $core --exe $exe histogram"
  compare retained "$rounds" "what retains what, of the same" \
    sdcore="bin/sdcore heap retained $core $exe"
  for millions in 1 50; do
    tree $((millions * 1000000 / divisor))
    compare "objects-$millions" "$rounds" "objects by type, of $millions million" \
      sdcore="bin/sdcore heap histogram $core $exe"
  done
  for gigabytes in 1 2 4; do
    tree $((gigabytes * gigabyte))
    compare "heap-$gigabytes" "$rounds" "objects by type, in a heap of $gigabytes GB" \
      sdcore="bin/sdcore heap histogram $core $exe"
  done
  rm -rf "$scratch/tree"
}

bench_start() {
  SDCORE_CORES_DIR=$scratch/small scripts/gen-cores.sh nilderef >/dev/null
  compare smallest "$rounds" "the smallest fixture" \
    sdcore="bin/sdcore analyze --no-save $scratch/small/nilderef/core $scratch/small/nilderef/bin"
  many 1000000
  compare info "$rounds" "what a core of gigabytes is" \
    sdcore="bin/sdcore info $scratch/1000000/core $bin"
}

# seconds COMMAND... prints how long it took, whatever its exit status.
seconds() {
  local start
  start=$(date +%s.%N)
  "$@" >/dev/null 2>&1 || true
  awk -v a="$start" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f\n", b - a }'
}

# each analyzes one crash after the other, as batch does it: to a file.
each() {
  local core
  for core in "$scratch"/crashes/*/core; do
    bin/sdcore analyze "$core" "$scratch/releases/$(cat "${core%/core}/build")" -o "$scratch/one.safedump.json.gz" --compress
  done
}

bench_batch() {
  go test -run xxx -bench Find10000 ./triage/discover | grep ^Benchmark
  go test ./triage/index -timeout 60m -run xxx -bench Index -benchtime 5x -occurrences 1000000 | grep ^Benchmark
  local n=${SDCORE_BENCH_CRASHES:-200} i build
  mkdir -p "$scratch/releases"
  for build in 1 2 3 4 5; do
    (cd fixtures && go build -ldflags "-B 0x$(printf '%040d' "$build") -X main.build=$build" -o "$scratch/releases/$build" ./payment)
  done
  for i in $(seq "$n"); do
    build=$((i % 5 + 1))
    # The fixture's helper keeps the crashes of one home directory few.
    HOME="$scratch/crashes/$i" die "$scratch/crashes/$i" "$scratch/releases/$build" ""
    echo "$build" >"$scratch/crashes/$i/build"
  done
  local single both
  single=$(seconds each)
  both=$(seconds bin/sdcore batch "$scratch/crashes" --store "$scratch/store" --bin-path "$scratch/releases" --settle 0 --jobs 2)
  bin/sdcore stats --store "$scratch/store" | head -n 1
  batch_ratio=$(awk -v s="$single" -v b="$both" 'BEGIN { print b / (s / 2) }')
  printf '%s crashes of 5 builds: one after the other %s s, batch --jobs 2 %s s, %s x half of it\n\n' "$n" "$single" "$both" "$batch_ratio"
  rm -r "$scratch/crashes" "$scratch/store"
}

# figure KEY NAME FIELD is a field of the record: 3 seconds, 4 RssAnon, 5 files.
figure() { awk -F'\t' -v k="$1" -v n="$2" -v f="$3" '$1 == k && $2 == n { print $f }' "$record"; }

# target TEXT MEASURED LIMIT UNIT SENSE prints a row: SENSE is least or most.
target() {
  [ -n "$2" ] || return 0
  awk -v text="$1" -v got="$2" -v want="$3" -v unit="$4" -v sense="$5" 'BEGIN {
    ok = sense == "least" ? got >= want : got <= want
    digits = got < 10 ? 2 : got < 100 ? 1 : 0
    printf "| %s | at %s %s%s | %.*f%s | %s |\n", text, sense, want, unit, digits, got, unit, ok ? "reached" : "missed" }'
}

# times KEY NAME is how many times longer NAME took than sdcore.
times() {
  local own peer
  own=$(figure "$1" sdcore 3) peer=$(figure "$1" "$2" 3)
  [ -z "$own" ] || [ -z "$peer" ] || awk -v a="$peer" -v b="$own" 'BEGIN { print a / b }'
}

megabytes() { figure "$1" sdcore 4 | awk '{ print $1 / 1048576 }'; }

# quotient KEY KEY FIELD FACTOR is a field of the first over that of the second,
# times a factor.
quotient() {
  local a b
  a=$(figure "$1" sdcore "$3") b=$(figure "$2" sdcore "$3")
  [ -z "$a" ] || [ -z "$b" ] || awk -v a="$a" -v b="$b" -v f="$4" 'BEGIN { print a / b * f }'
}

# share GIGABYTES is the anonymous memory for such a heap, in percent of it.
share() {
  figure "heap-$1" sdcore 4 | awk -v heap=$(($1 * gigabyte * 48)) '{ print $1 / heap * 100 }'
}

# further is how much more memory a GB of heap takes from 1 to 4 than from 1 to 2.
further() {
  local a b c
  a=$(figure heap-1 sdcore 4) b=$(figure heap-2 sdcore 4) c=$(figure heap-4 sdcore 4)
  [ -z "$a" ] || [ -z "$b" ] || [ -z "$c" ] || awk -v a="$a" -v b="$b" -v c="$c" 'BEGIN { print (c - a) / 3 / (b - a) }'
}

heap_targets() {
  target "objects by type, of 16.8 million, beside viewcore" "$(times histogram viewcore)" 8 x least
  target "the same, RssAnon" "$(megabytes histogram)" 300 " MB" most
  target "what retains what, of 16.8 million objects" "$(figure retained sdcore 3)" 10 " s" most
  target "the same, RssAnon" "$(megabytes retained)" 1536 " MB" most
  target "time for an object among 50 million, beside one among 1 million" "$(quotient objects-50 objects-1 3 0.02)" 1.1 x most
  local shares
  shares=$(for n in 1 2 4; do share "$n"; done | sort -n)
  [ "$(wc -w <<<"$shares")" -eq 3 ] || return 0
  target "anonymous memory for 1, 2 and 4 GB of heap, in percent of it" "$(tail -n 1 <<<"$shares")" 6.25 " %" most
  target "a further GB of heap, from 1 to 4, beside the one from 1 to 2" "$(further)" 1.1 x most
  target "the largest of these three beside the smallest" "$(awk 'NR == 1 { a = $1 } END { print $1 / a }' <<<"$shares")" 1.1 x most
}

targets() {
  printf '**targets**\n\n| what | target | measured | |\n|---|---:|---:|---|\n'
  target "all stacks of 100 000 goroutines, beside viewcore" "$(times stacks viewcore)" 12 x least
  target "the same, beside dlv" "$(times stacks dlv)" 80 x least
  target "the same, RssAnon" "$(megabytes stacks)" 150 " MB" most
  local small large
  small=$(figure stacks sdcore 3) large=$(figure million sdcore 3)
  [ -z "$small" ] || target "1 000 000 goroutines, beside 100 000" "$(awk -v a="$large" -v b="$small" 'BEGIN { print a / b }')" 11 x most
  target "the same, RssAnon" "$(megabytes million)" 1024 " MB" most
  target "all locals of all frames, beside delve's API" "$(times locals delve-api)" 20 x least
  target "the same, RssAnon" "$(megabytes locals)" 300 " MB" most
  target "all locals of the program's frames, beside delve's API" "$(times program-locals delve-api)" 20 x least
  target "the same, RssAnon" "$(megabytes program-locals)" 300 " MB" most
  target "a crash in caddy, beside dlv" "$(times caddy dlv)" 5 x least
  target "the same, RssAnon" "$(megabytes caddy)" 120 " MB" most
  heap_targets
  target "info on a core of gigabytes" "$(figure info sdcore 3)" 0.1 " s" most
  target "analyze of the smallest fixture" "$(figure smallest sdcore 3)" 0.06 " s" most
  target "200 crashes by batch on 2 cores, beside half of what they take one by one" "${batch_ratio:-}" 1.05 x most
  target "bytes written to files by sdcore, in all of these" "$(awk -F'\t' '$2 == "sdcore" { n += $5 } END { print n + 0 }' "$record")" 0 "" most
}

build
printf 'machine: %s cores, %s; %s\n\n' "$(nproc)" \
  "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs)" "$(go version)"
for part in stacks locals crash caddy heap start batch; do
  ! wants "$part" || "bench_$part"
done
targets
