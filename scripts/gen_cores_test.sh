#!/usr/bin/env bash
# Tests gen-cores.sh: who is asked for the core, for every kind of
# core_pattern, with programs and directories that stand in for the host's.
# shellcheck disable=SC2016 # stand-ins are written here and expand later
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export SDCORE_CORES_DIR=$tmp/cores SDCORE_CORE_PATTERN_FILE=$tmp/core_pattern SDCORE_CORE_TRIES=2
echo core >"$SDCORE_CORE_PATTERN_FILE"
# shellcheck source-path=SCRIPTDIR source=gen-cores.sh
source "$here/gen-cores.sh"

failures=0
check() { # WHAT GOT WANT
  if [[ $2 != "$3" ]]; then
    printf 'FAIL %s: got %q, want %q\n' "$1" "$2" "$3"
    failures=$((failures + 1))
  fi
}

fake_core() { # FILE: the head of an ELF core, and a mark
  mkdir -p "$(dirname "$1")"
  printf '\177ELF\002\001\001\0\0\0\0\0\0\0\0\0\004\0\076\0' >"$1"
  printf '%s' "${2:-}" >>"$1"
}

# crashed DIR: a directory as a crash of process 4242 leaves it.
crashed() {
  rm -rf "$1"
  mkdir -p "$1"
  echo 4242 >"$1/pid"
}

test_source_by_pattern() {
  local pattern want
  while IFS='=' read -r want pattern; do
    printf '%s\n' "$pattern" >"$SDCORE_CORE_PATTERN_FILE"
    check "source of '$pattern'" "$(source_by_pattern)" "$want"
  done <<'PATTERNS'
kernel=core
kernel=core.%p
kernel=/var/crash/core.%e.%p.%t
systemd=|/usr/lib/systemd/systemd-coredump %P %u %g %s %t %c %h
systemd=|/lib/systemd/systemd-coredump %P %u %g %s 9223372036854775808 %h
apport=|/usr/share/apport/apport -p%p -s%s -c%c -d%d -P%P -u%u -g%g -- %E
withcore=|/bin/false
withcore=|/wsl-capture-crash %t %E %p %s
withcore=
PATTERNS
  echo core >"$SDCORE_CORE_PATTERN_FILE"
}

test_kernel_glob() {
  local pattern want
  while IFS=' ' read -r pattern want; do
    check "glob of $pattern" "$(kernel_glob "$pattern" 4242)" "$want"
  done <<'GLOBS'
core core
core.%p core.4242
/cores/%e-%p-%t.core /cores/*-4242-*.core
%%p%%.%P %p%.*
odd[1]*?%u odd\[1\]\*\?*
GLOBS
}

test_kernel_file() {
  local dir=$tmp/kernel pattern file
  while IFS=' ' read -r pattern file; do
    crashed "$dir"
    printf '%s\n' "$pattern" >"$SDCORE_CORE_PATTERN_FILE"
    case $file in /*) fake_core "$tmp$file" mine ;; *) fake_core "$dir/$file" mine ;; esac
    sed -i "s|^/|$tmp/|" "$SDCORE_CORE_PATTERN_FILE"
    collect_kernel "$dir" 4242 || true
    check "the kernel's file by $pattern" "$(tail -c 4 "$dir/core" 2>/dev/null)" mine
  done <<'FILES'
core core
core core.4242
dump-%p-%s dump-4242-11
/abs/core.%e.%p /abs/core.bin.4242
FILES
  crashed "$dir"
  echo core.%p >"$SDCORE_CORE_PATTERN_FILE"
  fake_core "$dir/core.1"
  echo 'not a core' >"$dir/core.4242"
  if collect_kernel "$dir" 4242; then check "another process's core, and a text" taken refused; fi
  crashed "$dir"
  echo core >"$SDCORE_CORE_PATTERN_FILE"
  fake_core "$dir/core"
  touch -d '1 hour ago' "$dir/core"
  if collect_kernel "$dir" 4242; then check "yesterday's core" taken refused; fi
}

test_systemd() {
  local dir=$tmp/systemd bin=$tmp/systemd-bin
  mkdir -p "$bin"
  cat >"$bin/coredumpctl" <<FAKE
#!/bin/sh
echo "\$*" >"$tmp/coredumpctl.args"
for a; do case \$a in --output=*) cp "$tmp/stored" "\${a#--output=}" ;; esac; done
FAKE
  chmod +x "$bin/coredumpctl"
  fake_core "$tmp/stored" ctl
  crashed "$dir"
  PATH=$bin:$PATH collect_systemd "$dir" 4242 || true
  check "coredumpctl's core" "$(tail -c 3 "$dir/core" 2>/dev/null)" ctl
  check "coredumpctl's arguments" "$(cat "$tmp/coredumpctl.args")" "--quiet --output=$dir/core dump 4242"

  # without coredumpctl: the stored file, compressed
  crashed "$dir"
  export SDCORE_SYSTEMD_DIR=$tmp/store
  printf '#!/bin/sh\nfor f; do :; done\ntail -c +5 "$f"\n' >"$bin/zstd"
  printf '#!/bin/sh\nexit 1\n' >"$bin/coredumpctl"
  chmod +x "$bin/zstd" "$bin/coredumpctl"
  mkdir -p "$SDCORE_SYSTEMD_DIR"
  fake_core "$tmp/plain" zst
  { printf 'ZSTD' && cat "$tmp/plain"; } >"$SDCORE_SYSTEMD_DIR/core.bin.0.abcdef.4242.1700000000000000.zst"
  fake_core "$SDCORE_SYSTEMD_DIR/core.bin.0.abcdef.4243.1700000000000000" other
  PATH=$bin:$PATH collect_systemd "$dir" 4242 || true
  check "systemd's stored core" "$(tail -c 3 "$dir/core" 2>/dev/null)" zst
  crashed "$dir"
  if PATH=$bin:$PATH collect_systemd "$dir" 99; then check "a process that systemd does not know" taken refused; fi
}

test_apport() {
  local dir=$tmp/apport bin=$tmp/apport-bin report
  export SDCORE_APPORT_DIRS="$tmp/apport-cores $tmp/apport-crash"
  mkdir -p "$bin" "$tmp/apport-crash"
  crashed "$dir"
  fake_core "$tmp/apport-cores/core._bin.0.abc.4242.77" file
  collect_apport "$dir" 4242 || true
  check "apport's core file" "$(tail -c 4 "$dir/core" 2>/dev/null)" file
  crashed "$dir"
  fake_core "$dir/core" here
  collect_apport "$dir" 4242 || true
  check "the core that an old apport left in place" "$(tail -c 4 "$dir/core" 2>/dev/null)" here
  crashed "$dir"
  report=$tmp/apport-crash/$(tr / _ <<<"$dir/bin").$(id -u).crash
  echo report >"$report"
  fake_core "$tmp/packed" pack
  printf '#!/bin/sh\nmkdir -p "$2" && cp "%s" "$2/CoreDump"\n' "$tmp/packed" >"$bin/apport-unpack"
  chmod +x "$bin/apport-unpack"
  PATH=$bin:$PATH collect_apport "$dir" 4242 || true
  check "the core in apport's report" "$(tail -c 4 "$dir/core" 2>/dev/null)" pack
  check "apport's report" "$(ls "$tmp/apport-crash")" ""
}

# whole WHAT PATTERN WANT [PATH]: the whole script, one real crash.
whole() {
  local got
  printf '%s\n' "$2" >"$SDCORE_CORE_PATTERN_FILE"
  rm -rf "$SDCORE_CORES_DIR/nilmap"
  if ! PATH=${4:-$PATH} "$self" nilmap >"$tmp/log" 2>&1; then cat "$tmp/log"; fi
  got=$(cat "$SDCORE_CORES_DIR/nilmap/source" 2>/dev/null || true)
  check "$1" "$got" "$3"
}

test_whole() {
  local real bin=$tmp/whole-bin
  real=$(cat /proc/sys/kernel/core_pattern)
  mkdir -p "$bin"
  printf '#!/bin/sh\nexit 1\n' >"$bin/coredumpctl"
  chmod +x "$bin/coredumpctl"
  export SDCORE_SYSTEMD_DIR=$tmp/none SDCORE_APPORT_DIRS=$tmp/none
  case $real in
    '|'* | */* | '') echo "this host's kernel writes no core beside the program: that branch is tested with stand-ins only" ;;
    *) if [[ $(ulimit -H -c) != 0 ]]; then whole "the kernel's own file" "$real" kernel; fi ;;
  esac
  whole "a pipe that nobody reads back" '|/bin/false' withcore
  check "withcore's core" "$(is_core "$SDCORE_CORES_DIR/nilmap/core" && echo core)" core
  check "the truth" "$(grep -c '"m.Service"' "$SDCORE_CORES_DIR/nilmap/truth.jsonl")" 1
  whole "systemd has nothing: fall back" '|/lib/systemd/systemd-coredump %P' withcore "$bin:$PATH"
  whole "a file that is nowhere: fall back" "$tmp/nowhere/core.%p" withcore
  fake_core "$tmp/kept" ctl
  printf '#!/bin/sh\nfor a; do case $a in --output=*) cp "%s" "${a#--output=}" ;; esac; done\n' "$tmp/kept" >"$bin/coredumpctl"
  whole "systemd has it" '|/lib/systemd/systemd-coredump %P' systemd "$bin:$PATH"
}

test_idempotent() {
  local before after
  echo '|/bin/false' >"$SDCORE_CORE_PATTERN_FILE"
  "$self" nilmap >/dev/null
  before=$(stat -c '%i %Y' "$SDCORE_CORES_DIR/nilmap/core")
  "$self" nilmap >"$tmp/log"
  after=$(stat -c '%i %Y' "$SDCORE_CORES_DIR/nilmap/core")
  check "a second run" "$after" "$before"
  check "the manifest" "$(grep -c '^nilmap .*panic: assignment to entry in nil map$' "$tmp/log")" 1
  echo stale >"$SDCORE_CORES_DIR/nilmap/stamp"
  "$self" nilmap >/dev/null
  after=$(stat -c '%i %Y' "$SDCORE_CORES_DIR/nilmap/core")
  check "a run after a change" "$([[ $after == "$before" ]] && echo kept || echo made)" made
}

test_skips() {
  check "without a C compiler" "$(CC=/nonexistent/cc "$self" cgosegv 2>&1 >/dev/null)" "SKIP cgosegv: /nonexistent/cc not found; install gcc"
  check "an unknown fixture" "$("$self" nosuch 2>&1 >/dev/null || true)" "gen-cores.sh: no fixture nosuch; see gen-cores.sh --list"
  rm -rf "$SDCORE_CORES_DIR/nilmap"
  check "a source that yields nothing" "$(SDCORE_CORE_SOURCE=systemd SDCORE_SYSTEMD_DIR=$tmp/none "$self" nilmap 2>&1 >/dev/null | tail -n 1)" \
    "gen-cores.sh: nilmap: no core from systemd, exit status 134"
}

failed=0
for t in $(declare -F | sed -n 's/^declare -f \(test_\)/\1/p'); do
  # a subshell keeps to itself what a test exports; failures come back as status
  (
    "$t"
    exit "$failures"
  ) || failed=$((failed + $?))
done
if ((failed > 0)); then
  echo "gen_cores_test.sh: $failed failed"
  exit 1
fi
echo "gen_cores_test.sh: ok"
