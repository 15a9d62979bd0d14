#!/usr/bin/env bash
# What sdcore knows of the heap of a large program at work: caddy with 1 000
# connections that are kept busy, its core taken while it serves.
#
# scripts/heap-caddy.sh [DIRECTORY] [CONNECTIONS]   default: a temporary one, 1 000
#
# prints `sdcore heap histogram` of the core, whose head says which share of the
# bytes has a type. In DIRECTORY it leaves core, bin and what caddy said (log).
# Every third request goes through caddy's own proxy, every third reads a file.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d) # names of sockets must be short
pids=()
finish() {
  exec 3>&- || true
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$scratch"
}
trap finish EXIT
dir=${1:-$scratch}
connections=${2:-1000}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

ulimit -n "$(ulimit -H -n)" # three descriptors and more for each connection
go build -o "$scratch/sdcore" ./cmd/sdcore
go build -o "$scratch/httpload" ./scripts/httpload
version=$(scripts/caddy-build.sh "$dir")

mkdir "$scratch/files"
head -c 30000 /dev/urandom | base64 >"$scratch/files/page.html"
port=$((20000 + $$ % 20000))
cat >"$scratch/config.json" <<CONFIG
{"admin": {"disabled": true, "config": {"persist": false}},
 "logging": {"logs": {"default": {"level": "ERROR"}}},
 "apps": {"http": {"servers": {
  "front": {"listen": ["127.0.0.1:$port"], "automatic_https": {"disable": true}, "routes": [
    {"match": [{"path": ["/proxy"]}], "handle": [
      {"handler": "encode", "encodings": {"gzip": {}, "zstd": {}}},
      {"handler": "reverse_proxy", "upstreams": [{"dial": "unix/$scratch/s"}]}]},
    {"match": [{"path": ["/text"]}], "handle": [
      {"handler": "headers", "response": {"set": {"X-Bench": ["1"]}}},
      {"handler": "static_response", "body": "{http.request.uri.query.user} at {time.now.http}"}]},
    {"handle": [{"handler": "file_server", "root": "$scratch/files"}]}]},
  "back": {"listen": ["unix/$scratch/s"], "routes": [{"handle": [
    {"handler": "vars", "order": "{http.request.uri.query.turn}"},
    {"handler": "templates", "mime_types": ["text/html", "text/plain"]},
    {"handler": "static_response", "headers": {"Content-Type": ["text/plain"]}, "body": "order {{placeholder \"http.vars.order\"}}"}]}]}}}}}
CONFIG

export HOME=$scratch XDG_DATA_HOME=$scratch XDG_CONFIG_HOME=$scratch
"$dir/bin" run --config "$scratch/config.json" >"$dir/log" 2>&1 &
caddy=$!
pids+=("$caddy")
for ((n = 0; n < 100; n++)); do
  if (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
  sleep 0.1
done
mkfifo "$scratch/stop"
"$scratch/httpload" "127.0.0.1:$port" "$connections" /proxy /text /page.html <"$scratch/stop" >"$scratch/load" 2>&1 &
pids+=("$!")
exec 3>"$scratch/stop" # the load ends when this is closed
for ((n = 0; n < 700; n++)); do
  if grep -qs ready "$scratch/load"; then break; fi
  if [ -s "$scratch/load" ] || [ "$n" -eq 699 ]; then
    cat "$scratch/load" "$dir/log" >&2
    exit 1
  fi
  sleep 0.1
done
sleep 2
rm -f "$dir/core"
"$scratch/sdcore" capture "$caddy" -o "$dir/core" || [ $? -eq 3 ]
exec 3>&-
wait "${pids[1]}" || true
sed -n '$p' "$scratch/load"
kill "$caddy"
printf 'caddy %s; core: %s on disk\n\n' "$version" "$(du -h "$dir/core" | cut -f1)"
"$scratch/sdcore" heap histogram "$dir/core" "$dir/bin"
