#!/usr/bin/env bash
# Runs the tests of the Redmine tracker on a real Redmine: an instance of its own in a
# new directory, with SQLite, on a free port, stopped and removed whatever happens.
# Installs Debian's packages where they are missing and it may.
#
# scripts/redmine-test.sh [GO TEST ARGUMENTS]   default: those of a real Redmine
set -euo pipefail
cd "$(dirname "$0")/.."

home=/usr/share/redmine
installed() { [ -e "$home/config.ru" ] && command -v puma bundle >/dev/null && ruby -e 'require "sqlite3"' 2>/dev/null; }
if ! installed; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "no Redmine here: install it (apt-get install redmine redmine-sqlite ruby-sqlite3 puma)" >&2
    exit 1
  fi
  log=$(mktemp /tmp/sdcore-redmine-apt.XXXXXX)
  apt-get update -q >"$log"
  # The package's own setup fails on some hosts, at "bundle install --local"; all
  # that is needed is unpacked and configured by then.
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends redmine redmine-sqlite ruby-sqlite3 puma >>"$log" 2>&1 || true
  if ! installed; then
    tail -40 "$log" >&2
    echo "Redmine could not be installed" >&2
    exit 1
  fi
  rm -f "$log"
fi
if [ ! -w /var/lib/redmine ]; then
  echo "an instance of Redmine needs /var/lib/redmine: run this as root" >&2
  exit 1
fi

dir=$(mktemp -d /tmp/sdcore-redmine.XXXXXX)
instance=${dir##*/}
server= tests=
end() {
  [ -z "$tests" ] || kill "$tests" 2>/dev/null || true
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "/var/lib/redmine/$instance" "$dir"
}
trap end EXIT
trap 'exit 1' INT TERM HUP

mkdir -p "$dir"/{config,files,log,tmp,public/plugin_assets}
ln -s "$dir" "/var/lib/redmine/$instance"
printf 'production:\n  adapter: sqlite3\n  database: %s/redmine.sqlite3\n' "$dir" >"$dir/config/database.yml"
od -An -N32 -tx1 /dev/urandom | tr -d ' \n' >"$dir/config/secret_key.txt"
export REDMINE_INSTANCE=$instance RAILS_ENV=production SCHEMA=/dev/null REDMINE_LANG=en

# rails runs a command of Redmine's and shows what it said if it failed.
rails() { (cd "$home" && bundle exec "$@" >"$dir/rails.log" 2>&1) || { tail -40 "$dir/rails.log" >&2; return 1; }; }
rails rake db:migrate
rails rake redmine:load_default_data # in the same run as the migration it loads nothing
cat >"$dir/setup.rb" <<'RUBY'
Setting.rest_api_enabled = '1'
raise 'there are no trackers' if Tracker.count == 0
Project.create!(name: 'Pay', identifier: 'pay', is_public: true, trackers: Tracker.all, enabled_module_names: ['issue_tracking'])
File.write(ARGV[0], User.find_by_login('admin').api_key)
RUBY
rails rails runner "$dir/setup.rb" "$dir/key"
cat >"$dir/formatting" <<EOF
#!/bin/sh
cd $home && exec bundle exec rails runner "Setting.text_formatting = '\$1'"
EOF
chmod 700 "$dir/formatting"

port=$(ruby -rsocket -e 's = TCPServer.new("127.0.0.1", 0); puts s.addr[1]')
(cd "$home" && exec puma -q -e production -b "tcp://127.0.0.1:$port" --dir "$home") >"$dir/server.log" 2>&1 &
server=$!
for _ in $(seq 120); do
  ! curl -fs -o /dev/null "http://127.0.0.1:$port/issues.json" || break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.5
done
if ! curl -fs -o /dev/null "http://127.0.0.1:$port/issues.json"; then
  tail -40 "$dir/server.log" >&2
  echo "Redmine does not answer" >&2
  exit 1
fi

SDCORE_TEST_REDMINE="http://127.0.0.1:$port" SDCORE_TEST_REDMINE_KEY=$(cat "$dir/key")
export SDCORE_TEST_REDMINE SDCORE_TEST_REDMINE_KEY SDCORE_TEST_REDMINE_FORMATTING="$dir/formatting"
# In the background, so that a signal is not left waiting.
if [ "$#" -gt 0 ]; then
  go test "$@" &
else
  go test -count=1 -run RealRedmine ./tracker &
fi
tests=$!
if ! wait "$tests"; then
  tests=
  grep -v "^I, " "$dir"/log/production.log | tail -40 >&2
  exit 1
fi
tests=
