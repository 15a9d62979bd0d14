#!/usr/bin/env bash
# Builds the fixtures, lets each crash and collects its core:
#
#   fixtures/cores/NAME/{bin,core,stdout,stderr,exit,truth.jsonl,source}
#
#   gen-cores.sh             all of them; what is up to date stays as it is
#   gen-cores.sh NAME...     only these
#   gen-cores.sh --list      the names
#   gen-cores.sh --clean     removes fixtures/cores
#
# No root, no core_pattern and no limit need to be changed: where the kernel
# writes no core that can be reached, safedump/cmd/withcore does, as a ptrace
# parent of the crasher.
#
# Environment: SDCORE_GO is the go command, SDCORE_CORES_DIR the destination,
# SDCORE_JOBS how many fixtures are made at once (2). For the script's own test:
# SDCORE_CORE_PATTERN_FILE, SDCORE_CORE_SOURCE (kernel, systemd, apport or
# withcore: this source and no other), SDCORE_SYSTEMD_DIR, SDCORE_APPORT_DIRS,
# SDCORE_WITHCORE, SDCORE_CORE_TRIES.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
self=$root/scripts/gen-cores.sh
out=${SDCORE_CORES_DIR:-$root/fixtures/cores}
go=${SDCORE_GO:-go}
pattern_file=${SDCORE_CORE_PATTERN_FILE:-/proc/sys/kernel/core_pattern}
tries=${SDCORE_CORE_TRIES:-50} # of 0.2 s each: how long other programs may take to store a core

# A fixture is a directory below fixtures/, or DIRECTORY.VARIANT: the same
# program built in another way.
names=(
  payment payment.noopt payment.pie payment.trimpath payment.race payment.stripped
  kinds kinds.noopt kinds.pie kinds.cgo kinds.race
  stdvalues stdvalues.noopt stdvalues.trimpath stdvalues.cgo
  nilderef customerror indexrange nilmap mapwrite deadlock manywait waiters leaks
  stackoverflow repanic goexit sigabrt sigquit misplaced misplaced.noopt
  cgosegv cgosegv.noopt race
  defers defers.noopt interrupted interrupted.noopt
  cgocallback cgocallback.noopt cgosigprof
  secrets tagged secretmode
  captured captured.pie captured.race cgocaptured shapes
  heapgraph heapgraph.noopt heapgraph.pie heapgraph.nogreentea heapgraph.grown heapgraph.unswept
  heaplocals heaplocals.noopt heapwaste heapsecrets heaparena memprofile
  stackroots stackroots.noopt stackroots.race
)

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "gen-cores.sh: $*"
  exit 1
}

# build_flags NAME: one flag per line.
build_flags() {
  printf '%s\n' -buildvcs=false
  case $1 in
    race | race.* | *.race) printf '%s\n' -race ;;
  esac
  case $1 in
    *.cgo) printf '%s\n' -ldflags=-linkmode=external ;;
    *.noopt) printf '%s\n' '-gcflags=all=-N -l' ;;
    *.pie) printf '%s\n' -buildmode=pie ;;
    *.trimpath) printf '%s\n' -trimpath ;;
    *.stripped) printf '%s\n' '-ldflags=-s -w' ;;
    heapgraph.grown | heapgraph.unswept) printf '%s\n' "-ldflags=-X=main.variant=${1#*.}" ;;
    secrets) printf '%s\n' '-ldflags=-X=main.deployToken=Yb7wQ4rT9kZx2LmN8vHc -X=main.banner=password=Jd5sG8pXw3Rt6Yq1' ;;
  esac
}

# needs_c NAME: does it need a C compiler?
needs_c() {
  case $1 in
    cgo* | race | race.* | *.cgo | *.race) return 0 ;;
    *) return 1 ;;
  esac
}

# experiment_of NAME: the GOEXPERIMENT that it is built with, if any.
experiment_of() {
  case $1 in
    secretmode) echo runtimesecret ;;
    heaparena) echo arenas ;;
    *.nogreentea) echo nogreenteagc ;;
  esac
}

# signal_of NAME: the signal that it is killed by from outside, if any.
signal_of() {
  case $1 in
    sigabrt | sigabrt.*) echo ABRT ;;
    sigquit | sigquit.*) echo QUIT ;;
  esac
}

# stamp_of NAME: a hash over all that the core depends on.
stamp_of() {
  local dirs=("$root/fixtures/${1%%.*}" "$root/fixtures/internal") files
  if grep -qs sdcore/safedump "${dirs[0]}"/*.go; then dirs+=("$root/safedump"); fi
  mapfile -t files < <(find "${dirs[@]}" -maxdepth 3 \
    \( -name '*.go' -o -name '*.c' -o -name '*.h' -o -name '*.s' \) ! -name '*_test.go' ! -path '*/cmd/*' 2>/dev/null | LC_ALL=C sort)
  {
    "$go" version
    build_flags "$1"
    experiment_of "$1"
    sha256sum "$self" "$root/fixtures/go.mod" "${files[@]}"
  } | sha256sum | cut -c1-64
}

up_to_date() { # NAME STAMP
  local dir=$out/$1
  [[ -s $dir/core && -s $dir/bin && -e $dir/truth.jsonl && -e $dir/stamp && $(<"$dir/stamp") == "$2" ]]
}

build() { # NAME DIR
  local flags cgo=0
  mapfile -t flags < <(build_flags "$1")
  if needs_c "$1"; then cgo=1; fi
  (cd "$root/fixtures" && GOEXPERIMENT=$(experiment_of "$1") CGO_ENABLED=$cgo "$go" build "${flags[@]}" -o "$2/bin" "./${1%%.*}")
}

# crash DIR SIGNAL WORD...: runs the words in DIR with no limit on cores and
# waits for the end; leaves pid, stdout, stderr and exit there. The program's
# environment is made up: a core holds all of it.
crash() {
  local dir=$1 signal=$2 job status=0
  shift 2
  (
    cd "$dir"
    ulimit -c unlimited 2>/dev/null || ulimit -c "$(ulimit -H -c)"
    # shellcheck disable=SC2016 # expanded by the inner shell
    exec timeout --foreground -k 1 30 env -i PATH=/usr/bin:/bin HOME="$dir" LANG=C.UTF-8 PWD="$dir" \
      GOTRACEBACK=crash DEPLOY_ENV=friday PAYMENT_API_KEY=made-up-for-the-fixtures \
      sh -c 'echo $$ >pid; exec "$@" <&- >stdout 2>stderr' sh "$@"
  ) >/dev/null 2>&1 9>&- &
  job=$!
  if [[ -n $signal ]]; then send_when_ready "$dir" "$signal"; fi
  { wait "$job" || status=$?; } 2>/dev/null
  echo "$status" >"$dir/exit"
}

# send_when_ready DIR SIGNAL: the program prints "READY PID" when it may die.
send_when_ready() {
  local n pid
  for ((n = 0; n < 200; n++)); do
    pid=$(sed -n 's/^READY //p' "$1/stdout" 2>/dev/null || true)
    if [[ -n $pid ]]; then
      sleep 0.1 # for the goroutines to settle
      kill "-$2" "$pid"
      return
    fi
    sleep 0.05
  done
}

# source_by_pattern: who stores cores here, by the kernel's core_pattern.
source_by_pattern() {
  local pattern=
  if [[ -r $pattern_file ]]; then pattern=$(<"$pattern_file"); fi
  case $pattern in
    '') echo withcore ;;
    '|'*systemd-coredump*) echo systemd ;;
    '|'*apport*) echo apport ;;
    '|'*) echo withcore ;;
    *) echo kernel ;;
  esac
}

is_core() { # FILE: ELF, and e_type is ET_CORE
  [[ -f $1 && $(od -An -tx1 -N4 "$1" | tr -d ' ') == 7f454c46 && $(od -An -tu1 -j16 -N1 "$1" | tr -d ' ') == 4 ]]
}

# kernel_glob PATTERN PID: the file names that a core_pattern can make.
kernel_glob() {
  local rest=$1 glob=
  while [[ -n $rest ]]; do
    case $rest in
      %%*) glob+=% rest=${rest:2} ;;
      %p*) glob+=$2 rest=${rest:2} ;;
      %*) glob+='*' rest=${rest:2} ;;
      ['[]*?']* | \\*) glob+="\\${rest:0:1}" rest=${rest:1} ;;
      *) glob+=${rest:0:1} rest=${rest:1} ;;
    esac
  done
  printf '%s\n' "$glob"
}

# take_newest DIR GLOB...: moves the newest matching core that is not older
# than the crash to DIR/core.
take_newest() {
  local dir=$1 glob file best=
  shift
  for glob in "$@"; do
    while IFS= read -r file; do
      if [[ $file -ot $dir/pid ]] || ! is_core "$file"; then continue; fi
      if [[ -z $best || $file -nt $best ]]; then best=$file; fi
    done < <(if cd "$dir"; then compgen -G "$glob" | sed "s|^[^/]|$dir/&|"; fi)
  done
  [[ -n $best ]] || return 1
  if [[ ! $best -ef $dir/core ]]; then mv -f "$best" "$dir/core"; fi
}

collect_kernel() { # DIR PID
  local pattern=core glob
  if [[ -r $pattern_file ]]; then pattern=$(<"$pattern_file"); fi
  case $pattern in '' | '|'*) pattern=core ;; esac
  glob=$(kernel_glob "$pattern" "$2")
  take_newest "$1" "$glob" "$glob.$2"
}

# unpack FILE TO: undoes the compression that the name tells.
unpack() {
  local tool
  case $1 in
    *.zst) tool='zstd -q -d -c' ;;
    *.lz4) tool='lz4 -q -d -c' ;;
    *.xz) tool='xz -q -d -c' ;;
    *) tool='cat' ;;
  esac
  if ! command -v "${tool%% *}" >/dev/null; then
    say "${tool%% *} not found; install ${tool%% *} to read $1"
    return 1
  fi
  $tool "$1" | dd of="$2" bs=64k iflag=fullblock conv=sparse status=none
}

collect_systemd() { # DIR PID
  local n file store=${SDCORE_SYSTEMD_DIR:-/var/lib/systemd/coredump}
  for ((n = 0; n < tries; n++)); do
    if command -v coredumpctl >/dev/null && coredumpctl --quiet --output="$1/core" dump "$2" >/dev/null 2>&1 &&
      is_core "$1/core"; then
      return 0
    fi
    rm -f "$1/core"
    while IFS= read -r file; do
      if [[ -r $file && ! $file -ot $1/pid ]] && unpack "$file" "$1/core" && is_core "$1/core"; then return 0; fi
    done < <(compgen -G "$store/core.*.$2.*" || true)
    sleep 0.2
  done
  return 1
}

collect_apport() { # DIR PID
  local n dir file stores=${SDCORE_APPORT_DIRS:-/var/lib/apport/coredump /var/crash}
  for ((n = 0; n < tries; n++)); do
    if take_newest "$1" core "core.$2"; then return 0; fi # what older ones did
    for dir in $stores; do
      if take_newest "$1" "$dir/core.*.$2.*"; then return 0; fi
      file=$dir/$(tr / _ <<<"$1/bin").$(id -u).crash
      if [[ -r $file ]] && command -v apport-unpack >/dev/null; then
        rm -rf "$1/unpacked"
        if apport-unpack "$file" "$1/unpacked" >/dev/null 2>&1 && take_newest "$1" unpacked/CoreDump; then
          rm -rf "$1/unpacked" "$file" # a second crash would be ignored
          return 0
        fi
      fi
    done
    sleep 0.2
  done
  return 1
}

# make_core NAME DIR SOURCE: crashes the program and gets its core from SOURCE.
make_core() {
  local dir=$2 signal
  signal=$(signal_of "$1")
  rm -f "$dir"/core "$dir"/core.* "$dir"/pid
  if [[ $3 == withcore ]]; then
    crash "$dir" "$signal" "${SDCORE_WITHCORE:-$out/.tools/withcore}" -o core -- ./bin
    take_newest "$dir" core
    return
  fi
  crash "$dir" "$signal" ./bin
  "collect_$3" "$dir" "$(<"$dir/pid")"
}

# sources: the one that core_pattern promises, then the one that always works.
sources() {
  local first=${SDCORE_CORE_SOURCE:-}
  if [[ -n $first ]]; then
    echo "$first"
    return
  fi
  first=$(source_by_pattern)
  echo "$first"
  if [[ $first != withcore ]]; then echo withcore; fi
}

make_one() { # NAME: in a directory of its own, moved into place when whole
  local name=$1 dir=$out/$1 tmp=$out/.$1.new stamp src got=
  stamp=$(stamp_of "$name")
  if up_to_date "$name" "$stamp"; then return 0; fi
  rm -rf "$tmp"
  mkdir -p "$tmp"
  build "$name" "$tmp" || fail "$name: the build failed"
  rm -rf "$dir"
  mv "$tmp" "$dir" # before the crash: the core records where the binary is
  for src in $(sources); do
    if make_core "$name" "$dir" "$src"; then
      got=$src
      break
    fi
  done
  if [[ -z $got ]]; then
    tail -n 5 "$dir/stderr" >&2 || true
    fail "$name: no core from $(sources | paste -sd' '), exit status $(<"$dir/exit")"
  fi
  sed -n 's/^TRUTH //p' "$dir/stdout" >"$dir/truth.jsonl"
  if [[ ! -s $dir/truth.jsonl ]]; then fail "$name: the program told no truth"; fi
  echo "$got" >"$dir/source"
  rm -f "$dir/pid"
  echo "$stamp" >"$dir/stamp"
}

build_withcore() {
  if [[ -n ${SDCORE_WITHCORE:-} ]] || ! sources | grep -qx withcore; then return 0; fi
  if [[ ! -d $root/safedump/cmd/withcore ]]; then return 0; fi
  mkdir -p "$out/.tools"
  (cd "$root/safedump" && CGO_ENABLED=0 "$go" build -buildvcs=false -o "$out/.tools/withcore" ./cmd/withcore) ||
    say "gen-cores.sh: safedump/cmd/withcore does not build; only the kernel's own cores can be had"
}

crash_line() { # DIR: the first line of what Go said about the crash
  local line
  line=$(grep -m1 -E '^(panic: |fatal error: |SIG[A-Z]+: )' "$1/stderr" || head -n 1 "$1/stderr")
  printf '%.90s' "$line"
}

manifest() { # NAME...
  local name dir
  printf '%-18s %-9s %8s %6s  %s\n' NAME CORE DISK TRUTHS CRASH
  for name in "$@"; do
    dir=$out/$name
    if [[ ! -e $dir/stamp ]]; then continue; fi
    printf '%-18s %-9s %7dK %6d  %s\n' "$name" "$(<"$dir/source")" "$(du -k "$dir/core" | cut -f1)" \
      "$(wc -l <"$dir/truth.jsonl")" "$(crash_line "$dir")"
  done
}

# skip NAME WHY: leaves the reason for the tests, in the place of the core.
skip() {
  say "SKIP $1: $2"
  rm -rf "${out:?}/$1"
  mkdir -p "$out/$1"
  echo "$2" >"$out/$1/skipped"
}

# selected NAME...: the names that can be built here, loud about the others.
selected() {
  local name cc=${CC:-gcc}
  for name in "$@"; do
    if [[ " ${names[*]} " != *" $name "* ]]; then fail "no fixture $name; see gen-cores.sh --list"; fi
    if needs_c "$name" && ! command -v "${cc%% *}" >/dev/null; then
      say "SKIP $name: $cc not found; install gcc"
      continue
    fi
    if ! GOEXPERIMENT=$(experiment_of "$name") "$go" env GOVERSION >/dev/null 2>&1; then
      skip "$name" "$("$go" env GOVERSION) has no GOEXPERIMENT=$(experiment_of "$name")"
      continue
    fi
    echo "$name"
  done
}

main() {
  local list wanted=("${names[@]}") failed=0
  case ${1:-} in
    --list)
      printf '%s\n' "${names[@]}"
      return
      ;;
    --clean)
      rm -rf "$out"
      return
      ;;
    --one)
      make_one "$2"
      return
      ;;
    -*) fail "unknown flag $1" ;;
    ?*) wanted=("$@") ;;
  esac
  command -v "$go" >/dev/null || fail "$go not found; install Go"
  list=$(selected "${wanted[@]}")
  mkdir -p "$out"
  exec 9>"$out/.lock"
  if command -v flock >/dev/null; then flock 9; fi
  build_withcore
  # shellcheck disable=SC2086 # one word per name
  printf '%s\n' $list | xargs -r -n 1 -P "${SDCORE_JOBS:-2}" "$self" --one || failed=1
  # shellcheck disable=SC2086
  manifest $list
  printf '%d of %d fixtures in %s, %s on disk, %d s\n' "$(wc -w <<<"$list")" "${#wanted[@]}" "$out" "$(du -sh "$out" | cut -f1)" "$SECONDS"
  return "$failed"
}

# The script's test sources it and calls its functions.
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
