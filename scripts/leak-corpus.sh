#!/usr/bin/env bash
# Builds Go's own corpus of leaking programs (runtime/testdata/
# testgoroutineleakprofile of GOROOT, go1.27 or later), lets each run to its end,
# print the goroutineleak profile and die, and compares what `sdcore waits` finds
# in the core with the profile and with the leaks that Go's own test expects:
#
#   leak-corpus.sh             all programs
#   leak-corpus.sh NAME...     only these
#   leak-corpus.sh --update    all, and writes the table into docs/waits.md
#
# Nothing of the corpus is kept: it is copied from GOROOT each time.
#
# Environment: SDCORE_CORPUS_GO is the toolchain (go1.27.0), SDCORE_CORPUS_DIR where
# the cores go (a temporary directory, which is removed), SDCORE_JOBS how many
# programs run at once (2).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/gen-cores.sh
source "$root/scripts/gen-cores.sh" # for crash and take_newest
toolchain=${SDCORE_CORPUS_GO:-go1.27.0}

# one DIR PROCESSORS: runs the program that DIR is called after.
one() {
  local dir=$1 procs=$2
  local src words=(env GODEBUG=asyncpreemptoff=1)
  if [[ $procs != all ]]; then words+=("GOMAXPROCS=$procs"); fi
  words+=(../bin "$(basename "$dir")")
  mkdir -p "$dir"
  for src in $(sources); do
    rm -f "$dir"/core "$dir"/core.* "$dir/pid"
    if [[ $src == withcore ]]; then
      crash "$dir" "" "${SDCORE_WITHCORE:-$work/.tools/withcore}" -o core -- "${words[@]}"
      if take_newest "$dir" core; then return 0; fi
    else
      crash "$dir" "" "${words[@]}"
      if "collect_$src" "$dir" "$(<"$dir/pid")"; then return 0; fi
    fi
  done
  fail "$(basename "$dir"): no core: $(tail -n 3 "$dir/stderr")"
}

# build_corpus GOROOT PACKAGE TO: copies the package, lets main end in a core, and
# builds it.
build_corpus() {
  local from=$1/src/runtime/testdata/$2 to=$3
  mkdir -p "$to/src"
  cp "$from"/*.go "$to/src"
  sed -i 's/^\tf()$/\tf()\n\tend()/; s/os\.Exit(0)/end()/' "$to"/src/*.go
  if [[ $(grep -hc '^	end()$' "$to/src/main.go") != 1 ]]; then fail "$from: main.go is not as it was in go1.27"; fi
  cat >"$to/src/end.go" <<'GO'
package main

import (
	"bytes"
	"os"
	"runtime/pprof"
)

// end notes what the profile says now, and dies.
func end() {
	var b bytes.Buffer
	pprof.Lookup("goroutineleak").WriteTo(&b, 2)
	os.WriteFile("profile", b.Bytes(), 0o600)
	panic("the end")
}
GO
  printf 'module corpus\n\ngo 1.27\n' >"$to/src/go.mod"
  (cd "$to/src" && GOTOOLCHAIN=$toolchain CGO_ENABLED=0 go build -o ../bin .)
}

corpus() {
  local goroot name names_wanted=() update=()
  for name in "$@"; do
    case $name in
      --update) update=(-update) ;;
      -*) fail "unknown flag $name" ;;
      *) names_wanted+=("$name") ;;
    esac
  done
  goroot=$(GOTOOLCHAIN=$toolchain go env GOROOT)
  work=${SDCORE_CORPUS_DIR:-}
  if [[ -z $work ]]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
  fi
  mkdir -p "$work"
  out=$work build_withcore
  for pkg in testgoroutineleakprofile testgoroutineleakprofile/goker; do
    build_corpus "$goroot" "$pkg" "$work/$(basename "$pkg")"
  done
  export work
  {
    for pkg in testgoroutineleakprofile goker; do
      for name in $(sed -n 's/^\tregister("\([A-Za-z0-9]*\)".*/\1/p' "$work/$pkg"/src/*.go | sort); do
        if [[ ${#names_wanted[@]} -gt 0 && " ${names_wanted[*]} " != *" $name "* ]]; then continue; fi
        # Go's test gives simple programs one processor, so that they are in the same
        # state each time.
        local procs=all
        if grep -q "makeTest(\"$name\"" "$goroot/src/runtime/goroutineleakprofile_test.go"; then procs=1; fi
        printf '%s\n' "$work/$pkg/$name $procs"
      done
    done
  } | xargs -r -L 1 -P "${SDCORE_JOBS:-2}" "$root/scripts/leak-corpus.sh" --one
  (cd "$root" && SDCORE_LEAK_CORPUS=$work SDCORE_LEAK_TEST=$goroot/src/runtime/goroutineleakprofile_test.go \
    go test -count=1 -run '^TestLeakCorpus$' -v . "${update[@]}")
}

case ${1:-} in
  --one) one "$2" "$3" ;;
  *) corpus "$@" ;;
esac
