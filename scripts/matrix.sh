#!/usr/bin/env bash
# Crashes every fixture, in every build mode, with other Go versions and tests
# on the cores, version by version: build, crash, test, delete. Cores that are
# damaged and cut by number are spread over the versions, and over two
# processes each. What failed is printed and kept, in $SDCORE_MATRIX_LOGS.
#
# scripts/matrix.sh [VERSION...]   default: the versions in the list below
#
# Environment: SDCORE_MUTANTS and SDCORE_CUTS are how many cores are damaged
# and cut (2000 and 200), SDCORE_MATRIX_LOGS where the output of the tests is
# kept when one fails (a new directory in $TMPDIR).
set -euo pipefail
cd "$(dirname "$0")/.."

# Add a Go version here; docs: CONTRIBUTING.md, "Add a Go version". Not go1.26.0:
# its programs with -race and -N -l die in __tsan_func_enter before main.
versions=(go1.25.4 go1.26.3 go1.27.0)
[ "$#" -eq 0 ] || versions=("$@")
mutants=${SDCORE_MUTANTS:-2000}
cuts=${SDCORE_CUTS:-200}
processes=2

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
logs=$scratch/logs
mkdir -p "$logs"
export SDCORE_REQUIRE_CORES=1 SDCORE_CORES_DIR TMPDIR=$scratch

# share TOTAL INDEX: first and count of the numbers that are this one's.
share() {
  local parts=$((${#versions[@]} * processes))
  local first=$(($1 * $2 / parts))
  echo "$first $(($1 * ($2 + 1) / parts - first))"
}

# damaged LOG INDEX: damaged and cut cores of one process.
damaged() {
  local mutant cut
  read -r -a mutant < <(share "$mutants" "$2")
  read -r -a cut < <(share "$cuts" "$2")
  "$scratch/sdcore.test" -test.run 'TestMutants|TestTruncated' -test.v -test.timeout 20m \
    -first-mutant "${mutant[0]}" -mutants "${mutant[1]}" -first-cut "${cut[0]}" -cuts "${cut[1]}" >"$1" 2>&1
}

# one VERSION INDEX: everything that is done with one version.
one() {
  local v=$1 n job jobs=() failed=0 start=$SECONDS
  SDCORE_CORES_DIR=$scratch/$v
  GOTOOLCHAIN="$v" scripts/gen-cores.sh || failed=1
  for ((n = 0; n < processes; n++)); do
    damaged "$logs/$v.damaged$n" $(($2 * processes + n)) &
    jobs+=($!)
  done
  for job in "${jobs[@]}"; do wait "$job" || failed=1; done
  go test -count=1 -run 'Truth|Stacks|VariablesShown|GlobalsAgainstDelve|Viewcore|LeaksJudged|LeakPaths' -v . >"$logs/$v.truth" 2>&1 || failed=1
  go test -count=1 -run AgainstDelve -v ./corefile/gounwind >"$logs/$v.delve" 2>&1 || failed=1
  go test -count=1 -run 'HeapTruths|MemProfileAsTold' -v ./internal/coretest ./corefile/goruntime >"$logs/$v.heap" 2>&1 || failed=1
  go test -count=1 -run SetIsFresh -v ./triage/fingerprint -args -fresh-go "$v" >"$logs/$v.fingerprint" 2>&1 || failed=1
  grep -hE '^(---|ok)|pairs compared|frames of|delve is wrong about [0-9]|places compared|package variables compared|are as told|damaged cores:|at most .* of CPU|lie before the cut|stacks differ|crashed again' "$logs/$v".* || true
  printf -- '--- %s: %d s, %s on disk\n' "$v" "$((SECONDS - start))" "$(du -sh "$scratch" | cut -f1)"
  rm -rf "$SDCORE_CORES_DIR"
  return "$failed"
}

go test -c -o "$scratch/sdcore.test" .
# totals: what became of all damaged and cut cores, and what they cost. The
# lines are those of tally.log and TestTruncated.
totals() {
  cat "$logs"/*.damaged* | awk '
    / damaged cores: / { complete += $4; partial += $6; refused += $8; numbers += $10 }
    / of CPU / {
      cpu = $4 ~ /ms$/ ? $4 / 1000 : $4 + 0
      if (cpu > slowest) slowest = cpu
      if ($8 > heap) heap = $8
    }
    / lie before the cut/ { goroutines += $3; there += $5 }
    END {
      printf "%d damaged and cut cores: %d complete, %d partial, %d refused\n", complete + partial + refused, complete, partial, refused
      printf "%d numbers compared with memory; of %d goroutines %d lie before a cut\n", numbers, goroutines, there
      printf "slowest %.1f s of CPU, at most %d MB of heap\n", slowest, heap
    }'
}

failed=()
for i in "${!versions[@]}"; do
  printf '\n--- %s\n' "${versions[i]}"
  one "${versions[i]}" "$i" || failed+=("${versions[i]}")
done
printf '\n'
totals
if [ "${#failed[@]}" -gt 0 ]; then
  unset TMPDIR
  keep=${SDCORE_MATRIX_LOGS:-$(mktemp -d)}
  mkdir -p "$keep"
  cp "$logs"/* "$keep"
  # A line with a place in a test is a failure unless it counts something.
  grep -hE '^ *(--- FAIL|panic:|[a-z_]+_test\.go:)' "$logs"/* |
    grep -vE 'no location|compared|stacks differ|damaged cores|of CPU| complete |right, |variables$|missing$|crashed again$' | sed -n 1,50p || true
  printf '%s failed; the output of the tests is in %s\n' "${failed[*]}" "$keep"
  exit 1
fi
printf 'all of %s passed in %d s\n' "${versions[*]}" "$SECONDS"
