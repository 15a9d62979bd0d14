#!/usr/bin/env bash
# Runs the tests of the index on a real PostgreSQL server: a cluster of its own in
# a new directory, on a socket in it, stopped and removed whatever happens.
# Installs Debian's package postgresql where it is missing and it may.
#
# scripts/postgres-test.sh [GO TEST ARGUMENTS]   default: the index and the commands
set -euo pipefail
cd "$(dirname "$0")/.."

# server_programs prints the directory of initdb; Debian keeps it out of PATH.
server_programs() {
  local dir
  for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) $(dirname "$(command -v initdb || echo /none/initdb)"); do
    [ ! -x "$dir/initdb" ] || { echo "$dir"; return; }
  done
  return 1
}

if ! programs=$(server_programs); then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "no PostgreSQL server here: install it (apt-get install postgresql)" >&2
    exit 1
  fi
  apt-get update -q
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql
  programs=$(server_programs)
fi

# PostgreSQL refuses to run as root, and its user must get into the directory.
as=()
[ "$(id -u)" -ne 0 ] || as=(runuser -u postgres --)
dir=$(mktemp -d /tmp/sdcore-postgres.XXXXXX)
tests=
end() {
  [ -z "$tests" ] || kill "$tests" 2>/dev/null || true
  (cd /; "${as[@]}" "$programs/pg_ctl" -D "$dir/data" -s -m immediate stop 2>/dev/null) || true
  rm -rf "$dir"
}
trap end EXIT
trap 'exit 1' INT TERM HUP

PGPASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
export PGPASSWORD
printf '%s\n' "$PGPASSWORD" >"$dir/password"
[ "$(id -u)" -ne 0 ] || chown -R postgres "$dir"
(
  cd /
  # The order of texts must not depend on that of the database: one that is not
  # that of their bytes, where the server has it (PostgreSQL 15).
  order=()
  ! "$programs/initdb" --help | grep -q locale-provider || order=(--locale-provider=icu --icu-locale=en-US)
  "${as[@]}" "$programs/initdb" -D "$dir/data" -U sdcore --pwfile="$dir/password" --auth=scram-sha-256 --encoding=UTF8 \
    --locale=C.UTF-8 "${order[@]}" --no-sync >"$dir/initdb.log" || { cat "$dir/initdb.log" >&2; exit 1; }
  "${as[@]}" "$programs/pg_ctl" -D "$dir/data" -s -w -l "$dir/server.log" \
    -o "-c listen_addresses= -c unix_socket_directories=$dir -c fsync=off" start || { cat "$dir/server.log" >&2; exit 1; }
)

export SDCORE_TEST_POSTGRES="postgres://sdcore@/postgres?host=$dir"
# In the background, so that a signal is not left waiting.
run() {
  go test "$@" &
  tests=$!
  wait "$tests"
  tests=
}
if [ "$#" -gt 0 ]; then
  run "$@"
else
  run -count=1 ./triage/index
  run -count=1 -run Postgres ./cmd/sdcore
fi
