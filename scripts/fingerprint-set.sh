#!/usr/bin/env bash
# Makes the labelled set of package fingerprint anew: builds the crashers with
# three Go versions, in three ways, from two variants of their source, crashes
# each bug of each build, reads the cores, and keeps what the fingerprints are
# made of: triage/fingerprint/testdata/set.jsonl. Some 1 800 crashes, 15 minutes on two
# cores. `git diff` then shows what a change of the readers made of it.
#
# fingerprint-set.sh [VERSION...]   default: go1.25.4 go1.26.8 go1.27.0
set -euo pipefail
cd "$(dirname "$0")/.."

versions=(go1.25.4 go1.26.8 go1.27.0)
[ "$#" -eq 0 ] || versions=("$@")
go test -count=1 -timeout 2h -v -run '^TestWriteSet$' ./triage/fingerprint -args -write-set -set-go "${versions[*]}"
