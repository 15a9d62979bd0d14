#!/usr/bin/env bash
# Crashes every fixture with other Go versions and runs the truth tests on the
# cores, version by version: build, crash, test, delete.
#
# scripts/matrix.sh [VERSION...]   default: the versions in the list below
set -euo pipefail
cd "$(dirname "$0")/.."

# Add a Go version here; docs: CONTRIBUTING.md, "Add a Go version".
versions=(go1.25.4 go1.26.0 go1.27.0)
[ "$#" -eq 0 ] || versions=("$@")

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for v in "${versions[@]}"; do
  printf '\n--- %s\n' "$v"
  start=$(date +%s)
  cores="$scratch/$v"
  SDCORE_CORES_DIR="$cores" GOTOOLCHAIN="$v" scripts/gen-cores.sh
  log="$scratch/$v.log"
  if ! SDCORE_CORES_DIR="$cores" SDCORE_REQUIRE_CORES=1 go test -count=1 -run 'Truth|Stacks' -v . >"$log" 2>&1; then
    grep -vE '^ *(=== |--- PASS)' "$log"
    exit 1
  fi
  grep -E '^(---|ok)|pairs compared|frames of' "$log"
  rm -rf "$cores"
  printf -- '--- %s passed in %ds\n' "$v" "$(($(date +%s) - start))"
done
